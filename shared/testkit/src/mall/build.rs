//! Building the programs with cargo, and finding what it built.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::service::SERVICES;
use crate::unix;

/// What a build gave.
#[derive(Debug)]
pub struct Built {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// Whether anything had to be compiled.
    pub compiled: bool,
}

/// The folder of the clone that we run in: looked for upwards from where cargo runs us, then from the current folder.
pub fn workspace_root() -> anyhow::Result<PathBuf> {
    let run_by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = std::env::current_dir().ok();
    for start in run_by_cargo.into_iter().chain(here) {
        let is_root = |folder: &&Path| {
            folder.join("Cargo.lock").is_file()
                && folder.join("shared/testkit/Cargo.toml").is_file()
        };
        if let Some(root) = start.ancestors().find(is_root) {
            return Ok(root.to_owned());
        }
    }
    bail!("not inside a clone of the mall")
}

/// What to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The nine programs.
    Debug,
    /// The nine programs, optimised.
    Release,
    /// The nine programs and all tests. Built together they share everything; one after the other, a few dependencies (and all
    /// that depends on them) would be built twice, since tests switch on more of their features.
    WithTests,
}

/// Builds the nine programs. `progress` gets what cargo prints, piece by piece with its line ends (also `\r` of its progress bar).
/// `width` is that of the terminal; without one cargo draws no bar.
pub fn build_programs(
    root: &Path,
    what: Build,
    width: Option<u16>,
    progress: &mut dyn FnMut(&[u8]),
) -> anyhow::Result<Built> {
    let mut command = cargo(root);
    command.args(["build", "--message-format=json-render-diagnostics"]);
    match what {
        Build::Debug => &mut command,
        Build::Release => command.arg("--release"),
        Build::WithTests => command.args(["--workspace", "--all-targets"]),
    };
    if what != Build::WithTests {
        command.args(
            SERVICES
                .iter()
                .flat_map(|service| ["--package", service.package]),
        );
    }
    match width {
        Some(width) => command
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", width.to_string())
            .env("CARGO_TERM_COLOR", "always"),
        None => &mut command,
    };
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo can't be started")?;
    let stdout = child.stdout.take().context("no pipe from cargo")?;
    let stderr = child.stderr.take().context("no pipe from cargo")?;
    let messages = std::thread::spawn(move || read_messages(stdout));
    forward(stderr, progress)?;
    let status = child.wait()?;
    let (programs, compiled) = messages
        .join()
        .map_err(|_| anyhow::anyhow!("the thread that reads cargo's messages panicked"))?;
    if !status.success() {
        bail!("the build failed ({status})");
    }
    Ok(Built {
        programs: programs.context("cargo named no program")?,
        compiled,
    })
}

/// Cargo, as if it was called by hand: without the variables of a cargo that runs us.
#[must_use]
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    unix::let_signals_through(&mut command);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_a_package = text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text.starts_with("CARGO_BIN_");
        if of_a_package || matches!(&*text, "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE") {
            command.env_remove(&name);
        }
    }
    command
}

/// The programs' folder, and whether anything was not fresh.
fn read_messages(stdout: impl Read) -> (Option<PathBuf>, bool) {
    let (mut programs, mut compiled) = (None, false);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if message["fresh"] == false {
            compiled = true;
        }
        let is_program =
            message["target"]["kind"][0] == "bin" && message["profile"]["test"] == false;
        if let Some(program) = message["executable"].as_str().filter(|_| is_program) {
            programs = Path::new(program).parent().map(Path::to_owned);
        }
    }
    (programs, compiled)
}

fn forward(mut stderr: impl Read, progress: &mut dyn FnMut(&[u8])) -> anyhow::Result<()> {
    let mut piece = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stderr.read(&mut buffer)?;
        for byte in buffer.iter().take(count) {
            piece.push(*byte);
            if matches!(byte, b'\n' | b'\r') {
                progress(&piece);
                piece.clear();
            }
        }
        if count == 0 {
            progress(&piece);
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_where_the_programs_are_and_whether_anything_was_compiled() {
        let fresh = r#"{"reason":"compiler-artifact","fresh":true,"executable":null}
not json
{"reason":"compiler-artifact","target":{"kind":["bin"]},"profile":{"test":false},"fresh":true,"executable":"/x/target/debug/mall-users"}
{"reason":"compiler-artifact","target":{"kind":["bin"]},"profile":{"test":true},"fresh":true,"executable":"/x/target/debug/deps/mall_users-1"}"#;
        assert_eq!(
            read_messages(fresh.as_bytes()),
            (Some("/x/target/debug".into()), false)
        );
        let stale = fresh.replacen("true", "false", 1);
        assert!(read_messages(stale.as_bytes()).1);
    }

    #[test]
    fn progress_is_forwarded_piece_by_piece() {
        let mut pieces = Vec::new();
        forward(
            &b"Building 1\rBuilding 2\rCompiling x\nrest"[..],
            &mut |piece| pieces.push(piece.to_vec()),
        )
        .unwrap();
        assert_eq!(
            pieces,
            [
                &b"Building 1\r"[..],
                b"Building 2\r",
                b"Compiling x\n",
                b"rest"
            ]
        );
    }

    #[test]
    fn the_root_of_the_clone_is_found() {
        assert!(workspace_root().unwrap().join("config-repo").is_dir());
    }
}
