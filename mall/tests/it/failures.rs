//! What can't work is told in one line, and leaves nothing behind.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::bench::Bench;

#[test]
fn a_taken_port_is_told_before_anything_is_built() {
    let bench = Bench::new();
    let _taken = TcpListener::bind(("127.0.0.1", bench.port)).unwrap();
    let up = bench.up();
    assert!(!up.ok && up.out.is_empty(), "{up:?}");
    assert_eq!(
        up.err,
        format!(
            "cargo mall: port {} is taken by another program; choose another one with --port\n",
            bench.port
        )
    );
}

#[test]
fn unknown_services_are_told() {
    let bench = Bench::new();
    let up = bench.run(&["up", "--instances", "shop=2"]);
    assert!(
        !up.ok && up.err.contains("no service \"shop\"") && up.err.lines().count() == 1,
        "{up:?}"
    );
}

/// The real programs, but `name` is this script.
fn with_script(bench: &mut Bench, name: &str, script: &str) {
    let folder = bench.folder().join("programs");
    std::fs::create_dir(&folder).unwrap();
    for service in mall_testkit::mall::SERVICES {
        let program = folder.join(service.package);
        if service.package == name {
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            symlink(bench.programs.join(service.package), program).unwrap();
        }
    }
    bench.programs = folder;
}

#[test]
fn a_service_that_does_not_start_is_named_with_the_end_of_its_log() {
    let mut bench = Bench::new();
    with_script(
        &mut bench,
        "mall-carts",
        "#!/bin/sh\n[ \"$1\" = migrate ] && exit 0\necho mall.carts.max-count: must be a number >&2\nexit 3\n",
    );
    let up = bench.up();
    assert!(!up.ok);
    assert!(
        up.err
            .contains("carts ended while starting (exit status: 3)"),
        "{}",
        up.err
    );
    assert!(
        up.err.contains("mall.carts.max-count: must be a number"),
        "{}",
        up.err
    );
    bench.until_nothing_is_left();
    assert!(bench.run(&["status"]).out.contains("no mall is running"));
}

#[test]
fn a_migration_that_fails_is_named_with_the_end_of_its_log() {
    let mut bench = Bench::new();
    with_script(
        &mut bench,
        "mall-orders",
        "#!/bin/sh\necho no such table >&2\nexit 1\n",
    );
    let up = bench.up();
    assert!(
        !up.ok && up.err.contains("orders migrate failed") && up.err.contains("no such table"),
        "{}",
        up.err
    );
    bench.until_nothing_is_left();
}
