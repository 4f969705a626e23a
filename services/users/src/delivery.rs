//! What the outbox of this service delivers.

use std::time::SystemTime;

use async_trait::async_trait;
use mall_clock::SharedClock;
use mall_db::{Db, TxError};
use mall_outbox::{Deliver, DeliverError, Message};
use mall_problem::Lang;
use mall_types::UserId;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

use crate::domain::Email;
use crate::mail::{MailError, Mailer};
use crate::security::{EmailIndex, Sessions, Vault, VerificationKeys};
use crate::store::users;

/// A verification mail is to be sent. The payload names the account by the hash of its e-mail, known or not: asking for
/// a mail costs the same for every address.
pub const VERIFICATION: &str = "mail.verification";

/// The other sessions of a user have ended, and Redis is to be told.
pub const END_SESSIONS: &str = "sessions.end";

/// How often a server may refuse a mail for good before we believe it: a wrong setting of ours looks the same, and is
/// mended some time.
const PATIENCE: i32 = 10;

/// Payload of [`VERIFICATION`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationMail {
    email_index: String,
    lang: String,
}

impl VerificationMail {
    /// For the account of this e-mail, if there is one.
    pub fn new(index: EmailIndex, lang: Lang) -> Self {
        let lang = match lang {
            Lang::Ko => "ko",
            Lang::En => "en",
        };
        Self {
            email_index: index.hex(),
            lang: lang.to_owned(),
        }
    }
}

/// Payload of [`END_SESSIONS`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndSessions {
    /// Whose.
    pub user: UserId,
    /// The session that goes on.
    pub keep: String,
    /// Under this version of the password.
    pub credentials: i32,
}

/// Sends mails and marks ended sessions.
pub struct Delivery {
    pub db: Db,
    pub clock: SharedClock,
    pub vault: Vault,
    pub keys: VerificationKeys,
    pub sessions: Sessions,
    pub mailer: Mailer,
}

#[async_trait]
impl Deliver for Delivery {
    async fn deliver(&self, message: &Message) -> Result<(), DeliverError> {
        match message.topic.as_str() {
            VERIFICATION => self.send_verification(message).await,
            END_SESSIONS => {
                let EndSessions {
                    user,
                    keep,
                    credentials,
                } = payload(message)?;
                self.sessions
                    .mark_ended_of(user, &keep, credentials)
                    .await
                    .map_err(later)
            }
            _ => Err(DeliverError::Dead("unknown topic".to_owned())),
        }
    }
}

impl Delivery {
    /// The key is made here and not at sign-up, so that a mail that had to wait is still good for its whole time. A repeat
    /// makes a new key, and the earlier one is good no longer.
    async fn send_verification(&self, message: &Message) -> Result<(), DeliverError> {
        let VerificationMail { email_index, lang } = payload(message)?;
        let index = EmailIndex::from_hex(&email_index)
            .ok_or_else(|| DeliverError::Dead("no e-mail index".to_owned()))?;
        let account = self
            .db
            .read("user_for_mail", move |conn| {
                Box::pin(async move {
                    Ok::<_, TxError<Infallible>>(users::by_email(conn, index).await?)
                })
            })
            .await
            .map_err(|_| DeliverError::Retry("the database is away".to_owned()))?;
        let Some(account) = account.filter(|account| account.role.is_none()) else {
            return Ok(());
        };
        let email = self
            .vault
            .open("email", &account.row_key, &account.email)
            .map_err(|error| DeliverError::Dead(error.to_string()))?;
        let email = Email::parse(&email)
            .ok_or_else(|| DeliverError::Dead("no e-mail address".to_owned()))?;
        let key = self.keys.issue(account.id).await.map_err(later)?;
        let lang = if lang == "en" { Lang::En } else { Lang::Ko };
        let sent = self
            .mailer
            .send_verification(&email, lang, &key, SystemTime::from(self.clock.now()))
            .await;
        sent.map_err(|error| match error {
            MailError::Never(why) if message.attempts >= PATIENCE => DeliverError::Dead(why),
            MailError::Never(why) | MailError::Later(why) => DeliverError::Retry(why),
        })
    }
}

fn payload<'m, T: Deserialize<'m>>(message: &'m Message) -> Result<T, DeliverError> {
    serde_json::from_str(&message.payload)
        .map_err(|_| DeliverError::Dead("unreadable payload".to_owned()))
}

fn later(error: impl std::fmt::Display) -> DeliverError {
    DeliverError::Retry(error.to_string())
}
