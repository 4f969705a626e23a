//! Webhooks to the shop.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::{Payment, Shared, lock};
use crate::provider::toss::sign;

/// Toss waits so long for the 200.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells the shop how a payment stands. Sent once, or twice when so switched; Toss would send it again until it hears 200.
pub fn send(shared: &Shared, payment: &Payment) {
    let Some(url) = lock(&shared.webhook_url).clone() else {
        return;
    };
    let now = shared.clock.now();
    let event = json!({
        "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": now.to_rfc3339(), "data": payment.shown(),
    });
    let (body, time) = (event.to_string(), now.to_rfc3339());
    let id = uuid::Uuid::new_v4().to_string();
    let key = shared.options.webhook_key.as_deref();
    let signature = key.map(|key| sign(key.as_bytes(), body.as_bytes(), &time));
    let copies = if lock(&shared.switches).double_webhooks {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let mut request = Request::post(&url)
            .header("content-type", "application/json")
            .header("tosspayments-webhook-transmission-id", &id)
            .header("tosspayments-webhook-transmission-time", &time)
            .header("tosspayments-webhook-transmission-retried-count", "0");
        if let Some(signature) = &signature {
            request = request.header("tosspayments-webhook-signature", signature);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(body.clone()))) else {
            tracing::error!(url, "no webhook can be sent there");
            return;
        };
        shared.notices.spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            match tokio::time::timeout(PATIENCE, client.request(request)).await {
                Ok(Ok(response)) => {
                    tracing::info!(status = response.status().as_u16(), "webhook sent")
                }
                Ok(Err(error)) => tracing::warn!(error = %error, "webhook not delivered"),
                Err(_elapsed) => tracing::warn!("webhook not answered"),
            }
        });
    }
}
