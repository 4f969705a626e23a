//! The verification mail: its text, and SMTP.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use mall_problem::Lang;

use crate::domain::Email;
use crate::messages;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the line to the mail server is encrypted, in JavaMail's words (`mail.smtp.*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailEncryption {
    /// It is not.
    #[default]
    Off,
    /// `starttls.enable`: when the server offers it.
    Offered,
    /// `starttls.required`: or no mail goes.
    Required,
    /// `ssl.enable`: from the first byte.
    FromTheStart,
}

/// Where mails go, in Spring's words (`spring.mail.*`).
#[derive(Clone)]
pub struct MailServer {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// For authentication, when the server wants it.
    pub credentials: Option<(String, String)>,
    /// Whether the line is encrypted.
    pub encryption: MailEncryption,
}

/// Why a mail did not go. Never says to whom: servers repeat the address in their answers, so only their codes are kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Later it may go.
    #[error("{0}")]
    Later(String),
    /// The server says that it never will.
    #[error("{0}")]
    Never(String),
}

/// Writes and sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    gateway_url: String,
}

impl Mailer {
    /// Connects when there is something to send.
    pub fn new(
        server: &MailServer,
        from: Mailbox,
        gateway_url: &str,
    ) -> Result<Self, lettre::transport::smtp::Error> {
        let whom = || TlsParameters::new(server.host.clone());
        let tls = match server.encryption {
            MailEncryption::Off => Tls::None,
            MailEncryption::Offered => Tls::Opportunistic(whom()?),
            MailEncryption::Required => Tls::Required(whom()?),
            MailEncryption::FromTheStart => Tls::Wrapper(whom()?),
        };
        let pool = PoolConfig::new()
            .max_size(4)
            .min_idle(0)
            .idle_timeout(Duration::from_secs(20));
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .pool_config(pool);
        if let Some((user, password)) = &server.credentials {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self {
            transport: transport.build(),
            from,
            gateway_url: gateway_url.trim_end_matches('/').to_owned(),
        })
    }

    /// Sends the mail with the link for `key`.
    pub async fn send_verification(
        &self,
        to: &Email,
        lang: Lang,
        key: &str,
        date: SystemTime,
    ) -> Result<(), MailError> {
        let link = format!(
            "{}/auth/signup/email-verifications?key={key}",
            self.gateway_url
        );
        let mail = verification(&self.from, to, lang, &link, date)?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.status() {
                Some(code) if error.is_permanent() => {
                    MailError::Never(format!("the mail server answered {code}"))
                }
                Some(code) => MailError::Later(format!("the mail server answered {code}")),
                None if error.is_timeout() => {
                    MailError::Later("the mail server did not answer in time".to_owned())
                }
                None => MailError::Later("the mail server could not be reached".to_owned()),
            }),
        }
    }
}

/// The mail. Its HTML is ASCII (other letters as character references), so that it passes every server unchanged and its
/// link can be read in the raw text. All its lines are far shorter than the 998 characters that SMTP allows.
fn verification(
    from: &Mailbox,
    to: &Email,
    lang: Lang,
    link: &str,
    date: SystemTime,
) -> Result<Message, MailError> {
    let texts = messages::verification_mail(lang);
    let to: Address = to
        .as_str()
        .parse()
        .map_err(|_| MailError::Never("no address to send to".to_owned()))?;
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n\
         <p>{}</p>\n<p>{}</p>\n<p>\n<a href=\"{}\">\n{}</a>\n</p>\n<p>{}</p>\n</body>\n</html>\n",
        match lang {
            Lang::Ko => "ko",
            Lang::En => "en",
        },
        html(texts.subject),
        html(texts.greeting),
        html(texts.request),
        html(link),
        html(texts.button),
        html(texts.note),
    );
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(texts.subject)
        .date(date)
        .message_id(None)
        .header(ContentType::TEXT_HTML)
        .body(Body::dangerous_pre_encoded(
            html.replace('\n', "\r\n").into_bytes(),
            ContentTransferEncoding::SevenBit,
        ))
        .map_err(|_| MailError::Never("the mail can't be written".to_owned()))
}

/// Text as ASCII HTML.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(lang: Lang) -> String {
        let from = "Mall <no-reply@mall.example>".parse().unwrap();
        let to = Email::parse("kim@mall.example").unwrap();
        let link = "http://localhost:8080/auth/signup/email-verifications?key=abc_-123";
        let mail = verification(&from, &to, lang, link, SystemTime::UNIX_EPOCH).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn the_link_stands_in_the_raw_mail() {
        for lang in [Lang::Ko, Lang::En] {
            let raw = raw(lang);
            assert!(raw.is_ascii());
            assert!(
                raw.contains(
                    "\"http://localhost:8080/auth/signup/email-verifications?key=abc_-123\""
                ),
                "{raw}"
            );
            assert!(raw.contains("To: kim@mall.example\r\n"), "{raw}");
            assert!(
                raw.contains("Content-Type: text/html; charset=utf-8\r\n"),
                "{raw}"
            );
            assert!(
                raw.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"),
                "{raw}"
            );
            assert!(raw.lines().all(|line| line.len() <= 998));
        }
        assert!(
            raw(Lang::Ko).contains("&#51064;"),
            "Korean letters as references"
        );
        assert!(raw(Lang::En).contains("Hello,"));
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(
            html("<a href=\"x\">&가"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#44032;"
        );
    }
}
