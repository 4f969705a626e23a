//! What this machine can do at all, each for a few seconds, by the same loader: so that a rate can be compared between machines.
//!
//! Stock is measured over a schema of its own, which is dropped afterwards: reservations without orders would otherwise stand in
//! the mall's books.

mod keys;
mod shelf;
pub mod web;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mall_clock::{Clock, SystemClock};
use mall_types::ProductId;
use serde_json::{Value, json};

use crate::ground::{Ground, forget};
use crate::say;
use shelf::Shelf;

pub const CALLERS: usize = 256;
/// Over HTTP both are tried, and the better one is told.
const CONNECTIONS: [usize; 2] = [64, 256];
/// No call of a phase is waited for longer.
const CALL_WITHIN: Duration = Duration::from_secs(10);
const SUPPLY: i64 = 100_000_000;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// A bare axum answer
    Bare,
    /// The gateway in front of a bare answer
    GatewayBare,
    /// A single-key decrement by script
    LuaDecrement,
    /// Lock, get, set, unlock for each request
    PlainLockCycle,
    /// Reservations in process
    Reservations,
    /// Reservations over HTTP
    ReservationsHttp,
}

/// A rate over HTTP, with the number of connections that reached it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Web {
    pub per_s: f64,
    pub connections: usize,
}

/// Per second; `None`: not measured.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub bare: Option<Web>,
    pub gateway_bare: Option<Web>,
    pub lua_decrement: Option<f64>,
    pub plain_lock_cycle: Option<f64>,
    pub reservations: Option<f64>,
    pub reservations_http: Option<Web>,
    /// Reservations in process with old ones in the ledger.
    pub full_ledger: Option<FullLedger>,
}

/// Reservations beside a full ledger.
#[derive(Clone, Copy, Debug)]
pub struct FullLedger {
    pub rows: u64,
    pub per_s: f64,
}

impl Limits {
    /// Always the same keys, and those of a full ledger when it was wanted; what was not measured is null.
    pub fn to_json(&self) -> Value {
        let web = |of: &Option<Web>| of.map(|web| web.per_s.round());
        let rate = |of: &Option<f64>| of.map(f64::round);
        let at = |of: &Option<Web>| of.map(|web| web.connections);
        let mut all = json!({
            "bare_per_s": web(&self.bare),
            "gateway_bare_per_s": web(&self.gateway_bare),
            "lua_decrement_per_s": rate(&self.lua_decrement),
            "plain_lock_cycle_per_s": rate(&self.plain_lock_cycle),
            "reservations_per_s": rate(&self.reservations),
            "reservations_http_per_s": web(&self.reservations_http),
            "connections": {
                "bare": at(&self.bare),
                "gateway_bare": at(&self.gateway_bare),
                "reservations_http": at(&self.reservations_http),
            },
        });
        if let Some(full) = self.full_ledger {
            all["ledger_rows"] = json!(full.rows);
            all["reservations_full_ledger_per_s"] = json!(full.per_s.round());
        }
        all
    }

    pub fn lines(&self) -> Vec<String> {
        let web = |of: &Option<Web>| of.map(|web| web.per_s);
        let (bare, plain) = (web(&self.bare), self.plain_lock_cycle);
        let mut lines = Vec::new();
        let mut line = |name: &str, rate: Option<f64>, notes: &[Option<String>]| {
            if let Some(rate) = rate {
                let notes: Vec<&str> = notes.iter().flatten().map(String::as_str).collect();
                lines.push(format!(
                    "{name:<34}{rate:>10.0} per s  {}",
                    notes.join(", ")
                ));
            }
        };
        let at = |of: &Option<Web>| of.map(|web| format!("{} connections", web.connections));
        let of = |what: Option<f64>, whole: Option<f64>, name: &str| {
            let (what, whole) = what.zip(whole)?;
            (whole > 0.0).then(|| format!("{:.2} {name}", what / whole))
        };
        line("a bare answer", bare, &[at(&self.bare)]);
        line(
            "the gateway before a bare answer",
            web(&self.gateway_bare),
            &[
                of(web(&self.gateway_bare), bare, "of bare"),
                at(&self.gateway_bare),
            ],
        );
        line("one key's decrement by script", self.lua_decrement, &[]);
        line("plain lock-get-set-unlock cycle", plain, &[]);
        line(
            "reservations, in process",
            self.reservations,
            &[
                of(self.reservations, plain, "x the plain cycle"),
                of(self.reservations, self.lua_decrement, "of the decrement"),
            ],
        );
        let full = self.full_ledger.map(|full| full.per_s);
        line(
            "the same, the ledger full",
            full,
            &[
                of(full, self.reservations, "of the empty one"),
                self.full_ledger.map(|full| format!("{} rows", full.rows)),
            ],
        );
        line(
            "reservations, HTTP, one instance",
            web(&self.reservations_http),
            &[
                of(web(&self.reservations_http), bare, "of bare"),
                at(&self.reservations_http),
            ],
        );
        lines
    }
}

/// Measures the parts, each for `phase`.
pub async fn measure(
    ground: &Ground,
    tokens: &[String],
    parts: &[Part],
    phase: Duration,
    ledger_rows: u32,
) -> anyhow::Result<Limits> {
    let wanted = |part| parts.contains(&part);
    let mut limits = Limits::default();
    if wanted(Part::Bare) || wanted(Part::GatewayBare) {
        web::measure(ground, tokens, &wanted, phase, &mut limits).await?;
    }
    let client = ground.redis_client()?;
    let id = SystemClock.now().timestamp_millis();
    if wanted(Part::LuaDecrement) {
        limits.lua_decrement = Some(keys::lua_decrement(&client, id, phase).await?);
    }
    if wanted(Part::PlainLockCycle) {
        limits.plain_lock_cycle = Some(keys::plain_lock_cycle(&client, id, phase).await?);
    }
    if wanted(Part::Reservations) || wanted(Part::ReservationsHttp) {
        let schema = format!("mall_bench_{id}");
        let db = ground.schema(&schema).await?;
        let measured = async {
            let shelf = Shelf::open(ground, db.clone(), ProductId(id), SUPPLY).await?;
            if wanted(Part::Reservations) {
                limits.reservations = Some(shelf.in_process(phase).await);
            }
            if wanted(Part::ReservationsHttp) {
                limits.reservations_http = Some(shelf.over_http(ground, phase).await?);
            }
            if ledger_rows > 0 {
                let rows = shelf.fill(&db, ledger_rows).await?;
                let per_s = shelf.in_process(phase).await;
                limits.full_ledger = Some(FullLedger { rows, per_s });
            }
            anyhow::Ok(())
        };
        let measured = measured.await;
        db.close().await;
        ground.drop_schema(&schema).await?;
        measured?;
    }
    forget(&client, id).await?;
    Ok(limits)
}

/// Calls from [`CALLERS`] at once, for one phase; those that succeeded, per second.
pub async fn called<F, C>(name: &str, phase: Duration, call: F) -> f64
where
    F: Fn(usize) -> C + Clone + Send + 'static,
    C: Future<Output = bool> + Send,
{
    say(&format!("measuring {name}"));
    let good = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (call, good) = (call.clone(), Arc::clone(&good));
            tokio::spawn(async move {
                while began.elapsed() < phase {
                    let answer = tokio::time::timeout(CALL_WITHIN, call(caller)).await;
                    if answer.unwrap_or(false) {
                        good.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        // One that panicked is missed in the count.
        let _ = caller.await;
    }
    good.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}
