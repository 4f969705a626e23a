//! Traces seen on resilience4j 2.1.0 itself, with the settings of the original's config store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mall_resilience::{
    CircuitBreaker, CircuitBreakerConfig, EventKind, ManualTime, Permit, SlidingWindowType, State,
};

const QUICK: Duration = Duration::from_millis(5);

fn original() -> CircuitBreakerConfig {
    CircuitBreakerConfig {
        slow_call_rate_threshold: 80.0,
        slow_call_duration_threshold: Duration::from_secs(10),
        permitted_number_of_calls_in_half_open_state: 3,
        sliding_window_size: 10,
        minimum_number_of_calls: 10,
        wait_duration_in_open_state: Duration::from_millis(200),
        ..CircuitBreakerConfig::default()
    }
}

struct Rig {
    breaker: CircuitBreaker,
    time: Arc<ManualTime>,
    events: Arc<Mutex<Vec<EventKind>>>,
}

fn rig(config: CircuitBreakerConfig) -> Rig {
    let time = ManualTime::shared();
    let breaker = CircuitBreaker::with_time("x", config, time.clone());
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    breaker.listen(Arc::new(move |event| {
        sink.lock().unwrap().push(event.kind.clone())
    }));
    Rig {
        breaker,
        time,
        events,
    }
}

impl Rig {
    fn permit(&self) -> Permit {
        self.breaker.try_acquire().expect("a permit")
    }
    fn ok(&self, times: usize) {
        (0..times).for_each(|_| self.permit().success(QUICK));
    }
    fn fail(&self, times: usize) {
        (0..times).for_each(|_| self.permit().failure(QUICK));
    }
    fn refused(&self) -> bool {
        self.breaker.try_acquire().is_err()
    }
    fn after(&self, millis: u64) {
        self.time.advance(Duration::from_millis(millis));
    }
    fn open(&self) {
        self.fail(10);
        assert_eq!(self.breaker.state(), State::Open);
    }
    fn types(&self) -> Vec<&'static str> {
        self.events
            .lock()
            .unwrap()
            .drain(..)
            .map(|kind| kind.type_name())
            .collect()
    }
}

#[test]
fn trace_1_the_tenth_call_opens_even_when_it_is_a_success() {
    let rig = rig(original());
    rig.fail(9);
    let before = rig.breaker.snapshot();
    assert_eq!((before.state, before.failure_rate), (State::Closed, -1.0));
    rig.types();
    rig.ok(1);
    let after = rig.breaker.snapshot();
    assert_eq!((after.state, after.failure_rate), (State::Open, 90.0));
    assert_eq!((after.buffered_calls, after.failed_calls), (10, 9));
    assert_eq!(
        rig.types(),
        ["SUCCESS", "FAILURE_RATE_EXCEEDED", "STATE_TRANSITION"]
    );
}

#[test]
fn trace_2_exactly_half_opens_and_a_third_closes_again() {
    let rig = rig(original());
    rig.ok(5);
    rig.fail(5);
    assert_eq!(rig.breaker.snapshot().failure_rate, 50.0);
    assert_eq!(rig.breaker.state(), State::Open);
    assert!(rig.refused());
    assert_eq!(rig.breaker.snapshot().not_permitted_calls, 1);
    rig.after(200);
    assert!(rig.refused(), "at exactly the wait it still refuses");
    rig.after(50);
    assert_eq!(rig.breaker.state(), State::Open, "nobody called yet");
    rig.ok(1);
    assert_eq!(rig.breaker.state(), State::HalfOpen);
    rig.fail(1);
    rig.ok(1);
    let closed = rig.breaker.snapshot();
    assert_eq!((closed.state, closed.buffered_calls), (State::Closed, 0));
}

#[test]
fn trace_3_two_of_three_open_again() {
    let rig = rig(original());
    rig.open();
    rig.after(250);
    rig.types();
    rig.fail(2);
    rig.ok(1);
    let open = rig.breaker.snapshot();
    assert_eq!((open.state, open.failure_rate), (State::Open, 66.666664));
    assert_eq!(
        (
            open.failed_calls,
            open.buffered_calls,
            open.not_permitted_calls
        ),
        (2, 3, 0)
    );
    assert_eq!(
        rig.types(),
        [
            "STATE_TRANSITION",
            "ERROR",
            "ERROR",
            "SUCCESS",
            "STATE_TRANSITION"
        ]
    );
}

#[test]
fn trace_4_half_open_admits_three_and_a_release_frees_a_place() {
    let rig = rig(original());
    rig.open();
    rig.after(250);
    let permits: Vec<Permit> = (0..3).map(|_| rig.permit()).collect();
    assert!(rig.refused());
    let mut permits = permits.into_iter();
    permits.next().unwrap().ignore();
    let again = rig.permit();
    assert!(rig.refused());
    drop(again); // a cancelled call
    rig.permit().success(QUICK);
    assert!(rig.refused(), "a completion does not refill");
    permits.for_each(|permit| permit.success(QUICK));
    assert_eq!(rig.breaker.state(), State::Closed);
}

#[test]
fn trace_5_slow_is_longer_than_the_threshold() {
    let rig = rig(original());
    (0..8).for_each(|_| rig.permit().success(Duration::from_millis(10_001)));
    (0..2).for_each(|_| rig.permit().success(Duration::from_millis(10_000)));
    let open = rig.breaker.snapshot();
    assert_eq!(
        (open.state, open.slow_call_rate, open.failed_calls),
        (State::Open, 80.0, 0)
    );
}

#[test]
fn trace_6_the_ring_slides() {
    let rig = rig(original());
    rig.ok(10);
    rig.fail(4);
    let closed = rig.breaker.snapshot();
    assert_eq!((closed.state, closed.failure_rate), (State::Closed, 40.0));
    rig.fail(1);
    let open = rig.breaker.snapshot();
    assert_eq!((open.state, open.failure_rate), (State::Open, 50.0));
}

#[test]
fn trace_7_a_time_window_forgets() {
    let config = CircuitBreakerConfig {
        sliding_window_type: SlidingWindowType::TimeBased,
        sliding_window_size: 2,
        minimum_number_of_calls: 3,
        ..original()
    };
    let rig = rig(config);
    rig.fail(2);
    rig.after(2100);
    assert_eq!(rig.breaker.snapshot().buffered_calls, 0);
    rig.fail(1);
    assert_eq!(rig.breaker.snapshot().buffered_calls, 1);
}

#[test]
fn trace_8_half_open_does_not_wait_for_ever() {
    let rig = rig(CircuitBreakerConfig {
        max_wait_duration_in_half_open_state: Duration::from_millis(300),
        ..original()
    });
    rig.open();
    rig.after(250);
    let unanswered = rig.permit();
    rig.after(299);
    assert_eq!(rig.breaker.state(), State::HalfOpen);
    rig.after(1);
    assert_eq!(rig.breaker.state(), State::Open);
    unanswered.success(QUICK);
    assert_eq!(rig.breaker.state(), State::Open);
}

#[test]
fn a_late_failure_of_the_closed_days_does_not_decide_half_open() {
    let rig = rig(original());
    let late: Vec<Permit> = (0..3).map(|_| rig.permit()).collect();
    rig.open();
    rig.after(250);
    let trial = rig.permit();
    late.into_iter().for_each(|permit| permit.failure(QUICK));
    assert_eq!(rig.breaker.snapshot().buffered_calls, 0);
    trial.success(QUICK);
    rig.ok(2);
    assert_eq!(rig.breaker.state(), State::Closed);
}

#[test]
fn a_straggler_shows_in_the_open_window_and_changes_nothing_else() {
    let rig = rig(original());
    let straggler = rig.permit();
    rig.open();
    straggler.success(QUICK);
    let open = rig.breaker.snapshot();
    assert_eq!(
        (open.state, open.buffered_calls, open.failed_calls),
        (State::Open, 10, 9)
    );
}

#[test]
fn forced_states_hold_until_they_are_lifted() {
    let rig = rig(original());
    rig.breaker.transition_to(State::ForcedOpen);
    rig.types();
    rig.after(60_000);
    assert!(rig.refused());
    assert_eq!(rig.breaker.snapshot().not_permitted_calls, 1);
    assert!(rig.types().is_empty(), "a forced refusal has no event");
    rig.breaker.transition_to(State::Disabled);
    rig.fail(50);
    assert_eq!(
        (rig.breaker.state(), rig.breaker.snapshot().buffered_calls),
        (State::Disabled, 0)
    );
    rig.breaker.transition_to(State::MetricsOnly);
    rig.types();
    rig.fail(12);
    assert_eq!(
        (rig.breaker.state(), rig.breaker.snapshot().failure_rate),
        (State::MetricsOnly, 100.0)
    );
    assert_eq!(
        rig.types()
            .iter()
            .filter(|kind| **kind == "FAILURE_RATE_EXCEEDED")
            .count(),
        1
    );
    rig.breaker.reset();
    assert_eq!(
        (rig.breaker.state(), rig.breaker.snapshot().buffered_calls),
        (State::Closed, 0)
    );
    assert_eq!(rig.types(), ["STATE_TRANSITION", "RESET"]);
    rig.breaker.transition_to(State::Closed);
    assert!(rig.types().is_empty());
}

#[test]
fn an_automatic_transition_needs_no_call() {
    let config = CircuitBreakerConfig {
        automatic_transition_from_open_to_half_open_enabled: true,
        ..original()
    };
    let rig = rig(config);
    rig.open();
    rig.after(201);
    assert_eq!(rig.breaker.state(), State::HalfOpen);
}

#[test]
fn a_refusal_names_the_wait() {
    let rig = rig(CircuitBreakerConfig {
        wait_duration_in_open_state: Duration::from_secs(10),
        ..original()
    });
    rig.open();
    rig.after(4000);
    let refusal = rig.breaker.try_acquire().unwrap_err();
    assert_eq!(refusal.retry_after, Duration::from_secs(6));
    assert_eq!(
        refusal.to_string(),
        "circuit breaker 'x' does not permit further calls"
    );
}

#[test]
fn half_open_admits_three_of_many_threads() {
    let rig = rig(original());
    rig.open();
    rig.after(250);
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let breaker = rig.breaker.clone();
                scope.spawn(move || {
                    (0..20)
                        .filter_map(|_| breaker.try_acquire().ok())
                        .map(std::mem::forget)
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(admitted, 3);
}
