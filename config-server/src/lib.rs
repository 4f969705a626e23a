//! The config server: a folder of settings files over HTTP, as Spring Cloud Config 4.1 serves them.
//!
//! Reading order: [`routes`] (what is answered), [`request`] (which path means what), [`environment_repository`] (which files,
//! in which order), [`environment`] and [`merged`] (what an answer looks like), [`login`] (who may ask).

mod app;
pub mod config;
pub mod environment;
pub mod environment_repository;
mod error;
mod health;
mod json;
pub mod login;
pub mod merged;
mod negotiation;
pub mod request;
pub mod routes;
pub mod state;
mod yaml_text;

pub use app::ConfigServer;
pub use routes::router;
pub use state::{ServerSettings, State};
