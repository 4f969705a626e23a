//! The store that comes with the project: every file reads, every cipher opens, nothing secret stands outside `local`.

use std::path::{Path, PathBuf};

use mall_config_server::ConfigServer;
use mall_service::App;
use mall_spring_config::{Encryptor, Environment, Settings, yaml};

use crate::support::{get, serve, settings};

const SERVICES: [&str; 8] = [
    "api-gateway",
    "application-user",
    "application-product",
    "application-cart",
    "application-order",
    "application-payment",
    "application-stock",
    "discovery-server",
];

fn store() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config-repo")
}

/// The settings that a service would see from the config server alone.
async fn seen(service: &str, profiles: &str) -> Settings {
    let documents = yaml::load("defaults", ConfigServer::DEFAULTS).unwrap();
    let own = Settings::builder()
        .add_documents(documents, &["local".to_owned()])
        .build()
        .unwrap();
    let mut server = settings(&[&store()]);
    server.encryptor = Some(Encryptor::new(&own.get("encrypt.key").unwrap(), "deadbeef").unwrap());
    let answer = get(&serve(server), &format!("/{service}/{profiles}")).await;
    assert_eq!(answer.status, 200, "{service}: {}", answer.body);
    let environment: Environment = serde_json::from_str(&answer.body).unwrap();
    assert!(
        environment
            .property_sources
            .iter()
            .any(|source| source.name.ends_with(&format!("/{service}.yml"))),
        "{service} has no file of its own"
    );
    Settings::builder()
        .add_highest_first(environment.into_sources())
        .build()
        .unwrap()
}

#[tokio::test]
async fn every_service_finds_its_settings() {
    for service in SERVICES {
        let settings = seen(service, "local").await;
        assert!(
            settings.keys("invalid").is_empty(),
            "{service}: {:?}",
            settings.keys("invalid")
        );
        assert_eq!(settings.get("mall.zone").as_deref(), Some("Asia/Seoul"));
        assert_eq!(
            settings
                .get("eureka.client.registry-fetch-interval-seconds")
                .as_deref(),
            Some("1")
        );
        assert!(
            settings.get_as::<u16>("server.port").unwrap().is_some(),
            "{service}"
        );
        for secret in ["jwt.secret", "mall.internal.key"] {
            let value = settings.get(secret).unwrap();
            assert!(
                value.starts_with("demo-") && value.len() >= 32,
                "{service}: {secret}"
            );
        }
    }
    let users = seen("application-user", "local").await;
    for secret in [
        "mall.users.encryption.keys.k1",
        "mall.users.encryption.index-secret",
    ] {
        assert!(users.get(secret).unwrap().starts_with("demo-"), "{secret}");
    }
}

#[tokio::test]
async fn nothing_secret_stands_outside_the_local_profile() {
    for service in SERVICES {
        let settings = seen(service, "default").await;
        for key in settings.keys("") {
            let value = settings.get(&key).unwrap();
            assert!(!value.starts_with("demo-"), "{service}: {key}");
            let last = key.rsplit('.').next().unwrap_or_default();
            assert!(
                !["password", "secret", "key"].contains(&last) || value.is_empty(),
                "{service}: {key} stands in clear"
            );
        }
    }
}
