use mall_eureka::Applications;
use proptest::prelude::*;

use super::*;

const APP: &str = "CART";
const ID: &str = "cart-1";
const SECOND: i64 = 1000;

fn registry() -> InstanceRegistry {
    InstanceRegistry::new(RegistrySettings::default(), 0)
}

fn without_preservation() -> InstanceRegistry {
    let settings = RegistrySettings {
        self_preservation: false,
        ..RegistrySettings::default()
    };
    InstanceRegistry::new(settings, 0)
}

fn instance(id: &str, status: InstanceStatus, dirty: i64) -> Instance {
    let mut instance = Instance::new(APP, id, "10.1.2.3", "10.1.2.3", 8011);
    instance.status = status;
    instance.last_dirty_timestamp = dirty;
    instance
}

fn beat(registry: &mut InstanceRegistry, dirty: Option<i64>, now: i64) -> Renewal {
    let heartbeat = Heartbeat {
        dirty,
        ..Heartbeat::default()
    };
    registry.renew(APP, ID, heartbeat, now)
}

fn shown(registry: &InstanceRegistry) -> Instance {
    registry.instance(APP, ID).unwrap()
}

#[test]
fn a_registration_gets_a_lease_and_is_a_change() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Up, 5), false, 100);
    let seen = shown(&registry);
    assert_eq!(seen.lease.registration_timestamp, 100);
    assert_eq!(seen.lease.last_renewal_timestamp, 100);
    assert_eq!(seen.lease.service_up_timestamp, 100);
    assert_eq!(seen.last_updated_timestamp, 100);
    assert_eq!(seen.last_dirty_timestamp, 5);
    assert_eq!(seen.action_type, Some(ActionType::Added));
    let delta = registry.delta();
    assert_eq!(
        (delta.version.as_str(), delta.hash.as_str()),
        ("1", "UP_1_")
    );
    assert_eq!(delta.applications, registry.all().applications);
    assert_eq!(registry.delta().version, "2");
    assert_eq!(registry.all().version, "1");
}

#[test]
fn the_first_time_up_outlives_a_registration() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Starting, 1), false, 100);
    assert_eq!(shown(&registry).lease.service_up_timestamp, 0);
    registry.register(instance(ID, InstanceStatus::Up, 2), false, 200);
    registry.register(instance(ID, InstanceStatus::Up, 3), false, 300);
    let seen = shown(&registry);
    assert_eq!(seen.lease.service_up_timestamp, 200);
    assert_eq!(seen.lease.registration_timestamp, 300);
}

#[test]
fn an_overtaken_registration_keeps_what_is_newer() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Down, 10), false, 0);
    registry.register(instance(ID, InstanceStatus::Up, 9), false, 1);
    assert_eq!(shown(&registry).status, InstanceStatus::Down);
    assert_eq!(shown(&registry).last_dirty_timestamp, 10);
    registry.register(instance(ID, InstanceStatus::Up, 10), false, 2);
    assert_eq!(shown(&registry).status, InstanceStatus::Up);
}

#[test]
fn heartbeats_follow_the_dirty_timestamp() {
    let mut registry = registry();
    assert_eq!(beat(&mut registry, None, 0), Renewal::RegisterAgain);
    registry.register(instance(ID, InstanceStatus::Up, 10), false, 0);
    assert_eq!(beat(&mut registry, None, 0), Renewal::Renewed);
    assert_eq!(beat(&mut registry, Some(10), 0), Renewal::Renewed);
    assert_eq!(beat(&mut registry, Some(9), 0), Renewal::Renewed);
    assert_eq!(beat(&mut registry, Some(11), 0), Renewal::RegisterAgain);

    let from_peer = |dirty, overridden| Heartbeat {
        dirty: Some(dirty),
        overridden,
        from_peer: true,
    };
    let behind = registry.renew(APP, ID, from_peer(9, None), 0);
    assert_eq!(behind, Renewal::PeerIsBehind(Box::new(shown(&registry))));
    let newer = from_peer(11, Some(InstanceStatus::OutOfService));
    assert_eq!(registry.renew(APP, ID, newer, 0), Renewal::RegisterAgain);
    assert_eq!(
        shown(&registry).overridden_status,
        InstanceStatus::OutOfService
    );
    assert_eq!(shown(&registry).status, InstanceStatus::Up);
    let changes = registry.delta();
    assert_eq!(beat(&mut registry, Some(10), 0), Renewal::Renewed);
    assert_eq!(shown(&registry).status, InstanceStatus::OutOfService);
    // A status changed by a heartbeat alone is no change of its own.
    assert_eq!(shown(&registry).action_type, Some(ActionType::Added));
    assert_eq!(
        registry.delta().applications.len(),
        changes.applications.len()
    );
}

#[test]
fn an_override_wins_over_up_until_it_is_deleted() {
    let mut registry = registry();
    let out = InstanceStatus::OutOfService;
    assert!(!registry.set_override(APP, ID, out, None, 0));
    registry.register(instance(ID, InstanceStatus::Up, 1), false, 0);
    assert!(registry.set_override(APP, ID, out, Some(7), 5));
    let seen = shown(&registry);
    assert_eq!((seen.status, seen.overridden_status), (out, out));
    assert_eq!(seen.action_type, Some(ActionType::Modified));
    assert_eq!(
        (seen.last_dirty_timestamp, seen.last_updated_timestamp),
        (7, 5)
    );

    registry.register(instance(ID, InstanceStatus::Up, 8), false, 6);
    assert_eq!(shown(&registry).status, out);
    registry.register(instance(ID, InstanceStatus::Down, 9), false, 7);
    assert_eq!(shown(&registry).status, InstanceStatus::Down);
    assert_eq!(shown(&registry).overridden_status, out);

    registry.register(instance(ID, InstanceStatus::Up, 10), false, 8);
    assert!(registry.delete_override(APP, ID, InstanceStatus::Unknown, None, 9));
    assert_eq!(shown(&registry).status, InstanceStatus::Unknown);
    assert_eq!(beat(&mut registry, Some(10), 10), Renewal::RegisterAgain);
    registry.register(instance(ID, InstanceStatus::Up, 11), false, 11);
    assert_eq!(shown(&registry).status, InstanceStatus::Up);
    // None left: nothing changes.
    assert!(registry.delete_override(APP, ID, InstanceStatus::Down, None, 12));
    assert_eq!(shown(&registry).status, InstanceStatus::Up);
    assert!(!registry.delete_override(APP, "other", InstanceStatus::Up, None, 12));
}

#[test]
fn an_override_is_forgotten_after_an_hour_without_use() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Up, 1), false, 0);
    registry.set_override(APP, ID, InstanceStatus::OutOfService, None, 0);
    beat(&mut registry, Some(1), OVERRIDE_LIFE - 1);
    beat(&mut registry, Some(1), 2 * OVERRIDE_LIFE - 2);
    assert_eq!(registry.overrides.len(), 1);
    registry.forget_old_changes(3 * OVERRIDE_LIFE);
    assert!(registry.overrides.is_empty());
}

#[test]
fn the_effective_status_follows_netflixs_rules() {
    use InstanceStatus::{Down, OutOfService, Starting, Unknown, Up};
    // Own status, override, status of the existing lease, from a peer -> effective.
    for (own, overridden, existing, peer, effective) in [
        (Down, Some(Up), Some(Up), false, Down),
        (Starting, Some(Up), Some(Up), false, Starting),
        (Unknown, None, Some(Up), false, Unknown),
        (Up, Some(OutOfService), Some(Up), false, OutOfService),
        (Up, Some(Down), None, true, Down),
        (Up, None, Some(OutOfService), false, OutOfService),
        (OutOfService, None, Some(Up), false, Up),
        (OutOfService, None, Some(Up), true, OutOfService),
        (Up, None, Some(Down), false, Up),
        (Up, None, Some(Starting), false, Up),
        (Up, None, None, false, Up),
    ] {
        let mut registry = registry();
        if let Some(overridden) = overridden {
            registry.overrides.insert(ID.to_owned(), (overridden, 0));
        }
        let seen = registry.effective_status(&instance(ID, own, 0), existing, peer, 0);
        assert_eq!(seen, effective, "{own} {overridden:?} {existing:?} {peer}");
    }
}

#[test]
fn a_cancelled_instance_is_gone_but_in_the_delta() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Up, 1), false, 0);
    registry.set_override(APP, ID, InstanceStatus::OutOfService, None, 0);
    assert!(registry.cancel(APP, ID, 50));
    assert!(!registry.cancel(APP, ID, 51));
    assert!(registry.application(APP).is_none());
    assert!(registry.all().applications.is_empty());
    let delta = registry.delta();
    assert_eq!(delta.hash, "");
    let gone = &delta.applications[0].instances[0];
    assert_eq!(gone.action_type, Some(ActionType::Deleted));
    assert_eq!(gone.status, InstanceStatus::OutOfService);
    assert_eq!(gone.lease.eviction_timestamp, 50);
    // Back: once in the delta, with its current state and without the old override.
    registry.register(instance(ID, InstanceStatus::Up, 2), false, 60);
    let delta = registry.delta();
    assert_eq!(delta.applications[0].instances.len(), 1);
    assert_eq!(
        delta.applications[0].instances[0].action_type,
        Some(ActionType::Added)
    );
    assert_eq!(delta.hash, "UP_1_");
}

#[test]
fn the_delta_forgets_after_its_retention() {
    let mut registry = registry();
    registry.register(instance("a", InstanceStatus::Up, 1), false, 0);
    registry.register(instance("b", InstanceStatus::Up, 1), false, 1);
    registry.forget_old_changes(180_000);
    assert_eq!(registry.delta().applications[0].instances.len(), 2);
    registry.forget_old_changes(180_001);
    let delta = registry.delta();
    assert_eq!(delta.applications[0].instances.len(), 1);
    assert_eq!(delta.hash, "UP_2_");
}

#[test]
fn a_silent_lease_lives_twice_after_a_renewal_once_before() {
    let mut registry = without_preservation();
    registry.register(instance(ID, InstanceStatus::Up, 1), false, 0);
    assert!(registry.evict(0, 90 * SECOND, |_| 0).is_empty());
    assert_eq!(registry.clone().evict(0, 90 * SECOND + 1, |_| 0).len(), 1);
    beat(&mut registry, None, 10 * SECOND);
    assert_eq!(shown(&registry).lease.last_renewal_timestamp, 100 * SECOND);
    assert!(registry.evict(0, 190 * SECOND, |_| 0).is_empty());
    // A run that is late gives that much more.
    assert!(
        registry
            .clone()
            .evict(20, 190 * SECOND + 20, |_| 0)
            .is_empty()
    );
    assert_eq!(
        registry.evict(0, 190 * SECOND + 1, |_| 0),
        [(APP.to_owned(), ID.to_owned())]
    );
    assert_eq!(registry.size(), 0);
}

#[test]
fn one_run_evicts_at_most_fifteen_percent() {
    let mut registry = without_preservation();
    for n in 0..23 {
        registry.register(instance(&format!("i{n}"), InstanceStatus::Up, 1), false, 0);
    }
    let mut sizes = Vec::new();
    for _ in 0..4 {
        registry.evict(0, 1_000_000, |below| below - 1);
        sizes.push(registry.size());
    }
    assert_eq!(sizes, [19, 16, 13, 11]);
}

#[test]
fn self_preservation_keeps_everybody() {
    let mut registry = registry();
    registry.register(instance(ID, InstanceStatus::Up, 1), false, 0);
    assert!(registry.evict(0, 10_000_000, |_| 0).is_empty());
    for _ in 0..4 {
        beat(&mut registry, None, 10_000_000);
    }
    assert_eq!(registry.renewals(10_060_000), (4, 3));
    assert_eq!(registry.evict(0, 10_060_000, |_| 0).len(), 0);
    registry.register(instance("dead", InstanceStatus::Up, 1), false, 0);
    registry.cancel(APP, "dead", 0);
    registry.register(instance("dead", InstanceStatus::Up, 1), false, 0);
    for _ in 0..6 {
        beat(&mut registry, None, 10_070_000);
    }
    let evicted = registry.evict(0, 10_120_000, |_| 0);
    assert_eq!(evicted, [(APP.to_owned(), "dead".to_owned())]);
}

#[test]
fn an_empty_start_without_expected_clients_waits() {
    let settings = RegistrySettings {
        open_for_traffic_count: 0,
        wait_when_empty: 5,
        ..RegistrySettings::default()
    };
    let closed = InstanceRegistry::new(settings, 100);
    assert!(!closed.allows_access(105));
    assert!(closed.allows_access(106));
    assert!(registry().allows_access(0));
}

#[test]
fn metadata_is_added_by_registering_again() {
    let mut registry = registry();
    let pair = |value: &str| BTreeMap::from([("version".to_owned(), value.to_owned())]);
    assert!(!registry.add_metadata(APP, ID, pair("1"), 0));
    let mut first = instance(ID, InstanceStatus::Up, 1);
    first.metadata.insert("zone".to_owned(), "a".to_owned());
    registry.register(first, false, 0);
    assert!(registry.add_metadata(APP, ID, pair("1"), 5));
    assert!(registry.add_metadata(APP, ID, pair("2"), 6));
    let seen = shown(&registry);
    assert_eq!(seen.metadata.len(), 2);
    assert_eq!(seen.metadata["version"], "2");
    assert_eq!(seen.lease.registration_timestamp, 6);
}

#[test]
fn virtual_addresses_are_found_one_by_one() {
    let mut registry = registry();
    let mut two = instance(ID, InstanceStatus::Up, 1);
    two.vip_address = Some("a,b".to_owned());
    two.secure_vip_address = Some("s".to_owned());
    registry.register(two, false, 0);
    let found = |vip: &str, secure| {
        let list = registry.by_virtual_address(vip, secure);
        assert_eq!(list.version, "-1");
        (list.applications.len(), list.hash)
    };
    assert_eq!(found("a", false), (1, "UP_1_".to_owned()));
    assert_eq!(found("b", false), (1, "UP_1_".to_owned()));
    for (vip, secure) in [("a,b", false), ("A", false), ("s", false), ("a", true)] {
        assert_eq!(found(vip, secure), (0, String::new()), "{vip}");
    }
    assert_eq!(found("s", true).0, 1);
    assert!(registry.instance_anywhere(ID).is_some());
    assert!(registry.instance_anywhere("other").is_none());
}

/// One step of a random history over three ids of two applications.
#[derive(Clone, Debug)]
enum Op {
    Register(usize, InstanceStatus),
    Renew(usize),
    Cancel(usize),
    Override(usize, InstanceStatus),
    DeleteOverride(usize, InstanceStatus),
    Metadata(usize),
    Evict,
}

fn any_op() -> impl Strategy<Value = Op> {
    let status = || prop::sample::select(InstanceStatus::ALL.to_vec());
    prop_oneof![
        (0..6usize, status()).prop_map(|(at, status)| Op::Register(at, status)),
        (0..6usize).prop_map(Op::Renew),
        (0..6usize).prop_map(Op::Cancel),
        (0..6usize, status()).prop_map(|(at, status)| Op::Override(at, status)),
        (0..6usize, status()).prop_map(|(at, status)| Op::DeleteOverride(at, status)),
        (0..6usize).prop_map(Op::Metadata),
        Just(Op::Evict),
    ]
}

fn step(registry: &mut InstanceRegistry, op: Op, now: i64) {
    let place = |at: usize| (["CART", "STOCK"][at / 3], ["a", "b", "c"][at % 3]);
    match op {
        Op::Register(at, status) => {
            let (app, id) = place(at);
            let mut instance = instance(id, status, now);
            instance.app = app.to_owned();
            registry.register(instance, false, now);
        }
        Op::Renew(at) => {
            registry.renew(place(at).0, place(at).1, Heartbeat::default(), now);
        }
        Op::Cancel(at) => {
            registry.cancel(place(at).0, place(at).1, now);
        }
        Op::Override(at, status) => {
            registry.set_override(place(at).0, place(at).1, status, None, now);
        }
        Op::DeleteOverride(at, status) => {
            registry.delete_override(place(at).0, place(at).1, status, None, now);
        }
        Op::Metadata(at) => {
            let pairs = BTreeMap::from([("at".to_owned(), now.to_string())]);
            registry.add_metadata(place(at).0, place(at).1, pairs, now);
        }
        Op::Evict => {
            registry.evict(0, now, |_| 0);
        }
    }
}

proptest! {
    /// A client that holds any earlier full copy and applies the delta holds the registry: the promise that deltas make. (A
    /// status changed by a heartbeat alone is in no delta; it shows when something else changes the instance, or by the hash.)
    #[test]
    fn a_delta_brings_any_earlier_copy_up_to_date(
        before in prop::collection::vec(any_op(), 0..20),
        after in prop::collection::vec(any_op(), 0..20),
    ) {
        let mut registry = without_preservation();
        let mut now = 0;
        for op in before {
            now += 40 * SECOND;
            step(&mut registry, op, now);
        }
        let index = |list: Applications| -> BTreeMap<(String, String), Instance> {
            list.applications.into_iter().flat_map(|application| application.instances)
                .map(|instance| ((instance.app.clone(), instance.id().to_owned()), instance)).collect()
        };
        let mut copy = index(registry.all());
        for op in after {
            now += 40 * SECOND;
            step(&mut registry, op, now);
        }
        let delta = registry.delta();
        prop_assert_eq!(&delta.hash, &registry.all().hash);
        for (key, instance) in index(delta) {
            match instance.action_type {
                Some(ActionType::Deleted) => copy.remove(&key),
                _ => copy.insert(key, instance),
            };
        }
        let all = index(registry.all());
        prop_assert_eq!(copy.keys().collect::<Vec<_>>(), all.keys().collect::<Vec<_>>());
        for (key, instance) in all {
            prop_assert_eq!(copy[&key].status, instance.status);
        }
    }
}
