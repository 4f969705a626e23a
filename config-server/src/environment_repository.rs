//! Where environments come from. A folder of files is the only place so far.

pub mod native;
mod profile_set;

use std::path::PathBuf;

use mall_spring_config::yaml::YamlError;

pub use native::{Location, NativeRepository};

/// The files are wrong: nobody who asks can help it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}")]
    Yaml { path: PathBuf, source: YamlError },
    #[error("{path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: larger than {limit} bytes")]
    TooLarge { path: PathBuf, limit: usize },
    #[error("{path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
}
