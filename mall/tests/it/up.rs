//! The good days.

use mall_testkit::unix::{self, Signal};

use crate::bench::Bench;

#[test]
fn a_detached_mall_is_healthy_told_about_and_stopped() {
    let bench = Bench::new();
    let up = bench.up();
    assert!(up.ok, "{}", up.err);
    for told in [
        "The mall is up",
        "admin@mall.example / ",
        "mail/*.eml",
        "cargo mall down",
    ] {
        assert!(up.out.contains(told), "{}", up.out);
    }
    assert_eq!(up.out.matches("  curl http").count(), 3);
    assert_eq!(bench.products(), 12);

    let status = bench.status();
    let keys: Vec<&String> = status.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "healthy",
            "gateway",
            "registry",
            "config_server",
            "redis",
            "mysql",
            "mail",
            "admin",
            "services"
        ]
    );
    assert_eq!(status["healthy"], true);
    assert_eq!(
        status["gateway"],
        format!("http://127.0.0.1:{}", bench.port)
    );
    let services = status["services"].as_array().unwrap();
    assert_eq!(services.len(), 9);
    for service in services {
        assert_eq!(service["state"], "UP", "{service}");
        assert!(
            service["rss_bytes"]
                .as_u64()
                .is_some_and(|bytes| bytes > 1_000_000),
            "{service}"
        );
        let pid = u32::try_from(service["pid"].as_u64().unwrap()).unwrap();
        assert!(bench.processes().contains(&pid), "{service}");
    }

    let second = bench.up();
    assert!(
        !second.ok && second.err.contains("runs already") && second.err.lines().count() == 1,
        "{}",
        second.err
    );
    let logs = bench.run(&["logs", "stock", "-n", "5"]);
    assert!(
        logs.ok && (1..=5).contains(&logs.out.lines().count()),
        "{logs:?}"
    );
    let all = bench.run(&["logs", "-n", "1"]);
    assert!(
        all.out.lines().any(|line| line.starts_with("gateway | ")),
        "{}",
        all.out
    );

    let down = bench.run(&["down"]);
    assert!(down.ok, "{}", down.err);
    assert!(bench.processes().is_empty());
    let status = bench.status();
    assert_eq!(
        (
            status["healthy"].as_bool(),
            status["services"].as_array().map(Vec::len)
        ),
        (Some(false), Some(0))
    );
    let text = bench.run(&["status"]);
    assert!(
        !text.ok && text.out.contains("no mall is running"),
        "{text:?}"
    );
}

#[test]
fn ctrl_c_stops_everything_in_order() {
    let bench = Bench::new();
    let mut child = bench.up_in_foreground();
    assert!(bench.processes().len() >= 11, "{:?}", bench.processes());
    unix::signal(child.id(), Signal::Interrupt).unwrap();
    let end = child.wait().unwrap();
    assert!(bench.processes().is_empty());
    let told = bench.read("err");
    assert!(
        end.success() && told.trim_end().ends_with("stopped"),
        "{end}: {told}"
    );
    let steps = [
        "stopping gateway:",
        "stopping services:",
        "stopping registry:",
        "stopping Redis:",
        "stopping MariaDB:",
    ];
    let places: Vec<usize> = steps.iter().map(|step| told.find(step).unwrap()).collect();
    assert!(places.is_sorted(), "{told}");
    let gateway = std::fs::read_to_string(bench.home().join("logs/gateway.log")).unwrap();
    assert!(!gateway.is_empty());
}

#[test]
fn a_crashed_service_comes_back_and_status_shows_it() {
    let bench = Bench::new();
    let port = bench.port.to_string();
    let up = bench.run(&[
        "up",
        "--detach",
        "--no-demo-data",
        "--instances",
        "stock=2",
        "--port",
        &port,
    ]);
    assert!(up.ok, "{}", up.err);
    assert_eq!(bench.products(), 0);
    let stock = |name: &str| {
        let status = bench.status();
        let services = status["services"].as_array().unwrap();
        services
            .iter()
            .find(|service| service["name"] == name)
            .unwrap()
            .clone()
    };
    let before = stock("stock-2");
    assert_ne!(before["url"], stock("stock")["url"]);
    unix::signal(
        u32::try_from(before["pid"].as_u64().unwrap()).unwrap(),
        Signal::Kill,
    )
    .unwrap();
    bench.until("it is back", || {
        let now = stock("stock-2");
        now["state"] == "UP" && now["pid"] != before["pid"]
    });
    assert_eq!(stock("stock-2")["url"], before["url"]);
    let table = bench.run(&["status"]);
    let row = table
        .out
        .lines()
        .find(|line| line.starts_with("stock-2 "))
        .unwrap()
        .trim_end()
        .to_owned();
    assert!(row.ends_with(" 1"), "one restart: {row}");
    assert!(
        bench
            .run(&["logs", "supervisor"])
            .out
            .contains("stock-2 ended by itself")
    );
    assert!(bench.run(&["down"]).ok);
}
