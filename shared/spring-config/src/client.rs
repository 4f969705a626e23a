//! The client of a Spring Cloud Config server.

use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use secrecy::{ExposeSecret, SecretString};

use crate::environment::{Environment, V2_TYPE};
use crate::source::PropertySource;

/// Largest answer that is read, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing could be fetched. No variant shows the password in the address.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{url}: not an http:// address of a config server")]
    Address { url: String },
    #[error("config server {url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("config server {url} answered {status}")]
    Status { url: String, status: u16 },
    #[error("config server {url} answered something that is no Environment: {reason}")]
    Answer { url: String, reason: String },
}

/// Fetches an application's settings from one of several equal config servers.
#[derive(Clone, Debug)]
pub struct ConfigClient {
    servers: Vec<Server>,
    http: reqwest::Client,
    timeout: Duration,
}

#[derive(Clone, Debug)]
struct Server {
    /// Without user and password.
    url: Url,
    user: Option<(String, SecretString)>,
}

impl ConfigClient {
    /// `url` may be what a Spring client takes: `http://user:password@host:8081/prefix`, several with commas, and with
    /// `optional:` or `configserver:` in front. Proxies of the environment are not used.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let servers = url
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(server)
            .collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(ConfigError::Address {
                url: url.to_owned(),
            });
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ConfigError::Unreachable {
                url: servers[0].url.to_string(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            servers,
            http,
            timeout: TIMEOUT,
        })
    }

    /// Bounds each request as a whole; 10 s without this.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Uses this user and password for servers whose address has none.
    pub fn with_login(mut self, user: &str, password: &SecretString) -> Self {
        for server in &mut self.servers {
            server
                .user
                .get_or_insert_with(|| (user.to_owned(), password.clone()));
        }
        self
    }

    /// The sources for these profiles (`dev,mysql`; empty: `default`), the strongest first. A server that knows nothing gives an empty list;
    /// on an error the next server is asked, and the last one's error returned.
    pub async fn fetch(
        &self,
        name: &str,
        profiles: &str,
        label: Option<&str>,
    ) -> Result<Vec<PropertySource>, ConfigError> {
        self.environment(name, profiles, label)
            .await
            .map(|found| found.map(Environment::into_sources).unwrap_or_default())
    }

    /// The whole answer, with label and version; `None` when the server says that there is nothing.
    pub async fn environment(
        &self,
        name: &str,
        profiles: &str,
        label: Option<&str>,
    ) -> Result<Option<Environment>, ConfigError> {
        let mut last = None;
        for server in &self.servers {
            match self.ask(server, name, profiles, label).await {
                Ok(found) => return Ok(found),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(ConfigError::Address { url: String::new() }))
    }

    async fn ask(
        &self,
        server: &Server,
        name: &str,
        profiles: &str,
        label: Option<&str>,
    ) -> Result<Option<Environment>, ConfigError> {
        let shown = server.url.to_string();
        let url = request_url(&server.url, name, profiles, label)
            .ok_or_else(|| ConfigError::Address { url: shown.clone() })?;
        let unreachable = |error: reqwest::Error| ConfigError::Unreachable {
            url: shown.clone(),
            reason: chain(&error),
        };
        let mut request = self
            .http
            .get(url)
            .timeout(self.timeout)
            .header(header::ACCEPT, format!("application/json, {V2_TYPE};q=0.9"));
        if let Some((user, password)) = &server.user {
            request = request.basic_auth(user, Some(password.expose_secret()));
        }
        let mut response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => {
                return Err(ConfigError::Status {
                    url: shown,
                    status: status.as_u16(),
                });
            }
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                return Err(ConfigError::Answer {
                    url: shown,
                    reason: format!("larger than {MAX_BODY} bytes"),
                });
            }
        }
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| ConfigError::Answer {
                url: shown,
                // Serde's text may quote a value, which may be a secret.
                reason: format!("at line {}, column {}", error.line(), error.column()),
            })
    }
}

fn server(text: &str) -> Result<Server, ConfigError> {
    let text = text.strip_prefix("optional:").unwrap_or(text);
    let text = text.strip_prefix("configserver:").unwrap_or(text);
    // The address is only shown without what may be a password.
    let refused = || ConfigError::Address {
        url: text.rsplit('@').next().unwrap_or_default().to_owned(),
    };
    let mut url = Url::parse(text).map_err(|_| refused())?;
    if url.scheme() != "http" || url.host_str().is_none() {
        return Err(refused());
    }
    let decoded = |part: &str| percent_decoded(part).ok_or_else(refused);
    let user = if url.username().is_empty() {
        None
    } else {
        let password = decoded(url.password().unwrap_or_default())?;
        Some((decoded(url.username())?, SecretString::from(password)))
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Ok(Server { url, user })
}

fn request_url(base: &Url, name: &str, profiles: &str, label: Option<&str>) -> Option<Url> {
    let mut url = base.clone();
    let profiles = if profiles.is_empty() {
        "default"
    } else {
        profiles
    };
    {
        let mut path = url.path_segments_mut().ok()?;
        path.pop_if_empty().push(name).push(profiles);
        if let Some(label) = label.filter(|label| !label.is_empty()) {
            // A slash in a branch name would be a path separator; Spring's spelling for it is (_).
            path.push(&label.replace('/', "(_)"));
        }
    }
    Some(url)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| hex::decode(digits).ok());
        match code.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The error and its causes in one line; reqwest's own text alone does not say "connection refused".
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        "request failed".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
