//! Where the programs of MariaDB and Redis are on this machine. [`SQL_SERVER`] and [`REDIS_SERVER`] name others, and then the
//! private servers of tests and of malls are those: MySQL, another MariaDB, Valkey.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the program of a MySQL or a MariaDB, by its whole path.
pub const SQL_SERVER: &str = "MALL_SQL_SERVER";
/// The variable that names the program of a Redis or a Valkey.
pub const REDIS_SERVER: &str = "MALL_REDIS_SERVER";

/// Where a program is and the name it must be called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// Its `argv[0]`, where the file's own name means something else to it.
    pub arg0: Option<String>,
}

/// Looks in `PATH` and in the folders where packages put servers, which are not in everybody's `PATH`.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/usr/libexec",
    ];
    let folders = std::env::split_paths(&path).chain(usual.into_iter().map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Which of the two a database's program is. They start alike, but are told the same by different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MariaDB's.
    MariaDb,
    /// MySQL's.
    MySql,
}

/// The server of MySQL or MariaDB that [`SQL_SERVER`] names, else this machine's MariaDB.
#[must_use]
pub fn sql_server() -> Option<Program> {
    named(SQL_SERVER).or_else(|| find("mariadbd").map(|path| Program { path, arg0: None }))
}

/// The server that [`REDIS_SERVER`] names, else this machine's Redis. Debian puts the program itself into `redis-tools`, under
/// the name of its checking tool; it is the server when it is called by that name. The package `redis-server` only adds a link,
/// and a system service, which nobody here wants.
#[must_use]
pub fn redis_server() -> Option<Program> {
    if let Some(program) = named(REDIS_SERVER) {
        return Some(program);
    }
    if let Some(path) = find("redis-server") {
        return Some(Program { path, arg0: None });
    }
    let program = Program {
        path: find("redis-check-rdb")?,
        arg0: Some("redis-server".to_owned()),
    };
    let is_server = program.version()?.starts_with("Redis server");
    is_server.then_some(program)
}

/// A name that leads to nothing is a program all the same: its start fails and tells the path. Another server than the one that
/// was asked for would be worse.
fn named(variable: &str) -> Option<Program> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty())?;
    Some(Program {
        path: path.into(),
        arg0: None,
    })
}

impl Program {
    /// What it says of itself: one line. None when it can't be run.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let mut command = Command::new(&self.path);
        if let Some(arg0) = &self.arg0 {
            std::os::unix::process::CommandExt::arg0(&mut command, arg0);
        }
        let output = command.arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Some(text.lines().next().unwrap_or_default().trim().to_owned())
    }
}

impl Dialect {
    /// That of a server which says this of its version.
    #[must_use]
    pub fn of_version(version: &str) -> Dialect {
        if version.contains("MariaDB") {
            Dialect::MariaDb
        } else {
            Dialect::MySql
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_version() {
        for (version, dialect) in [
            (
                "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)",
                Dialect::MariaDb,
            ),
            (
                "/usr/sbin/mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)",
                Dialect::MySql,
            ),
            (
                "mysqld  Ver 9.7.4-1 for Linux on x86_64 ((Debian))",
                Dialect::MySql,
            ),
        ] {
            assert_eq!(Dialect::of_version(version), dialect, "{version}");
        }
    }
}
