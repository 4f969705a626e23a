//! One request to whichever of the registry's URLs answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode, Url};

const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const REQUEST_LIMIT: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    #[error("no usable service URL is configured")]
    NoUrl,
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} answered {status}")]
    Failing { host: String, status: StatusCode },
    #[error("the {what} was refused with {status}: {body}")]
    Refused {
        what: &'static str,
        status: StatusCode,
        body: String,
    },
    #[error("the answer is not a registry's: {0}")]
    Unreadable(#[from] crate::wire::WireError),
}

pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    /// Which URL answered.
    pub(super) source: usize,
}

impl Reply {
    pub(super) fn refused(&self, what: &'static str) -> TransportError {
        TransportError::Refused {
            what,
            status: self.status,
            body: String::from_utf8_lossy(&self.body)
                .chars()
                .take(200)
                .collect(),
        }
    }
}

pub(super) struct Transport {
    http: reqwest::Client,
    urls: Vec<Url>,
    /// The URL that answered last: the first to be asked.
    current: AtomicUsize,
}

impl Transport {
    pub(super) fn new(urls: &[String]) -> Self {
        let urls = urls
            .iter()
            .filter(|url| !url.trim().is_empty())
            .filter_map(|text| match Url::parse(text.trim()) {
                Ok(url) if url.has_host() && url.scheme() == "http" => Some(url),
                // The text may hold a password: it is not shown.
                _ => {
                    tracing::error!("a service URL of the registry is not an http URL; left out");
                    None
                }
            })
            .collect();
        // Never through a proxy. Building can only fail for TLS, which is not compiled in: the default is out of reach.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(REQUEST_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap_or_default();
        Self {
            http,
            urls,
            current: AtomicUsize::new(0),
        }
    }

    /// The first answer that is one: a URL that can't be reached, fails (5xx) or does not let us in is passed over. `path` is
    /// percent-encoded segment by segment.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Reply, TransportError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut last_error = TransportError::NoUrl;
        for offset in 0..self.urls.len() {
            let source = (first + offset) % self.urls.len();
            let url = address(&self.urls[source], path);
            match self
                .ask(method.clone(), url, query, body.clone(), source)
                .await
            {
                Ok(reply) => {
                    self.current.store(source, Ordering::Relaxed);
                    return Ok(reply);
                }
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        query: &[(&str, String)],
        body: Option<String>,
        source: usize,
    ) -> Result<Reply, TransportError> {
        let host = url
            .authority()
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut request = self
            .http
            .request(method, url)
            .query(query)
            .header(ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let unreachable = |error: reqwest::Error| TransportError::Unreachable {
            host: host.clone(),
            why: root_cause(&error),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_server_error()
            || matches!(
                status,
                StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
            )
        {
            return Err(TransportError::Failing { host, status });
        }
        let body = response.bytes().await.map_err(unreachable)?.to_vec();
        Ok(Reply {
            status,
            body,
            source,
        })
    }
}

fn address(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// The innermost reason ("connection refused"), which says more than reqwest's own words, and never shows the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_and_bases_need_no_slash() {
        let address =
            |base: &str, path: &[&str]| address(&Url::parse(base).unwrap(), path).to_string();
        assert_eq!(
            address("http://h:1/eureka/", &["apps", "A", "h:a:8012"]),
            "http://h:1/eureka/apps/A/h:a:8012"
        );
        assert_eq!(
            address("http://h:1/eureka", &["apps"]),
            "http://h:1/eureka/apps"
        );
        assert_eq!(
            address("http://h:1/eureka/", &["apps", "a/b", "c d?#%"]),
            "http://h:1/eureka/apps/a%2Fb/c%20d%3F%23%25"
        );
    }

    #[test]
    fn unusable_urls_are_left_out() {
        let urls = [
            "",
            "eureka",
            "https://h/eureka/",
            "http://h:1/eureka/",
            " http://h:2/eureka/ ",
        ];
        let transport = Transport::new(&urls.map(str::to_owned));
        assert_eq!(transport.urls.len(), 2);
    }
}
