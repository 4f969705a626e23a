//! Programs that do a command's work: their end is ours.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::Context;

/// Runs cargo, in place of this program.
pub fn run_to_end(cargo: &mut Command) -> anyhow::Result<ExitCode> {
    let status = cargo.status().context("cargo can't be started")?;
    Ok(ExitCode::from(code(status)))
}

/// As a shell has it: what the program said, or 128 and the number of the signal that ended it.
pub fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_as_a_shell_tells_it() {
        for (script, told) in [
            ("exit 0", 0),
            ("exit 2", 2),
            ("exit 101", 101),
            ("kill -TERM $$", 143),
            ("kill -KILL $$", 137),
        ] {
            let status = Command::new("sh").args(["-c", script]).status().unwrap();
            assert_eq!(code(status), told, "{script}");
        }
    }
}
