//! `GET apps/{app}` and `POST apps/{app}`, which registers an instance.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use mall_eureka::Instance;
use mall_eureka::wire::{json_in, json_out, xml_in, xml_out};

use crate::ask::{Ask, text};
use crate::negotiation::{Format, detail, list_format};
use crate::state::RegistryState;

/// One application; 404 when it has no instance.
pub async fn show(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    if !state.registry().allows_access(state.now()) {
        return ask.error(StatusCode::FORBIDDEN);
    }
    let Some(format) = list_format(&ask.headers) else {
        return ask.error(StatusCode::NOT_ACCEPTABLE);
    };
    let Some(application) = state.registry().application(&ask.app()) else {
        return ask.error(StatusCode::NOT_FOUND);
    };
    let detail = detail(&ask.headers);
    let body = match format {
        Format::Json => json_out::application(&application, detail).to_string(),
        Format::Xml => xml_out::application(&application, detail),
    };
    text(StatusCode::OK, format, body)
}

/// Registers an instance: exactly 204 without a body, or clients take it for a failure.
pub async fn register(
    State(state): State<Arc<RegistryState>>,
    ask: Ask,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(format) = body_format(&ask) else {
        return ask.error(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return ask.error(rejection.status()),
    };
    let now = state.now();
    let read = match format {
        Format::Json => json_in::registration(&body, now),
        Format::Xml => xml_in::registration(&body, now),
    };
    let instance = match read {
        Ok(instance) => instance,
        Err(error) => {
            tracing::info!(app = ask.app(), error = %error, "a registration cannot be read");
            return unreadable(format);
        }
    };
    if let Some(missing) = missing(&instance, &ask.app()) {
        tracing::info!(
            app = ask.app(),
            id = instance.id(),
            missing,
            "a registration is refused"
        );
        // The bare text under this type is Netflix's.
        return text(StatusCode::BAD_REQUEST, Format::Json, missing);
    }
    tracing::debug!(app = instance.app, id = instance.id(), status = %instance.status, "registration");
    state.registry().register(instance, ask.is_from_peer(), now);
    StatusCode::NO_CONTENT.into_response()
}

fn body_format(ask: &Ask) -> Option<Format> {
    let content_type = ask.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    [Format::Json, Format::Xml]
        .into_iter()
        .find(|format| essence.eq_ignore_ascii_case(format.content_type()))
}

fn unreadable(format: Format) -> Response {
    let body = match format {
        Format::Json => r#"{"error": "cannot parse request body"}"#,
        Format::Xml => "<error><message>cannot parse request body</message></error>",
    };
    text(StatusCode::BAD_REQUEST, format, body.to_owned())
}

/// The first thing that a registration lacks, in Netflix's order and words.
fn missing(instance: &Instance, app: &str) -> Option<String> {
    let text = if instance.id().is_empty() {
        "Missing instanceId"
    } else if instance.host_name.is_empty() {
        "Missing hostname"
    } else if instance.ip_addr.is_empty() {
        "Missing ip address"
    } else if instance.app.is_empty() {
        "Missing appName"
    } else if instance.app != app {
        return Some(format!(
            "Mismatched appName, expecting {app} but was {}",
            instance.app
        ));
    } else {
        match &instance.data_center {
            None => "Missing dataCenterInfo",
            Some(center) if center.name.is_none() => "Missing dataCenterInfo Name",
            Some(_) => return None,
        }
    };
    Some(text.to_owned())
}
