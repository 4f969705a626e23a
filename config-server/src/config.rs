//! Settings, with Spring Cloud Config's names and defaults.

use mall_spring_config::Settings;
use serde::Deserialize;

/// `spring.cloud.config.server.*`, as far as a folder of files needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of files.
    pub native: Native,
    /// Whether `{cipher}` values are decrypted here.
    pub encrypt: Encrypt,
    /// Whether an application without any source is answered with 200 and nothing, instead of 404.
    pub accept_empty: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            native: Native::default(),
            encrypt: Encrypt::default(),
            accept_empty: true,
        }
    }
}

/// `spring.cloud.config.server.native.*`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Native {
    /// Folders, the later winning; `file:` in front is allowed, `optional:` lets a folder be missing.
    pub search_locations: Vec<String>,
    /// The label of requests without one.
    pub default_label: String,
    /// Whether `<location>/<label>/` is read too.
    pub add_label_locations: bool,
    /// Told as the version of every answer.
    pub version: Option<String>,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            search_locations: Vec::new(),
            default_label: "master".to_owned(),
            add_label_locations: true,
            version: None,
        }
    }
}

/// `spring.cloud.config.server.encrypt.*`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Encrypt {
    pub enabled: bool,
}

impl Default for Encrypt {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Where [`Config`] stands.
pub const SECTION: &str = "spring.cloud.config.server";

/// Values that are added in front of every answer, as text.
pub fn overrides(settings: &Settings) -> Vec<(String, String)> {
    let prefix = format!("{SECTION}.overrides");
    settings
        .keys(&prefix)
        .into_iter()
        .filter_map(|key| {
            let name = key.get(prefix.len() + 1..)?.to_owned();
            settings.get(&key).map(|value| (name, value))
        })
        .collect()
}
