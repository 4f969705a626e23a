//! The timers, with the registry's time in the test's hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mall_clock::MockClock;
use mall_eureka::{Instance, InstanceStatus};
use mall_registry::instance_registry::RegistrySettings;
use mall_registry::{Config, RegistryState, upkeep};

const OFTEN: Duration = Duration::from_millis(5);

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "never happened: {what}"
        );
        tokio::time::sleep(OFTEN).await;
    }
}

#[tokio::test]
async fn an_expired_lease_is_evicted_and_its_change_forgotten() {
    let clock = MockClock::at("2027-03-04T05:06:07Z");
    let settings = RegistrySettings {
        self_preservation: false,
        ..RegistrySettings::default()
    };
    let state = Arc::new(RegistryState::new(settings, true, clock.clone()));
    let evict = tokio::spawn(upkeep::evict(state.clone(), OFTEN));
    let forget = tokio::spawn(upkeep::forget(state.clone(), OFTEN));

    let mut instance = Instance::new("cart", "cart-1", "h", "1.2.3.4", 80);
    instance.status = InstanceStatus::Up;
    state.registry().register(instance, false, state.now());
    tokio::time::sleep(10 * OFTEN).await;
    assert_eq!(state.registry().size(), 1);

    // Far enough that a run which comes a few milliseconds late, and so is more patient, evicts as well.
    clock.advance(secs(120));
    eventually("evicted", || state.registry().size() == 0).await;
    assert_eq!(state.registry().delta().applications.len(), 1);
    clock.advance(secs(181));
    eventually("forgotten", || {
        state.registry().delta().applications.is_empty()
    })
    .await;
    assert!(!evict.is_finished() && !forget.is_finished());
    evict.abort();
    forget.abort();
}

fn secs(secs: i64) -> chrono::Duration {
    chrono::Duration::seconds(secs)
}

#[test]
fn senseless_settings_are_named() {
    let mut bad = Vec::new();
    Config::default().validate(&mut bad);
    assert!(bad.is_empty(), "{bad:?}");
    let config = Config {
        renewal_percent_threshold: f64::NAN,
        expected_client_renewal_interval_seconds: 0,
        eviction_interval_timer_in_ms: 0,
        delta_retention_timer_interval_in_ms: 0,
        ..Config::default()
    };
    config.validate(&mut bad);
    assert_eq!(bad.len(), 4);
    assert!(bad[0].starts_with("eureka.server.renewal-percent-threshold: "));
}

#[test]
fn the_compiled_defaults_are_the_codes() {
    let sources =
        mall_spring_config::yaml::load("defaults", include_str!("../defaults.yml")).unwrap();
    let mut settings = mall_spring_config::Settings::builder();
    for source in sources {
        settings = settings.add(source);
    }
    let settings = settings.build().unwrap();
    assert_eq!(
        settings.bind::<Config>("eureka.server").unwrap(),
        Config::default()
    );
    assert_eq!(settings.get("server.port").as_deref(), Some("8761"));
}
