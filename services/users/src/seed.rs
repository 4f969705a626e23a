//! Shoppers in bulk, for load tests of a mall of the profile `local`: a sign-up each would spend its time on mails and password
//! hashes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use mall_auth::AccessToken;
use mall_db::{Db, TxError};
use mall_service::{Given, Tool};
use mall_types::{Role, UserId};

use crate::domain::{Email, password_fault};
use crate::security::{EmailIndex, Passwords, Vault};
use crate::store::users::{self, NewUser};
use crate::{Users, UsersConfig};

/// How many accounts a statement adds.
const AT_ONCE: u32 = 512;

/// How long a seeded token is good, in hours: longer than a load test takes.
const TOKEN_HOURS: i64 = 12;

/// The user service's own commands.
#[derive(Debug, Subcommand)]
pub enum Seed {
    /// Make shoppers in bulk and write an access token of each to a file. Only with the profile local.
    ///
    /// They are buyer-1@mall.test and so on, verified, all with the same password. Those that are there already are kept, and get
    /// new tokens.
    Seed {
        /// How many
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        buyers: u32,
        /// Where the tokens go, one a line
        #[arg(long, value_name = "FILE")]
        tokens: PathBuf,
        /// The password of each
        #[arg(long, default_value = "buyerpass1!")]
        password: String,
    },
}

impl Tool<Users> for Seed {
    async fn run(self, given: Given<UsersConfig>) -> anyhow::Result<()> {
        let Seed::Seed {
            buyers,
            tokens: file,
            password,
        } = self;
        ensure!(
            given.local,
            "seed: shoppers in bulk are only made with the profile local (spring.profiles.active)"
        );
        let (Some(db), Some(keys)) = (given.db, given.tokens) else {
            bail!("the user service has a database and token keys");
        };
        let vault = Vault::new(&given.config.encryption).context("mall.users.encryption")?;
        let passwords = Passwords::new(&given.config.password).context("mall.users.password")?;
        ensure!(
            password_fault(&password, passwords.max_length()).is_none(),
            "--password: at least 8 characters, six letters in a row, a digit and one of @$!%*?&"
        );
        // Before the work: a file that can't be written is told at once.
        let mut out = create(&file)?;
        let hash = passwords.hash(password).await?;
        let now = given.clock.now();
        for first in (1..=buyers).step_by(AT_ONCE as usize) {
            let last = first.saturating_add(AT_ONCE - 1).min(buyers);
            let batch = (first..=last)
                .map(|number| buyer(&vault, &hash, number))
                .collect::<anyhow::Result<Vec<_>>>()?;
            for user in insert(&db, now, batch).await? {
                let token = keys.sign_access(&AccessToken {
                    user,
                    role: Role::User,
                    session: format!("seed-{user}"),
                    issued_at: now,
                    expires_at: now + chrono::Duration::hours(TOKEN_HOURS),
                });
                writeln!(out, "{token}").with_context(|| file.display().to_string())?;
            }
            if last % (AT_ONCE * 100) == 0 {
                tracing::info!(made = last, of = buyers, "making shoppers");
            }
        }
        out.flush().with_context(|| file.display().to_string())?;
        tracing::info!(buyers, tokens = %file.display(), "shoppers are there");
        Ok(())
    }
}

/// For nobody else's eyes: whoever has a token is that shopper.
fn create(file: &Path) -> anyhow::Result<std::io::BufWriter<std::fs::File>> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let opened = options
        .open(file)
        .with_context(|| format!("--tokens: {}", file.display()))?;
    Ok(std::io::BufWriter::new(opened))
}

fn buyer(vault: &Vault, hash: &str, number: u32) -> anyhow::Result<NewUser> {
    let email = Email::parse(&format!("buyer-{number}@mall.test")).context("a good address")?;
    let row_key = uuid::Uuid::new_v4().to_string();
    Ok(NewUser {
        index: vault.index(&email),
        email: vault.seal("email", &row_key, email.as_str())?,
        name: None,
        phone_num: None,
        address: None,
        registration: None,
        password: hash.to_owned(),
        role: Some(Role::User),
        row_key,
    })
}

/// Their ids, in the order of the batch.
async fn insert(db: &Db, now: DateTime<Utc>, batch: Vec<NewUser>) -> anyhow::Result<Vec<UserId>> {
    let wanted: Vec<EmailIndex> = batch.iter().map(|new| new.index).collect();
    let batch = std::sync::Arc::new(batch);
    let found: Result<HashMap<EmailIndex, UserId>, TxError<Infallible>> = db
        .run_tx("seed", move |tx| {
            let batch = batch.clone();
            Box::pin(async move { Ok(users::insert_missing(tx, now, &batch).await?) })
        })
        .await;
    let found = found.context("the shoppers could not be stored")?;
    wanted
        .iter()
        .map(|index| found.get(index).copied().context("a shopper is missing"))
        .collect()
}
