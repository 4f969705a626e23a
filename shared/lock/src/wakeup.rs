//! The subscription: one connection per process, one subscription per lock name, shared by all local waiters.
//!
//! A message wakes one local waiter (`0`) or all of them (`1`), as in Redisson. When the connection is lost and comes back,
//! everybody is woken: a message may have been missed meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use redis::aio::PubSubSink;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

const RECONNECT_AFTER: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long the connection stays open when nobody waits.
const IDLE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Channel {
    waiters: usize,
    wake: Arc<Notify>,
    subscribed: Arc<watch::Sender<bool>>,
}

struct Shared {
    client: Client,
    channels: Mutex<HashMap<String, Channel>>,
    changes: mpsc::UnboundedSender<String>,
    running: AtomicBool,
}

/// Where waiters register.
pub struct Wakeups {
    shared: Arc<Shared>,
    /// Handed to the listener when it starts, and given back when it goes idle.
    changes: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>,
}

/// One waiter; dropping it ends its interest, and the subscription with the last one.
pub struct Waiter {
    shared: Arc<Shared>,
    channel: String,
    wake: Arc<Notify>,
    subscribed: watch::Receiver<bool>,
    settled: bool,
}

impl Shared {
    fn channels(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wakeups {
    pub fn new(client: Client) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            shared: Arc::new(Shared {
                client,
                channels: Mutex::default(),
                changes: sender,
                running: AtomicBool::new(false),
            }),
            changes: Arc::new(tokio::sync::Mutex::new(receiver)),
        }
    }

    pub fn channels(&self) -> usize {
        self.shared.channels().len()
    }

    pub fn wait_on(&self, name: &str) -> Waiter {
        let waiter = {
            let mut channels = self.shared.channels();
            let channel = channels.entry(name.to_owned()).or_default();
            channel.waiters += 1;
            Waiter {
                shared: Arc::clone(&self.shared),
                channel: name.to_owned(),
                wake: Arc::clone(&channel.wake),
                subscribed: channel.subscribed.subscribe(),
                settled: false,
            }
        };
        // The listener compares what it has with what is wanted; the message only says where to look.
        let _ = self.shared.changes.send(name.to_owned());
        if !self.shared.running.swap(true, Ordering::AcqRel) {
            tokio::spawn(listen(Arc::clone(&self.shared), Arc::clone(&self.changes)));
        }
        waiter
    }
}

impl Waiter {
    /// Waits until messages are being received; `false` when that took longer than `limit`.
    pub async fn subscribed(&mut self, limit: Duration) -> bool {
        matches!(
            timeout(limit, self.subscribed.wait_for(|on| *on)).await,
            Ok(Ok(_))
        )
    }

    pub fn is_subscribed(&self) -> bool {
        *self.subscribed.borrow()
    }

    /// The waiting came to its own end; a waiter that is dropped before may have swallowed the wake-up of another.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Sleeps until woken, at most `limit`.
    pub async fn woken(&self, limit: Duration) {
        let _ = timeout(limit, self.wake.notified()).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let last = {
            let mut channels = self.shared.channels();
            match channels.get_mut(&self.channel) {
                Some(channel) if channel.waiters > 1 => {
                    channel.waiters -= 1;
                    false
                }
                _ => channels.remove(&self.channel).is_some(),
            }
        };
        if !last && !self.settled {
            self.wake.notify_one();
        }
        if last {
            let _ = self.shared.changes.send(std::mem::take(&mut self.channel));
        }
    }
}

/// Keeps one connection with the wanted subscriptions, until nobody has waited for a while.
async fn listen(
    shared: Arc<Shared>,
    changes: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>,
) {
    let mut changes = changes.lock().await;
    let mut told = false;
    loop {
        if let Ended::Lost(error) = listen_once(&shared, &mut changes, &mut told).await {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(error = %error, "no subscription for lock wake-ups; waiters look for themselves meanwhile");
            }
            for channel in shared.channels().values() {
                channel.subscribed.send_replace(false);
                channel.wake.notify_waiters();
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
        if shared.channels().is_empty() {
            shared.running.store(false, Ordering::Release);
            // A waiter that came between the last look and the line above started no listener of its own.
            if shared.channels().is_empty() || shared.running.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

enum Ended {
    Idle,
    Lost(String),
}

async fn listen_once(
    shared: &Shared,
    changes: &mut mpsc::UnboundedReceiver<String>,
    told: &mut bool,
) -> Ended {
    let connected = match timeout(ANSWER_WITHIN, shared.client.get_async_pubsub()).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Ended::Lost(error.to_string()),
        Err(_) => return Ended::Lost("no connection in time".to_owned()),
    };
    if std::mem::replace(told, false) {
        tracing::info!("the subscription for lock wake-ups is back");
    }
    let (mut sink, mut messages) = connected.split();
    // Everything that is wanted now; later changes come one by one.
    let wanted: Vec<String> = shared.channels().keys().cloned().collect();
    for name in wanted {
        if let Err(error) = adjust(shared, &mut sink, &name).await {
            return Ended::Lost(error);
        }
    }
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(name) = change else { return Ended::Idle };
                if let Err(error) = adjust(shared, &mut sink, &name).await {
                    return Ended::Lost(error);
                }
            }
            message = messages.next() => {
                let Some(message) = message else { return Ended::Lost("connection closed".to_owned()) };
                let payload: String = message.get_payload().unwrap_or_default();
                wake(shared, message.get_channel_name(), &payload);
            }
            () = tokio::time::sleep(IDLE) => {
                if shared.channels().is_empty() {
                    return Ended::Idle;
                }
                // A connection that died without a word is found here.
                match timeout(ANSWER_WITHIN, sink.ping::<String>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Ended::Lost(error.to_string()),
                    Err(_) => return Ended::Lost("no answer to a ping".to_owned()),
                }
            }
        }
    }
}

/// Brings one channel's subscription to what is wanted now.
async fn adjust(shared: &Shared, sink: &mut PubSubSink, name: &str) -> Result<(), String> {
    let wanted = shared
        .channels()
        .get(name)
        .map(|channel| Arc::clone(&channel.subscribed));
    let answer = match &wanted {
        Some(subscribed) if *subscribed.borrow() => return Ok(()),
        Some(_) => timeout(ANSWER_WITHIN, sink.subscribe(name)).await,
        None => timeout(ANSWER_WITHIN, sink.unsubscribe(name)).await,
    };
    match answer {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err("no answer to a subscription".to_owned()),
    }
    if let Some(subscribed) = wanted {
        subscribed.send_replace(true);
        // Whoever slept through the time without a subscription looks again.
        if let Some(channel) = shared.channels().get(name) {
            channel.wake.notify_waiters();
        }
    }
    Ok(())
}

fn wake(shared: &Shared, channel: &str, payload: &str) {
    if let Some(channel) = shared.channels().get(channel) {
        match payload {
            "0" => channel.wake.notify_one(),
            "1" => channel.wake.notify_waiters(),
            _ => {}
        }
    }
}
