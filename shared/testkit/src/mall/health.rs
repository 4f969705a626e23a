//! When is the mall up? When each instance says so itself and knows of all others, the registry lists it as UP, and the gateway
//! reaches the shop.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::Value;

use super::service::{SERVICES, Service};
use super::{Event, Mall, listed};
use crate::http;
use crate::server::Server;

/// Waits for all of it, in at most `timeout`; names who is missing when that is over.
pub(super) fn wait(
    mall: &Mall,
    timeout: Duration,
    on_event: &(dyn Fn(Event) + Sync),
    cancelled: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + timeout;
    let mut told: Vec<String> = Vec::new();
    loop {
        let missing = missing(mall)?;
        if missing.is_empty() {
            return Ok(());
        }
        if cancelled() {
            bail!("cancelled while waiting for {}", listed(&missing));
        }
        if Instant::now() > deadline {
            let culprit = missing
                .iter()
                .find_map(|name| mall.server(name))
                .or(mall.server("gateway"));
            let end = culprit.map(|server| server.log_end()).unwrap_or_default();
            bail!(
                "not up within {} s: {}{end}",
                timeout.as_secs(),
                listed(&missing)
            );
        }
        if missing != told {
            on_event(Event::Waiting {
                missing: missing.clone(),
            });
            told = missing;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// The names of those that are not up; an error when one of them has ended instead.
fn missing(mall: &Mall) -> anyhow::Result<Vec<String>> {
    let listed_up = up_in_registry(&mall.registry_url());
    let mut missing = Vec::new();
    for server in mall.instances() {
        let health = http::get(
            &format!("{}/actuator/health", server.url()),
            Duration::from_millis(500),
        );
        let Some(health) = health.ok().filter(|health| health.status == 200) else {
            // Tells why, when it has ended.
            server.check_runs()?;
            missing.push(server.name().to_owned());
            continue;
        };
        server.note_ready();
        if !is_listed(server, &listed_up) || !knows_all(&health.json().unwrap_or_default()) {
            missing.push(server.name().to_owned());
        }
    }
    if missing.is_empty() && !gateway_reaches_the_shop(&mall.gateway_url()) {
        missing.push("the gateway's view of the shop".to_owned());
    }
    Ok(missing)
}

fn is_listed(server: &Server, up: &[(String, u16)]) -> bool {
    match Service::of_instance(server.name()).and_then(|service| service.app) {
        None => true,
        Some(app) => up
            .iter()
            .any(|(name, port)| name.eq_ignore_ascii_case(app) && *port == server.port()),
    }
}

/// Whether it has seen every service in the registry, into which it looks every few seconds only: until then it could not call
/// those that started after it. Without such details in its health there is nothing to wait for.
fn knows_all(health: &Value) -> bool {
    let Some(known) =
        health["components"]["discoveryComposite"]["details"]["applications"].as_array()
    else {
        return true;
    };
    let is_known = |app: &str| {
        known
            .iter()
            .filter_map(Value::as_str)
            .any(|name| name.eq_ignore_ascii_case(app))
    };
    SERVICES
        .iter()
        .filter_map(|service| service.app)
        .all(is_known)
}

/// The gateway, too, looks into the registry every few seconds only.
fn gateway_reaches_the_shop(gateway: &str) -> bool {
    http::get(
        &format!("{gateway}/product/allproduct"),
        Duration::from_secs(2),
    )
    .is_ok_and(|reply| reply.status == 200)
}

/// Name and port of each instance that is UP there; empty when it does not answer.
fn up_in_registry(registry: &str) -> Vec<(String, u16)> {
    let reply = http::get(&format!("{registry}/eureka/apps"), Duration::from_secs(1));
    reply
        .ok()
        .filter(|reply| reply.status == 200)
        .and_then(|reply| reply.json().ok())
        .map(|apps| up(&apps))
        .unwrap_or_default()
}

fn up(apps: &Value) -> Vec<(String, u16)> {
    let mut up = Vec::new();
    for app in items(&apps["applications"]["application"]) {
        for instance in items(&app["instance"]) {
            let port = &instance["port"]["$"];
            let port = port
                .as_u64()
                .or_else(|| port.as_str()?.parse().ok())
                .and_then(|port| u16::try_from(port).ok());
            if let (Some("UP"), Some(port), Some(name)) =
                (instance["status"].as_str(), port, app["name"].as_str())
            {
                up.push((name.to_owned(), port));
            }
        }
    }
    up
}

/// Eureka's JSON may show a list of one as the one itself.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_that_has_not_seen_all_others_is_not_ready() {
        let mut apps: Vec<&str> = SERVICES.iter().filter_map(|service| service.app).collect();
        let health = |apps: &[&str]| json!({"components": {"discoveryComposite": {"details": {"applications": apps}}}});
        assert!(knows_all(&health(&apps)));
        apps.pop();
        assert!(!knows_all(&health(&apps)));
        assert!(knows_all(&json!({"status": "UP"})));
    }

    #[test]
    fn only_instances_that_are_up_count() {
        let apps = json!({"applications": {"application": [
            {"name": "APPLICATION-STOCK", "instance": [
                {"status": "UP", "port": {"$": 20001, "@enabled": "true"}},
                {"status": "DOWN", "port": {"$": 20002}},
            ]},
            {"name": "API-GATEWAY", "instance": {"status": "UP", "port": {"$": "8080"}}},
        ]}});
        assert_eq!(
            up(&apps),
            [
                ("APPLICATION-STOCK".to_owned(), 20001),
                ("API-GATEWAY".to_owned(), 8080)
            ]
        );
        assert_eq!(up(&json!({"applications": {}})), []);
    }
}
