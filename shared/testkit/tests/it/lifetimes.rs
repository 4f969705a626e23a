//! Nothing outlives the process that started it, however that ends.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mall_testkit::mariadb::{MariaDb, MariaDbSettings};
use mall_testkit::{Redis, Scratch, proc};

const REPORT: &str = "TESTKIT_LIFETIMES_REPORT";
const THEN: &str = "TESTKIT_LIFETIMES_THEN";

/// No test by itself: the body of the processes that the tests below start and end.
#[test]
fn helper() {
    let Some(report) = std::env::var_os(REPORT) else {
        return;
    };
    // On a thread that ends before the process does: the children must stay.
    let held = std::thread::spawn(|| {
        let scratch = Scratch::new("held").unwrap();
        let mariadb = MariaDb::start_with(&MariaDbSettings {
            throwaway: true,
            ..MariaDbSettings::new(&scratch.path().join("db"))
        })
        .unwrap();
        let redis = Redis::start(&scratch.path().join("redis"), None).unwrap();
        (scratch, mariadb, redis)
    });
    let held = held.join().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(held.2.server().is_ready() && held.1.server().is_ready());
    let pids = format!(
        "{} {} {}",
        held.0.path().display(),
        held.1.pid().unwrap(),
        held.2.pid().unwrap()
    );
    let held: &'static _ = Box::leak(Box::new(held));
    std::fs::write(PathBuf::from(&report).with_extension("part"), pids).unwrap();
    std::fs::rename(PathBuf::from(&report).with_extension("part"), report).unwrap();
    if std::env::var(THEN).unwrap() == "exit" {
        std::process::exit(0);
    }
    std::thread::sleep(Duration::from_secs(60));
    panic!("nobody ended us: {:?}", held.1.pid());
}

fn start_helper(scratch: &Scratch, then: &str) -> (Child, PathBuf, Vec<u32>) {
    let report = scratch.path().join("report");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifetimes::helper"])
        .env(REPORT, &report)
        .env(THEN, then)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the helper reports", || report.exists());
    let text = std::fs::read_to_string(report).unwrap();
    let mut words = text.split(' ');
    let folder = PathBuf::from(words.next().unwrap());
    (
        child,
        folder,
        words.map(|word| word.parse().unwrap()).collect(),
    )
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lives(pid: &u32) -> bool {
    // A zombie has ended; who adopts it reaps it when it likes.
    proc::process(*pid).is_some_and(|process| process.state != 'Z')
}

#[test]
fn a_killed_process_takes_its_servers_along() {
    let scratch = Scratch::new("killed").unwrap();
    let (mut child, folder, pids) = start_helper(&scratch, "wait");
    assert!(pids.len() == 2 && pids.iter().all(lives));
    child.kill().unwrap();
    child.wait().unwrap();
    until("the servers are gone", || !pids.iter().any(lives));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_process_that_exits_takes_its_servers_and_its_folders_along() {
    let scratch = Scratch::new("exits").unwrap();
    let (mut child, folder, pids) = start_helper(&scratch, "exit");
    child.wait().unwrap();
    until("the servers are gone", || !pids.iter().any(lives));
    assert!(!folder.exists());
}
