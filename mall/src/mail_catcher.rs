//! The mail catcher alone, for where the mall runs in containers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use mall_testkit::mail::MailCatcher;
use mall_testkit::unix::StopSignals;

use crate::screen::Screen;

pub fn run(address: SocketAddr, folder: &Path) -> anyhow::Result<ExitCode> {
    let signals = StopSignals::hold_back()?;
    let catcher = MailCatcher::start(address, folder)?;
    Screen::new().line(&format!(
        "mails to {} are kept in {}",
        catcher.address(),
        folder.display()
    ));
    signals.wait();
    Ok(ExitCode::SUCCESS)
}
