//! The policy of a call: which instance, how long, how often.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use mall_auth::{IDENTITY_HEADER, InternalKeys, SERVICE_HEADER};
use mall_clock::SharedClock;
use mall_problem::{Lang, RemoteProblem};
use mall_resilience::{BreakerRegistry, RetryConfig};
use mall_telemetry::deadline::{self, DEADLINE};
use mall_telemetry::{Metrics, trace};
use tokio::time::{Instant, sleep, timeout_at};

use crate::balancer::{Balancer, Pick};
use crate::call::{Answer, Call};
use crate::connections::{ConnectionSettings, Connections};
use crate::error::CallError;
use crate::peer::Peer;

/// No answer's body may be larger; bytes.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// How long and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct CallSettings {
    /// The time for a whole call, unless it says otherwise.
    pub timeout: Duration,
    /// The time for a connection.
    pub connect_timeout: Duration,
    /// Attempts in all, the first one included.
    pub attempts: u32,
    /// The wait between attempts, half to one and a half times as long by chance.
    pub wait: Duration,
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_millis(500),
            attempts: 3,
            wait: Duration::from_millis(100),
        }
    }
}

/// What a client is made of.
pub struct ClientParts {
    /// Our own name, signed into every call.
    pub service: String,
    /// Chooses instances.
    pub balancer: Balancer,
    /// The breakers.
    pub breakers: BreakerRegistry,
    /// Signs who calls and on whose behalf.
    pub keys: InternalKeys,
    /// Dates the signatures.
    pub clock: SharedClock,
    /// Where the calls are counted.
    pub metrics: Metrics,
    /// How long and how often.
    pub settings: CallSettings,
}

/// Calls other services. Clones share everything.
#[derive(Clone)]
pub struct CallClient {
    shared: Arc<Shared>,
}

struct Shared {
    parts: ClientParts,
    connections: Connections,
    retry: RetryConfig,
    peers: RwLock<HashMap<String, Arc<Peer>>>,
}

impl fmt::Debug for CallClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallClient")
            .field("service", &self.shared.parts.service)
            .finish_non_exhaustive()
    }
}

impl CallClient {
    /// A client with its own pool of connections.
    pub fn new(parts: ClientParts) -> Self {
        let connections = Connections::new(ConnectionSettings {
            connect_timeout: parts.settings.connect_timeout,
            // Well before the other side ends them (10 s).
            idle: Duration::from_secs(5),
            most_idle: 128,
        });
        let retry = RetryConfig {
            max_attempts: parts.settings.attempts.max(1),
            wait: parts.settings.wait,
            ..RetryConfig::default()
        };
        Self {
            shared: Arc::new(Shared {
                parts,
                connections,
                retry,
                peers: RwLock::default(),
            }),
        }
    }

    /// Makes the call. It ends within its deadline, whatever the other side does; dropped half-way, it leaves nothing behind here.
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let begun = Instant::now();
        let peer = self.peer(&call.service);
        let outcome = self.attempts(&call, &peer, begun).await;
        peer.timer(
            &self.shared.parts.metrics,
            &call.method,
            outcome_name(&outcome),
        )
        .record(begun.elapsed());
        outcome
    }

    async fn attempts(
        &self,
        call: &Call,
        peer: &Peer,
        begun: Instant,
    ) -> Result<Answer, CallError> {
        let shared = &*self.shared;
        let own = begun + call.deadline.unwrap_or(shared.parts.settings.timeout);
        // Whoever waits for what this call is part of may wait less long.
        let deadline = match deadline::current() {
            Some(callers) => own.min(callers.into()),
            None => own,
        };
        if deadline <= begun {
            return Err(CallError::Timeout {
                service: call.service.clone(),
                sent: false,
            });
        }
        let mut tried = Vec::new();
        let mut attempt = 1;
        let mut sent = None;
        peer.budget.deposit();
        loop {
            let mut error = match self
                .attempt(call, peer, deadline, attempt, &mut tried)
                .await
            {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let (CallError::Status { problem, .. }, true) = (&mut error, sent.is_some()) {
                problem.after_lost_attempt = true;
            }
            let again = attempt < shared.retry.max_attempts && self.may_retry(call, &error, &tried);
            // A later attempt that got nowhere must not hide that an earlier one may have been carried out.
            let nowhere = error.status().is_none() && !error.may_have_happened();
            let error = if nowhere {
                sent.take().unwrap_or(error)
            } else {
                error
            };
            if !again {
                return Err(error);
            }
            let wait = shared.retry.wait_before(attempt);
            if Instant::now() + wait >= deadline || !peer.budget.try_withdraw() {
                return Err(error);
            }
            tracing::debug!(attempt, service = %call.service, "retrying {} {}: {error}", call.method, call.service);
            sleep(wait).await;
            sent = error.may_have_happened().then_some(error);
            attempt += 1;
        }
    }

    fn peer(&self, service: &str) -> Arc<Peer> {
        let known = {
            let peers = self.shared.peers.read();
            let peers = peers.unwrap_or_else(PoisonError::into_inner);
            peers.get(service).cloned()
        };
        known.unwrap_or_else(|| {
            let peers = self.shared.peers.write();
            let mut peers = peers.unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Peer::new(service));
            Arc::clone(peers.entry(service.to_owned()).or_insert_with(fresh))
        })
    }

    /// One attempt: an instance, the breaker's permit, the exchange, and what each of them learns from it.
    async fn attempt(
        &self,
        call: &Call,
        peer: &Peer,
        deadline: Instant,
        attempt: u32,
        tried: &mut Vec<String>,
    ) -> Result<Answer, CallError> {
        let parts = &self.shared.parts;
        let service = || call.service.clone();
        // Another instance first; the same one again when there is no other.
        let pick = parts
            .balancer
            .pick(&call.service, tried)
            .or_else(|| parts.balancer.pick(&call.service, &[]))
            .ok_or_else(|| CallError::NoInstance { service: service() })?;
        let permit = parts
            .breakers
            .get(call.breaker_name())
            .try_acquire()
            .map_err(|refusal| CallError::Open {
                service: service(),
                retry_after: refusal.retry_after,
            })?;
        tried.push(pick.endpoint.id.clone());
        let limit = self.attempt_deadline(call, deadline, attempt, tried);
        let (path, request) = self.request(call, peer, limit)?;
        let begun = Instant::now();
        let exchange = timeout_at(limit, self.exchange(call, &pick, path, request)).await;
        let elapsed = begun.elapsed();
        let answered = exchange.unwrap_or_else(|_| {
            Err(CallError::Timeout {
                service: service(),
                sent: true,
            })
        });
        // A refusal (4xx) is a good answer of a healthy service: ten sold-out orders must not open the breaker.
        match &answered {
            Ok(_) => {
                permit.success(elapsed);
                pick.success();
            }
            Err(CallError::Status { problem, .. }) => {
                pick.success();
                if problem.status >= 500 {
                    permit.failure(elapsed)
                } else {
                    permit.success(elapsed)
                }
            }
            Err(CallError::Decode { .. }) => {
                permit.success(elapsed);
                pick.success();
            }
            // An instance that is gone while there are others is the balancer's business: all that were in flight on it fail at
            // once, and would shut the service although the others could answer.
            Err(CallError::Transport { sent, .. })
                if parts.balancer.count(&call.service, tried) > 0 =>
            {
                permit.ignore();
                if *sent {
                    pick.suspect()
                } else {
                    pick.failure()
                }
            }
            Err(CallError::Transport { sent: false, .. }) => {
                permit.failure(elapsed);
                pick.failure();
            }
            Err(_) => {
                permit.failure(elapsed);
                pick.suspect();
            }
        }
        answered
    }

    fn attempt_deadline(
        &self,
        call: &Call,
        deadline: Instant,
        attempt: u32,
        tried: &[String],
    ) -> Instant {
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now);
        let another = attempt < self.shared.retry.max_attempts
            && self.shared.parts.balancer.count(&call.service, tried) > 0;
        let share = match call.attempt_timeout {
            Some(timeout) => timeout.min(left),
            None if call.method == Method::GET && another => left / 2,
            None => left,
        };
        now + share
    }

    fn request(
        &self,
        call: &Call,
        peer: &Peer,
        limit: Instant,
    ) -> Result<(PathAndQuery, Request<Full<Bytes>>), CallError> {
        let parts = &self.shared.parts;
        let unsound = |source: Box<dyn Error + Send + Sync>| CallError::Decode {
            service: call.service.clone(),
            source,
        };
        let path = call
            .path_and_query()
            .map_err(|error| unsound(error.into()))?;
        let path = PathAndQuery::try_from(path).map_err(|error| unsound(error.into()))?;
        let body = match &call.body {
            None => Bytes::new(),
            Some(Ok(body)) => body.clone(),
            Some(Err(error)) => return Err(unsound(error.to_string().into())),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = call.method.clone();
        {
            let headers = request.headers_mut();
            let now = parts.clock.now();
            headers.insert(
                ACCEPT,
                HeaderValue::from_static("application/json, application/problem+json"),
            );
            // A peer's refusal is passed on: it should speak the shopper's language.
            headers.insert(
                ACCEPT_LANGUAGE,
                HeaderValue::from_static(Lang::current().tag()),
            );
            for (name, value) in &call.headers {
                headers.insert(name.clone(), value.clone());
            }
            if let Some(statement) = peer.statement(&parts.keys, &parts.service, now) {
                headers.insert(HeaderName::from_static(SERVICE_HEADER), statement);
            }
            if let Some(identity) = &call.identity {
                insert(
                    headers,
                    IDENTITY_HEADER,
                    &parts.keys.sign_identity(identity, &call.service, now),
                );
            }
            let left = limit.saturating_duration_since(Instant::now());
            headers.insert(
                DEADLINE,
                HeaderValue::from(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            );
            trace::inject(headers);
            if call.body.is_some() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        Ok((path, request))
    }

    async fn exchange(
        &self,
        call: &Call,
        pick: &Pick,
        path: PathAndQuery,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, CallError> {
        let service = || call.service.clone();
        let authority = pick.authority().ok_or_else(|| CallError::Transport {
            service: service(),
            sent: false,
            source: format!("{} is no host", pick.endpoint.host).into(),
        })?;
        let answering = self.shared.connections.send(authority, path, request);
        let response = answering.await.map_err(|error| CallError::Transport {
            service: service(),
            sent: error.sent,
            source: error.into(),
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_LIMIT)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    CallError::Decode {
                        service: service(),
                        source: error,
                    }
                } else {
                    CallError::Transport {
                        service: service(),
                        sent: true,
                        source: error,
                    }
                }
            })?;
        let body = body.to_bytes();
        if head.status.is_success() {
            return Ok(Answer {
                status: head.status,
                body,
                service: service(),
            });
        }
        let problem = RemoteProblem::decode(head.status.as_u16(), &head.headers, &body);
        let problem = Box::new(problem);
        Err(CallError::Status {
            service: service(),
            problem,
        })
    }

    /// What was not sent may always be sent again; what may have been sent only if repeating it changes nothing more.
    fn may_retry(&self, call: &Call, error: &CallError, tried: &[String]) -> bool {
        match error {
            // The last known view and the breaker say the same a moment later.
            CallError::NoInstance { .. } | CallError::Open { .. } | CallError::Decode { .. } => {
                false
            }
            CallError::Transport { sent, .. } | CallError::Timeout { sent, .. } => {
                !sent || call.idempotent
            }
            // An instance that is leaving or overloaded says so; only another one can know better.
            CallError::Status { problem, .. } => {
                call.idempotent
                    && matches!(problem.status, 502..=504)
                    && self.shared.parts.balancer.count(&call.service, tried) > 0
            }
        }
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn outcome_name(outcome: &Result<Answer, CallError>) -> &'static str {
    match outcome {
        Ok(_) => "SUCCESS",
        Err(CallError::Status { problem, .. }) => match problem.status {
            400..=499 => "CLIENT_ERROR",
            500..=599 => "SERVER_ERROR",
            _ => "UNKNOWN",
        },
        Err(CallError::NoInstance { .. }) => "NO_INSTANCE",
        Err(CallError::Open { .. }) => "NOT_PERMITTED",
        Err(CallError::Transport { .. }) => "IO_ERROR",
        Err(CallError::Timeout { .. }) => "TIMEOUT",
        Err(CallError::Decode { .. }) => "NOT_UNDERSTOOD",
    }
}
