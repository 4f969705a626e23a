//! Where the programs of MariaDB and Redis are on this machine.

use std::path::PathBuf;

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

fn is_executable(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// MariaDB's server.
#[must_use]
pub fn mariadbd() -> Option<Program> {
    find("mariadbd").map(|path| Program { path, arg0: None })
}

/// Redis' server. Debian puts the program itself into `redis-tools`, under the name of its checking tool; it is the server when
/// it is called by that name. The package `redis-server` only adds a link, and a system service, which nobody here wants.
#[must_use]
pub fn redis_server() -> Option<Program> {
    if let Some(path) = find("redis-server") {
        return Some(Program { path, arg0: None });
    }
    let path = find("redis-check-rdb")?;
    let arg0 = "redis-server".to_owned();
    let mut command = std::process::Command::new(&path);
    std::os::unix::process::CommandExt::arg0(&mut command, &arg0);
    let output = command.arg("--version").output().ok()?;
    let is_server = String::from_utf8_lossy(&output.stdout).starts_with("Redis server");
    is_server.then_some(Program {
        path,
        arg0: Some(arg0),
    })
}
