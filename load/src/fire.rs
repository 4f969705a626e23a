//! Firing requests from many connections, on one thread of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::tally::Latencies;
use crate::wire::{ANSWER_WITHIN, Connection};

/// A request that starts so long after it was due is counted. The timer alone is up to 1 ms late.
const LATE: Duration = Duration::from_millis(5);

/// What to fire.
pub struct Salvo {
    /// `host:port`.
    pub host: String,
    pub connections: usize,
    /// The bytes of request number n; `None`: that was all.
    pub request: Box<dyn Fn(usize) -> Option<Vec<u8>> + Send>,
    /// No request starts later.
    pub within: Duration,
    /// So many requests per second, by plan: number n is due n / rate after the start, whether or not those before it were answered,
    /// and its latency counts from then. `None`: each connection sends as soon as it has its last answer, and latency counts from then.
    pub rate: Option<f64>,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The numbers in the answers of accepted orders, with the number of the request.
    pub orders: Vec<(usize, Option<i64>)>,
    pub accepted: Latencies,
    pub refused: Latencies,
    /// From the start to the last acceptance, and to the end.
    pub until_last_order: Duration,
    pub took: Duration,
    /// Refusals after the last acceptance: those of an empty shelf.
    pub refused_after: u64,
    /// By what they were.
    pub errors: BTreeMap<String, u64>,
    /// Requests whose outcome nobody told us.
    pub unknown: u64,
    /// Requests that started more than [`LATE`] after they were due: no connection was free, or the loader was slow.
    pub late: u64,
    refusals_when_last_accepted: u64,
}

impl Outcome {
    pub fn per_second(count: u64, time: Duration) -> f64 {
        if time.is_zero() {
            0.0
        } else {
            count as f64 / time.as_secs_f64()
        }
    }

    pub fn orders_per_s(&self) -> f64 {
        Self::per_second(self.accepted.count(), self.until_last_order)
    }

    /// Of the time in which nothing but refusals was left; of all of it when that is none.
    pub fn refusals_per_s(&self) -> f64 {
        match self.refused_after {
            0 => Self::per_second(self.refused.count(), self.took),
            after => Self::per_second(after, self.took.saturating_sub(self.until_last_order)),
        }
    }
}

/// Fires and waits; never longer than `within` and one answer.
pub async fn fire(salvo: Salvo) -> anyhow::Result<Outcome> {
    let (send, outcome) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("loader".into())
        .spawn(move || {
            let run = || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let local = tokio::task::LocalSet::new();
                anyhow::Ok(local.block_on(&runtime, run(salvo)))
            };
            // Nobody waits any more when this fails.
            let _ = send.send(run());
        })?;
    outcome.await.context("the loader panicked")?
}

struct Shared {
    salvo: Salvo,
    next: RefCell<usize>,
    began: Instant,
    outcome: RefCell<Outcome>,
}

async fn run(salvo: Salvo) -> Outcome {
    let connections = salvo.connections;
    let began = Instant::now();
    let shared = Rc::new(Shared {
        salvo,
        next: RefCell::new(0),
        began,
        outcome: RefCell::default(),
    });
    let shooters: Vec<_> = (0..connections)
        .map(|_| tokio::task::spawn_local(shoot(Rc::clone(&shared))))
        .collect();
    for shooter in shooters {
        // One that panicked is missed in the numbers; it can't.
        let _ = shooter.await;
    }
    let mut outcome = shared.outcome.take();
    outcome.took = began.elapsed();
    outcome.refused_after = outcome.refused.count() - outcome.refusals_when_last_accepted;
    outcome
}

async fn shoot(shared: Rc<Shared>) {
    let mut open: Option<Connection> = None;
    while shared.began.elapsed() < shared.salvo.within {
        let connection = match &mut open {
            Some(connection) => connection,
            None => match Connection::open(&shared.salvo.host).await {
                Ok(connection) => open.insert(connection),
                Err(error) => {
                    shared.error(&format!("connect: {}", error.kind()));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let number = shared.next.replace_with(|next| *next + 1);
        let Some(request) = (shared.salvo.request)(number) else {
            return;
        };
        let due = shared.due(number);
        if due > shared.began + shared.salvo.within {
            return;
        }
        if shared.salvo.rate.is_some() {
            tokio::time::sleep_until(due.into()).await;
        }
        let asked = Instant::now();
        // Not from when it was sent: whoever stands behind a slow answer waits for it too (no coordinated omission).
        if asked - due > LATE {
            shared.outcome.borrow_mut().late += 1;
        }
        let answer = connection.exchange(&request).await;
        let keep = answer.is_ok() && !connection.is_closing();
        match answer {
            Ok((status, body)) => shared.note(number, status, &body, due.elapsed()),
            Err(error) => {
                shared.error(&if asked.elapsed() >= ANSWER_WITHIN {
                    "no answer".to_owned()
                } else {
                    format!("connection: {}", error.kind())
                });
                shared.outcome.borrow_mut().unknown += 1;
            }
        }
        if !keep {
            open = None;
        }
    }
}

impl Shared {
    /// When this request is to start: by the plan, or now.
    fn due(&self, number: usize) -> Instant {
        match self.salvo.rate {
            Some(rate) => self.began + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        }
    }

    fn error(&self, kind: &str) {
        *self
            .outcome
            .borrow_mut()
            .errors
            .entry(kind.to_owned())
            .or_default() += 1;
    }

    fn note(&self, number: usize, status: u16, body: &[u8], took: Duration) {
        let mut outcome = self.outcome.borrow_mut();
        match status {
            200..300 => {
                outcome.accepted.record(took);
                outcome.until_last_order = self.began.elapsed();
                outcome.refusals_when_last_accepted = outcome.refused.count();
                outcome.orders.push((number, order_id(body)));
            }
            409 if is_sold_out(body) => outcome.refused.record(took),
            _ => {
                let kind = match code(body) {
                    Some(code) => format!("{status} {code}"),
                    None => status.to_string(),
                };
                *outcome.errors.entry(kind).or_default() += 1;
                if status >= 500 {
                    outcome.unknown += 1;
                }
            }
        }
    }
}

fn order_id(body: &[u8]) -> Option<i64> {
    let digits = body.strip_prefix(b"{\"orderId\":")?;
    std::str::from_utf8(digits.strip_suffix(b"}")?)
        .ok()?
        .parse()
        .ok()
}

fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body["code"].as_str().map(str::to_owned)
}

/// Ours says SOLD_OUT (or that fewer are left than asked); a bare 409 of another mall counts too.
fn is_sold_out(body: &[u8]) -> bool {
    let ours = |code: &str| matches!(code, "SOLD_OUT" | "INSUFFICIENT_STOCK");
    // The body of a refusal is small and its code comes early: no parsing where it matters.
    let text = String::from_utf8_lossy(body);
    text.contains("\"SOLD_OUT\"") || code(body).is_none_or(|code| ours(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(order_id(br#"{"orderId":17}"#), Some(17));
        assert_eq!(order_id(br#"{}"#), None);
        assert!(is_sold_out(br#"{"status":409,"code":"SOLD_OUT"}"#) && is_sold_out(b"gone"));
        assert!(!is_sold_out(br#"{"code":"NOT_YET_OPEN"}"#));
    }

    #[test]
    fn rates_are_of_their_own_time() {
        let mut outcome = Outcome {
            until_last_order: Duration::from_secs(1),
            took: Duration::from_secs(3),
            refused_after: 10,
            ..Outcome::default()
        };
        outcome.accepted.record(Duration::from_millis(1));
        assert_eq!(
            (outcome.orders_per_s(), outcome.refusals_per_s()),
            (1.0, 5.0)
        );
    }
}
