//! Keeping this process's lease: register, renew, register again when the registry has forgotten it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};

use super::transport::TransportError;
use super::{Backoff, LONGEST_RETRY, Me, Shared, jitter, lock};
use crate::wire::{InstanceStatus, json_out};

/// Runs until the client stops.
pub(super) async fn keep(shared: Arc<Shared>) {
    let longest = LONGEST_RETRY.min(shared.config.renewal);
    let mut backoff = Backoff::up_to(longest);
    let mut away = false;
    loop {
        let pause = match step(&shared).await {
            Ok(()) => {
                backoff = Backoff::up_to(longest);
                if std::mem::take(&mut away) {
                    tracing::info!("the registry is back");
                }
                jitter(shared.config.renewal)
            }
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(error = %error, "the registry is away; trying on");
                }
                backoff.next()
            }
        };
        if !shared.pause(pause, shared.status_changed.notified()).await {
            return;
        }
    }
}

/// One registration or one heartbeat; a heartbeat that finds the lease gone is followed by a registration at once.
async fn step(shared: &Shared) -> Result<(), TransportError> {
    if !lock(&shared.me).unsent {
        if renew(shared).await? {
            return Ok(());
        }
        // Newer than whatever the registry may still hold, or it would keep that instead.
        shared.registered.store(false, Ordering::Release);
        shared.change(|_| true);
        tracing::info!("the registry does not know this instance (any more); registering again");
    }
    register(shared).await
}

async fn register(shared: &Shared) -> Result<(), TransportError> {
    let me = *lock(&shared.me);
    shared.announced.store(true, Ordering::Release);
    announce(shared, me).await?;
    let mut current = lock(&shared.me);
    if current.dirty == me.dirty {
        current.unsent = false;
    } else {
        // Changed while it was being told: tell that, too.
        shared.status_changed.notify_one();
    }
    shared.registered.store(true, Ordering::Release);
    tracing::info!(app = shared.config.app, id = shared.config.instance_id, status = %me.status, "registered");
    Ok(())
}

async fn announce(shared: &Shared, me: Me) -> Result<(), TransportError> {
    let app = shared.config.app.to_uppercase();
    let body = json_out::instance(&shared.instance(me)).to_string();
    let reply = shared
        .transport
        .send(Method::POST, &["apps", &app], &[], Some(body))
        .await?;
    if reply.status.is_success() {
        return Ok(());
    }
    Err(reply.refused("registration"))
}

/// False when the registry does not have this lease, or an older state of it.
async fn renew(shared: &Shared) -> Result<bool, TransportError> {
    let me = *lock(&shared.me);
    let app = shared.config.app.to_uppercase();
    let query = [
        ("status", me.status.as_str().to_owned()),
        ("lastDirtyTimestamp", me.dirty.to_string()),
    ];
    let path = ["apps", &app, &shared.config.instance_id];
    let reply = shared
        .transport
        .send(Method::PUT, &path, &query, None)
        .await?;
    match reply.status {
        StatusCode::NOT_FOUND => Ok(false),
        status if status.is_success() => Ok(true),
        _ => Err(reply.refused("heartbeat")),
    }
}

/// Status `DOWN`, so that clients with an old view stop calling, then the cancel. Failures are only logged.
pub(super) async fn leave(shared: &Shared) {
    shared.change(|me| {
        me.status = InstanceStatus::Down;
        true
    });
    let me = *lock(&shared.me);
    if let Err(error) = announce(shared, me).await {
        tracing::warn!(error = %error, "could not announce the shutdown");
    }
    let app = shared.config.app.to_uppercase();
    let path = ["apps", &app, &shared.config.instance_id];
    match shared
        .transport
        .send(Method::DELETE, &path, &[], None)
        .await
    {
        Ok(_) => tracing::info!(
            app = shared.config.app,
            id = shared.config.instance_id,
            "left the registry"
        ),
        Err(error) => {
            tracing::warn!(error = %error, "could not leave the registry; the lease will run out")
        }
    }
}
