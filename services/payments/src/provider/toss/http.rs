//! The HTTP: one connection pool, an end to every wait, and no more read than an answer can need.

use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::answers::{self, Said};
use crate::config::TossConfig;
use crate::provider::Unknown;

/// No answer may be larger; bytes. A payment object has a few thousand.
const BODY_LIMIT: usize = 256 * 1024;

pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base_url: String,
    authorization: HeaderValue,
    timeout: Duration,
}

impl Http {
    pub fn new(config: &TossConfig) -> anyhow::Result<Http> {
        let key = config.secret_key.as_ref().map(ExposeSecret::expose_secret);
        let key = key.context("mall.payments.toss.secret-key is missing")?;
        let basic = format!("Basic {}", STANDARD.encode(format!("{key}:")));
        let mut authorization = HeaderValue::from_str(&basic)?;
        authorization.set_sensitive(true);
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(config.timeout.get() / 2));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        // Retrying is ours to decide: a request that went out may have moved money.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Http {
            client,
            base_url: config.base_url.clone(),
            authorization,
            timeout: config.timeout.get(),
        })
    }

    pub async fn get(&self, path: &str) -> Result<Said, Unknown> {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Said, Unknown> {
        self.send(Method::POST, path, Some(key), body.to_string().into())
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Said, Unknown> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json");
        if let Some(key) = key {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .header("idempotency-key", key);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Unknown::new("NOT_SENT", error.to_string()))?;
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| Unknown::new("UNREACHABLE", chain(&error)))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_LIMIT)
                .collect()
                .await
                .map_err(|error| Unknown::new("UNREADABLE", error.to_string()))?;
            answers::read(status, &body.to_bytes())
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(said) => said,
            Err(_elapsed) => Err(Unknown::new("TIMEOUT", "Toss did not answer in time")),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
