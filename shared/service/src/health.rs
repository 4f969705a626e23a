//! The components that every program's health shows.

use async_trait::async_trait;
use mall_actuator::{Health, HealthIndicator};
use mall_db::Db;
use mall_eureka::EurekaClient;
use redis::aio::ConnectionManager;

pub(crate) struct DatabaseHealth(pub(crate) Db);

#[async_trait]
impl HealthIndicator for DatabaseHealth {
    fn name(&self) -> &'static str {
        "db"
    }

    async fn check(&self) -> Health {
        match self.0.version().await {
            Ok(version) => {
                let product = if version.contains("MariaDB") {
                    "MariaDB"
                } else {
                    "MySQL"
                };
                let (open, idle) = self.0.connections();
                Health::up()
                    .detail("database", product)
                    .detail("version", version)
                    .detail("connections", open)
                    .detail("idle", idle)
            }
            Err(error) => Health::down(error.to_string()),
        }
    }
}

pub(crate) struct RedisHealth(pub(crate) ConnectionManager);

#[async_trait]
impl HealthIndicator for RedisHealth {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn check(&self) -> Health {
        let mut redis = self.0.clone();
        match redis::cmd("INFO")
            .arg("server")
            .query_async::<String>(&mut redis)
            .await
        {
            Ok(info) => {
                let version = info
                    .lines()
                    .find_map(|line| line.strip_prefix("redis_version:"));
                Health::up().detail("version", version.unwrap_or("unknown").trim())
            }
            Err(error) => Health::down(error.to_string()),
        }
    }
}

/// The registry. A program goes on with its last view when the registry is away, so that alone is not DOWN.
pub(crate) struct RegistryHealth(pub(crate) EurekaClient);

#[async_trait]
impl HealthIndicator for RegistryHealth {
    fn name(&self) -> &'static str {
        "discoveryComposite"
    }

    async fn check(&self) -> Health {
        let age = self.0.last_fetch().map(|at| at.elapsed().as_secs());
        let health = if self.0.is_registered() && age.is_some() {
            Health::up()
        } else {
            Health::unknown()
        };
        let health = health
            .detail("registered", self.0.is_registered())
            .detail("applications", self.0.applications());
        match age {
            Some(age) => health.detail("lastFetchAgeSeconds", age),
            None => health,
        }
    }
}

/// Where the settings came from.
pub(crate) struct ConfigHealth(pub(crate) Vec<String>);

#[async_trait]
impl HealthIndicator for ConfigHealth {
    fn name(&self) -> &'static str {
        "clientConfigServer"
    }

    async fn check(&self) -> Health {
        Health::up().detail("propertySources", self.0.clone())
    }
}
