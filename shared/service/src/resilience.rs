//! Circuit breakers from resilience4j's settings.

use std::collections::BTreeMap;

use mall_resilience::{BreakerRegistry, CircuitBreakerConfig, SlidingWindowType};
use mall_spring_config::Settings;
use serde::Deserialize;

use crate::Span;

const PREFIX: &str = "resilience4j.circuitbreaker";

/// What one place says of a breaker; the rest stays as it was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Said {
    base_config: Option<String>,
    failure_rate_threshold: Option<f32>,
    slow_call_rate_threshold: Option<f32>,
    slow_call_duration_threshold: Option<Span>,
    permitted_number_of_calls_in_half_open_state: Option<u32>,
    max_wait_duration_in_half_open_state: Option<Span>,
    sliding_window_type: Option<String>,
    sliding_window_size: Option<u32>,
    minimum_number_of_calls: Option<u32>,
    wait_duration_in_open_state: Option<Span>,
    automatic_transition_from_open_to_half_open_enabled: Option<bool>,
    register_health_indicator: Option<bool>,
    allow_health_indicator_to_fail: Option<bool>,
}

/// Reads `resilience4j.circuitbreaker.configs.*` and `.instances.*`; notes what is senseless, by key.
pub(crate) fn breakers(settings: &Settings, bad: &mut Vec<String>) -> BreakerRegistry {
    let mut section = |name: &str| {
        settings
            .bind::<BTreeMap<String, Said>>(&format!("{PREFIX}.{name}"))
            .unwrap_or_else(|error| {
                bad.push(error.to_string());
                BTreeMap::new()
            })
    };
    let configs = section("configs");
    let instances = section("instances");
    let mut made = |key: &str, base: &CircuitBreakerConfig, said: &Said| {
        let config = over(base, said);
        bad.extend(
            config
                .problems()
                .into_iter()
                .map(|why| format!("{PREFIX}.{key}: {why}")),
        );
        config
    };

    let default = match configs.get("default") {
        Some(said) => made("configs.default", &CircuitBreakerConfig::default(), said),
        None => CircuitBreakerConfig::default(),
    };
    let named = instances.iter().map(|(name, said)| {
        let base = match said.base_config.as_deref() {
            None | Some("default") => default.clone(),
            Some(base) => match configs.get(base) {
                Some(said) => made(&format!("configs.{base}"), &default, said),
                None => default.clone(),
            },
        };
        (
            name.clone(),
            made(&format!("instances.{name}"), &base, said),
        )
    });
    let named: BTreeMap<String, CircuitBreakerConfig> = named.collect();
    let names: Vec<String> = named.keys().cloned().collect();
    let registry = BreakerRegistry::new(default, named);
    // A configured breaker is there, and shows, from the start.
    for name in names {
        registry.get(&name);
    }
    registry
}

fn over(base: &CircuitBreakerConfig, said: &Said) -> CircuitBreakerConfig {
    let span = |said: Option<Span>, base| said.map_or(base, Span::get);
    let time_based = said
        .sliding_window_type
        .as_deref()
        .map(|kind| kind.eq_ignore_ascii_case("TIME_BASED"));
    CircuitBreakerConfig {
        failure_rate_threshold: said
            .failure_rate_threshold
            .unwrap_or(base.failure_rate_threshold),
        slow_call_rate_threshold: said
            .slow_call_rate_threshold
            .unwrap_or(base.slow_call_rate_threshold),
        slow_call_duration_threshold: span(
            said.slow_call_duration_threshold,
            base.slow_call_duration_threshold,
        ),
        permitted_number_of_calls_in_half_open_state: said
            .permitted_number_of_calls_in_half_open_state
            .unwrap_or(base.permitted_number_of_calls_in_half_open_state),
        max_wait_duration_in_half_open_state: span(
            said.max_wait_duration_in_half_open_state,
            base.max_wait_duration_in_half_open_state,
        ),
        sliding_window_type: match time_based {
            Some(true) => SlidingWindowType::TimeBased,
            Some(false) => SlidingWindowType::CountBased,
            None => base.sliding_window_type,
        },
        sliding_window_size: said.sliding_window_size.unwrap_or(base.sliding_window_size),
        minimum_number_of_calls: said
            .minimum_number_of_calls
            .unwrap_or(base.minimum_number_of_calls),
        wait_duration_in_open_state: span(
            said.wait_duration_in_open_state,
            base.wait_duration_in_open_state,
        ),
        automatic_transition_from_open_to_half_open_enabled: said
            .automatic_transition_from_open_to_half_open_enabled
            .unwrap_or(base.automatic_transition_from_open_to_half_open_enabled),
        register_health_indicator: said
            .register_health_indicator
            .unwrap_or(base.register_health_indicator),
        allow_health_indicator_to_fail: said
            .allow_health_indicator_to_fail
            .unwrap_or(base.allow_health_indicator_to_fail),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mall_spring_config::yaml;

    use super::*;

    fn read(text: &str) -> (BreakerRegistry, Vec<String>) {
        let sources = yaml::load("test", text).unwrap();
        let settings = sources
            .into_iter()
            .fold(Settings::builder(), |b, s| b.add(s))
            .build()
            .unwrap();
        let mut bad = Vec::new();
        (breakers(&settings, &mut bad), bad)
    }

    #[test]
    fn instances_inherit_from_their_base_and_the_default() {
        let (registry, bad) = read(
            "resilience4j.circuitbreaker:\n  configs:\n    default:\n      slidingWindowSize: 10\n      minimum-number-of-calls: 10\n      \
             waitDurationInOpenState: 10s\n    quick:\n      wait-duration-in-open-state: 200ms\n  instances:\n    \
             productServiceCircuitBreaker:\n      base-config: quick\n      failure-rate-threshold: 60\n",
        );
        assert_eq!(bad, Vec::<String>::new());
        let config = registry
            .get("productServiceCircuitBreaker")
            .config()
            .clone();
        assert_eq!(config.sliding_window_size, 10);
        assert_eq!(
            config.wait_duration_in_open_state,
            Duration::from_millis(200)
        );
        assert_eq!(config.failure_rate_threshold, 60.0);
        let other = registry.get("unheardOf").config().clone();
        assert_eq!(
            (other.sliding_window_size, other.failure_rate_threshold),
            (10, 50.0)
        );
        assert_eq!(other.wait_duration_in_open_state, Duration::from_secs(10));
    }

    #[test]
    fn senseless_values_are_named() {
        let (_, bad) =
            read("resilience4j.circuitbreaker.configs.default.failure-rate-threshold: 0\n");
        assert_eq!(bad.len(), 1, "{bad:?}");
        assert!(
            bad[0].contains("resilience4j.circuitbreaker.configs.default"),
            "{bad:?}"
        );
    }
}
