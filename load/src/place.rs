//! Which mall a bench fires at, and as whom.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use crate::local::host;

/// What says it.
#[derive(Debug, Args)]
pub struct Options {
    /// Another mall with this API: http://host:port
    #[arg(
        long,
        value_name = "URL",
        requires = "tokens",
        requires = "admin_token"
    )]
    pub base: Option<String>,
    /// Access tokens of its shoppers, one a line; they are used in turn
    #[arg(long, value_name = "FILE", requires = "base")]
    pub tokens: Option<PathBuf>,
    /// Access token of an administrator there, who adds the products
    #[arg(long, value_name = "TOKEN", requires = "base")]
    pub admin_token: Option<String>,
    /// The state file of the mall that runs here
    #[arg(long, hide = true, env = "MALL_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Where, and who.
pub struct Place {
    /// `host:port` of the gateway.
    pub host: String,
    /// An administrator's access token.
    pub admin: String,
    /// Access tokens of shoppers; at least one.
    pub tokens: Vec<String>,
}

impl Options {
    /// The mall that runs elsewhere; `None`: the one here is meant.
    pub fn elsewhere(&self) -> anyhow::Result<Option<Place>> {
        let Some(base) = &self.base else {
            return Ok(None);
        };
        let (Some(file), Some(admin)) = (&self.tokens, &self.admin_token) else {
            bail!("--base needs --tokens and --admin-token");
        };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let tokens: Vec<String> = lines.map(str::to_owned).collect();
        if tokens.is_empty() {
            bail!("{}: no tokens", file.display());
        }
        Ok(Some(Place {
            host: host(base)?,
            admin: admin.clone(),
            tokens,
        }))
    }
}

#[cfg(test)]
mod tests {
    use mall_testkit::Scratch;

    use super::*;

    #[test]
    fn a_mall_elsewhere_has_its_own_people() {
        let scratch = Scratch::new("tokens").unwrap();
        let file = scratch.path().join("tokens");
        std::fs::write(&file, "a\n\n b \n").unwrap();
        let mut options = Options {
            base: Some("http://mall".to_owned()),
            tokens: Some(file.clone()),
            admin_token: Some("admin".to_owned()),
            state: None,
        };
        let place = options.elsewhere().unwrap().unwrap();
        assert_eq!(
            (place.host.as_str(), place.admin.as_str()),
            ("mall:80", "admin")
        );
        assert_eq!(place.tokens, ["a", "b"]);

        std::fs::write(file, "\n").unwrap();
        assert!(options.elsewhere().is_err());
        options.base = None;
        assert!(options.elsewhere().unwrap().is_none());
    }
}
