//! What MySQL's server is told in other words than MariaDB's.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use super::{MariaDbSettings, ROOT, appended, made_in_order};
use crate::unix;

/// At every start, that which makes the data included.
pub(super) const COMMON: [&str; 3] = [
    "--innodb-redo-log-capacity=96M",
    // The compiled-in folder is there only where a package or an image has made it.
    "--secure-file-priv=NULL",
    "--log-error-verbosity=2",
];

/// When it serves: without its second protocol, whose port nobody has chosen.
pub(super) const SERVING: [&str; 1] = ["--mysqlx=OFF"];

/// MySQL makes its system tables by itself. `command` starts it on the folder of the data to come.
pub(super) fn initialise(
    mut command: Command,
    dir: &Path,
    settings: &MariaDbSettings,
) -> anyhow::Result<()> {
    let script = dir.join("first.sql");
    fs::write(&script, ROOT)?;
    command
        .arg("--initialize-insecure")
        .arg(format!("--init-file={}", script.display()))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(appended(&settings.log)?);
    unix::tie_to_parent(&mut command);
    let status = command.status().context("MySQL can't be started")?;
    made_in_order(status, settings)
}
