//! MariaDB and Redis on this machine: found, or installed where that is allowed.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use mall_testkit::{programs, unix};

use crate::screen::Screen;

/// The server's program without the package that would start a system service.
const MARIADB: &str = "mariadb-server-core";
/// Holds the server's program, under another name; `redis-server` would add a system service.
const REDIS: &str = "redis-tools";

/// Makes sure that both are there.
pub fn ensure(screen: &mut Screen) -> anyhow::Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if programs::find("apt-get").is_none() {
        bail!(
            "MariaDB (mariadbd) and Redis (redis-server) are needed: install them, for example `brew install mariadb redis` or `dnf install mariadb-server redis`, and run this again"
        );
    }
    let as_root: &[&str] = if unix::is_root() {
        &[]
    } else if passwordless_sudo() {
        &["sudo", "-n"]
    } else {
        bail!(
            "MariaDB and Redis are needed: run `sudo apt-get install {names}` and then this again (they start no system service)"
        );
    };
    let step = format!(
        "installing Debian's packages {names} (programs only: no system service is started)"
    );
    let began = Instant::now();
    screen.began(&step);
    // Lists may be old or, as in a fresh container, not there. Offline the packages may still be in apt's cache.
    let updated = apt_get(as_root, &["update"])?;
    let installed = apt_get(
        as_root,
        &[
            &["install", "--yes", "--no-install-recommends"],
            &packages[..],
        ]
        .concat(),
    )?;
    if !installed.status.success() {
        screen.clear();
        let told: String = [updated, installed]
            .iter()
            .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
            .collect();
        bail!("apt-get can't install {names}:\n{}", told.trim());
    }
    screen.done(&step, began.elapsed());
    let still = missing();
    if !still.is_empty() {
        bail!(
            "{} installed, but the server program is not in it: install MariaDB and Redis by hand",
            still.join(" and ")
        );
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if programs::sql_server().is_none() {
        packages.push(MARIADB);
    }
    if programs::redis_server().is_none() {
        packages.push(REDIS);
    }
    packages
}

fn passwordless_sudo() -> bool {
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .output();
    sudo.is_ok_and(|output| output.status.success())
}

fn apt_get(as_root: &[&str], args: &[&str]) -> anyhow::Result<Output> {
    // RUNLEVEL: maintainer scripts that would start a service take this machine for one in single-user mode.
    let words = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "RUNLEVEL=1",
        "apt-get",
        "-q",
        "-o",
        "DPkg::Lock::Timeout=120",
    ];
    let line = [as_root, &words, args].concat();
    let (program, rest) = line.split_first().context("no command")?;
    Ok(Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .output()?)
}
