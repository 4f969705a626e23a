//! The first admin.

use anyhow::{Context, bail};
use mall_db::TxError;
use secrecy::ExposeSecret;
use std::convert::Infallible;

use crate::config::AdminConfig;
use crate::domain::Email;
use crate::security::EmailIndex;
use crate::state::State;
use crate::store::users::{self, NewUser, UserRow};

/// Makes the admin account of the settings unless its e-mail has an account. Several replicas may do this at once. An
/// account that is there is not changed: neither its password, nor (a shopper's) its role.
pub async fn ensure_admin(state: &State, admin: &AdminConfig) -> anyhow::Result<()> {
    let email = Email::parse(&admin.email).context("mall.users.admin.email is no e-mail")?;
    let index = state.vault.index(&email);
    if let Some(account) = account(state, index).await? {
        if account.role != Some(mall_types::Role::Admin) {
            tracing::warn!(
                user.id = account.id.0,
                "mall.users.admin.email has an account that is no admin's; it stays so"
            );
        }
        return Ok(());
    }
    let row_key = uuid::Uuid::new_v4().to_string();
    let new = NewUser {
        index,
        email: state.vault.seal("email", &row_key, email.as_str())?,
        name: None,
        phone_num: None,
        address: None,
        registration: None,
        password: state
            .passwords
            .hash(admin.password.expose_secret().to_owned())
            .await?,
        role: Some(mall_types::Role::Admin),
        row_key,
    };
    let now = state.clock.now();
    let made: Result<_, TxError<Infallible>> = state
        .db
        .run_tx("admin_insert", move |tx| {
            let new = new.clone();
            Box::pin(async move { Ok(users::insert(tx, now, &new).await?) })
        })
        .await;
    match made {
        Ok(id) => tracing::info!(user.id = id.0, "admin account made"),
        Err(TxError::Db(error)) if mall_db::is_duplicate(&error, "uq_users_email") => {}
        Err(error) => bail!("the admin account could not be made: {error}"),
    }
    Ok(())
}

async fn account(state: &State, index: EmailIndex) -> anyhow::Result<Option<UserRow>> {
    let account: Result<_, TxError<Infallible>> = state
        .db
        .read("admin_by_email", move |conn| {
            Box::pin(async move { Ok(users::by_email(conn, index).await?) })
        })
        .await;
    account.context("accounts can't be read")
}
