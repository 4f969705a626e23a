//! Ends that nobody planned.

use mall_testkit::unix::{self, Signal};

use crate::bench::Bench;

#[test]
fn a_foreground_mall_ends_with_its_killed_command() {
    let bench = Bench::new();
    let mut child = bench.up_in_foreground();
    child.kill().unwrap();
    child.wait().unwrap();
    bench.until_nothing_is_left();
}

#[test]
fn after_a_killed_supervisor_nothing_is_left_and_the_next_mall_starts_on_the_same_data() {
    let bench = Bench::new();
    assert!(bench.up().ok);
    let state: serde_json::Value = serde_json::from_str(&bench.read("home/state.json")).unwrap();
    unix::signal(
        u32::try_from(state["supervisor"].as_u64().unwrap()).unwrap(),
        Signal::Kill,
    )
    .unwrap();
    bench.until_nothing_is_left();
    assert_eq!(bench.status()["healthy"], false);

    let up = bench.up();
    assert!(
        up.ok && up.err.contains("did not stop in order"),
        "{}",
        up.err
    );
    assert_eq!(bench.products(), 12, "the demo data is loaded once");
    assert!(bench.run(&["down"]).ok);
    assert!(bench.processes().is_empty());
}

#[test]
fn down_without_a_mall_says_so() {
    let bench = Bench::new();
    let down = bench.run(&["down"]);
    assert!(down.ok);
    assert_eq!(down.err, "no mall is running\n");
    std::fs::create_dir_all(bench.home()).unwrap();
    std::fs::write(
        bench.home().join("state.json"),
        bench.read("nothing") + "{\"broken\":",
    )
    .unwrap();
    assert_eq!(bench.run(&["down"]).err, "no mall is running\n");
    let logs = bench.run(&["logs"]);
    assert!(!logs.ok && logs.err.contains("no logs yet"), "{logs:?}");
}
