//! `configServer` in `/actuator/health`: whether an environment can be found.

use async_trait::async_trait;
use mall_actuator::{Health, HealthIndicator};
use serde_json::json;

use crate::request::Wanted;
use crate::state::State;

pub(crate) struct StoreHealth(pub(crate) State);

#[async_trait]
impl HealthIndicator for StoreHealth {
    fn name(&self) -> &'static str {
        "configServer"
    }

    async fn check(&self) -> Health {
        // Spring's own test application.
        let wanted = Wanted {
            name: "app".to_owned(),
            profiles: "default".to_owned(),
            label: None,
        };
        match self.0.find(wanted).await {
            Ok(found) => {
                let sources: Vec<String> = found
                    .unwrap_or_default()
                    .sources
                    .into_iter()
                    .map(|source| source.name)
                    .collect();
                Health::up().detail(
                    "repositories",
                    json!([{"sources": sources, "name": "app", "profiles": ["default"], "label": null}]),
                )
            }
            Err(error) => Health::down(error.to_string()).detail(
                "repository",
                json!({"application": "app", "profiles": "default"}),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::environment_repository::{Location, NativeRepository};
    use crate::state::ServerSettings;

    fn state(folder: &Path) -> State {
        State::new(ServerSettings {
            repository: NativeRepository {
                locations: vec![Location::parse(&folder.display().to_string(), folder).unwrap()],
                default_label: "master".to_owned(),
                add_label_locations: true,
            },
            encryptor: None,
            decrypt: true,
            overrides: Vec::new(),
            accept_empty: true,
            version: None,
            login: None,
            clock: mall_clock::system(),
        })
    }

    #[tokio::test]
    async fn says_what_it_found_or_what_is_wrong() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config-repo");
        let health = StoreHealth(state(&folder)).check().await;
        let shown = serde_json::Value::Object(health.to_json(false))
            .to_string()
            .replace(&folder.display().to_string(), "/config-repo");
        // As recorded: health-native.
        assert_eq!(
            shown,
            r#"{"status":"UP","details":{"repositories":[{"sources":["file:/config-repo/application-default.yml","file:/config-repo/application.yml"],"name":"app","profiles":["default"],"label":null}]}}"#
        );
        let broken = tempfile::tempdir().unwrap();
        std::fs::write(broken.path().join("application.yml"), "a: b: c\n").unwrap();
        let health = StoreHealth(state(broken.path())).check().await;
        let shown = serde_json::Value::Object(health.to_json(false)).to_string();
        assert!(shown.starts_with(r#"{"status":"DOWN","#), "{shown}");
        assert!(shown.contains("application.yml: line 1"), "{shown}");
    }
}
