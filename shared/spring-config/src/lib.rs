//! Spring's way of writing and reading settings, for programs that are not Spring: YAML and `.properties` files flattened as
//! Spring Boot flattens them, `{cipher}` values, relaxed names, `${placeholders}`, and the client of a Spring Cloud Config server.
//!
//! It is not the config server; that uses these parts, as every service does through `mall_service`.
//!
//! Reading order: [`source`] (what a file becomes), [`yaml`] and [`properties`] (how), [`settings`] (how several sources become
//! one answer), [`client`] (where sources come from).

pub mod cipher;
pub mod client;
pub mod environment;
pub mod names;
pub mod placeholder;
pub mod profiles;
pub mod properties;
pub mod settings;
pub mod source;
pub mod yaml;

pub use cipher::{CipherError, Encryptor};
pub use client::{ConfigClient, ConfigError};
pub use environment::Environment;
pub use settings::{SettingProblem, Settings, SettingsBuilder, SettingsError};
pub use source::{Document, Origin, Property, PropertySource, Scalar};
pub use yaml::YamlError;
