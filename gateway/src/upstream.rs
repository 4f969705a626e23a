//! The way to a service: an instance, a pooled connection, a second try where that is safe, and a breaker around it all.

mod body;

use crate::messages;
use crate::route_table::{ROUTES, Route};
use body::UpstreamBody;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use mall_http_client::{Answering, Balancer, ConnectionSettings, Connections, Pick, SendError};
use mall_problem::{ErrorKind, Problem};
use mall_resilience::{BreakerRegistry, CircuitBreaker};
use mall_telemetry::deadline::DEADLINE;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How patient the gateway is with services.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until an answer begins, all attempts together; and between two pieces of it.
    pub response: Duration,
    pub connect: Duration,
    /// Instances tried for one request, the first one included.
    pub attempts: usize,
}

/// Everything of a request that goes to the service. Kept until the answer begins, so that it can be sent again.
pub struct Outgoing {
    pub method: Method,
    pub path_and_query: PathAndQuery,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The services behind the gateway.
pub struct Upstream {
    connections: Connections,
    balancer: Balancer,
    /// One for each line of the route table; lines of one service share theirs.
    breakers: Vec<Arc<CircuitBreaker>>,
    patience: Patience,
}

/// Idle connections are let go well before the services close them (10 s), so that a request seldom meets a closing one.
const IDLE: Duration = Duration::from_secs(5);
const IDLE_PER_INSTANCE: usize = 256;

impl Upstream {
    pub fn new(balancer: Balancer, breakers: &BreakerRegistry, patience: Patience) -> Self {
        let connections = Connections::new(ConnectionSettings {
            connect_timeout: patience.connect,
            idle: IDLE,
            most_idle: IDLE_PER_INSTANCE,
        });
        let breakers = ROUTES
            .iter()
            .map(|route| breakers.get(route.service))
            .collect();
        Self {
            connections,
            balancer,
            breakers,
            patience,
        }
    }

    /// Sends a request to an instance of the route's service.
    ///
    /// What certainly was not sent goes to the next instance, whatever the method; what may have arrived only if it is
    /// a GET or HEAD. The breaker sees one outcome per request, not per attempt, and none of a request that was lost with
    /// one of several instances: a dead instance beside a living one is the balancer's business and must not shut the
    /// service.
    pub async fn send(
        &self,
        route: &Route,
        request: Outgoing,
    ) -> Result<Response<axum::body::Body>, Problem> {
        let Some(breaker) = self.breakers.get(route.index()) else {
            return Err(away(route));
        };
        let permit = breaker.try_acquire().map_err(|open| {
            let wait = open.retry_after;
            away(route).retry_after(wait).caused_by(open)
        })?;
        let started = Instant::now();
        let outcome = self.try_instances(route, request, started).await;
        let took = started.elapsed();
        match &outcome {
            Ok(response) if is_breakdown(response.status()) => permit.failure(took),
            Ok(_) => permit.success(took),
            // Nobody was asked, so nobody failed; or one instance failed, and the others may be well.
            Err(Failure::NoInstance | Failure::Lost(_)) => permit.ignore(),
            Err(_) => permit.failure(took),
        }
        outcome.map_err(|failure| failure.into_problem(route))
    }

    async fn try_instances(
        &self,
        route: &Route,
        mut request: Outgoing,
        started: Instant,
    ) -> Result<Response<axum::body::Body>, Failure> {
        let may_repeat = request.method == Method::GET || request.method == Method::HEAD;
        let mut tried: Vec<String> = Vec::new();
        let mut last = Failure::NoInstance;
        while tried.len() < self.patience.attempts {
            let Some(pick) = self.balancer.pick(route.service, &tried) else {
                return Err(last);
            };
            let left = self.patience.response.saturating_sub(started.elapsed());
            let Some(authority) = pick.authority() else {
                return Err(Failure::Unusable(pick.endpoint.host.clone()));
            };
            // With nobody else to ask it won't be sent again.
            let only = self.balancer.count(route.service, &[]) == 1;
            let path = request.path_and_query.clone();
            let outgoing = request_for(&mut request, left, only);
            let sending = self.connections.send(authority, path, outgoing);
            let attempt = tokio::time::timeout(left, sending).await;
            match attempt {
                Ok(Ok(response)) => return Ok(self.pass_on(response, pick)),
                Ok(Err(error)) => {
                    let sent = error.sent;
                    let instance = pick.endpoint.id.clone();
                    if sent {
                        pick.suspect()
                    } else {
                        pick.failure()
                    }
                    let service = route.service;
                    tracing::warn!(service, instance, sent, error = %chain(&error), "an instance of {service} failed");
                    tried.push(instance);
                    if only {
                        return Err(Failure::Transport(error));
                    }
                    if sent && !may_repeat {
                        let others = self.balancer.count(service, &tried) > 0;
                        return Err(if others {
                            Failure::Lost(error)
                        } else {
                            Failure::Transport(error)
                        });
                    }
                    last = Failure::Transport(error);
                }
                Err(_) => {
                    let (service, instance) = (route.service, &*pick.endpoint.id);
                    tracing::warn!(
                        service,
                        instance,
                        "an instance of {service} did not answer in time"
                    );
                    pick.suspect();
                    return Err(Failure::Timeout);
                }
            }
        }
        Err(last)
    }

    fn pass_on(&self, response: Response<Answering>, pick: Pick) -> Response<axum::body::Body> {
        let (mut parts, body) = response.into_parts();
        crate::headers::clean_response(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        Response::from_parts(
            parts,
            axum::body::Body::new(UpstreamBody::new(body, pick, self.patience.response)),
        )
    }
}

/// The request for one attempt; with `only`, nothing is kept for another one.
fn request_for(request: &mut Outgoing, left: Duration, only: bool) -> Request<Full<Bytes>> {
    let mut outgoing = Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.headers_mut() = if only {
        std::mem::take(&mut request.headers)
    } else {
        request.headers.clone()
    };
    // How long an answer is of any use, for the calls that the service makes in turn.
    outgoing
        .headers_mut()
        .insert(DEADLINE, HeaderValue::from(left.as_millis() as u64));
    outgoing
}

enum Failure {
    NoInstance,
    Unusable(String),
    Transport(SendError),
    /// It may have arrived at an instance that failed, so it can't be sent to one of the others that there are.
    Lost(SendError),
    Timeout,
}

impl Failure {
    fn into_problem(self, route: &Route) -> Problem {
        match self {
            Self::NoInstance => away(route),
            Self::Unusable(host) => away(route).caused_by(format!("{host} is no host")),
            Self::Transport(error) | Self::Lost(error) => away(route).caused_by(error),
            Self::Timeout => Problem::new(
                ErrorKind::Timeout,
                "SERVICE_TIMEOUT",
                messages::SERVICE_SLOW,
            )
            .with_extra("service", route.service)
            .retry_after(Duration::from_secs(1)),
        }
    }
}

fn away(route: &Route) -> Problem {
    Problem::unavailable("SERVICE_UNAVAILABLE", messages::SERVICE_AWAY)
        .with_extra("service", route.service)
}

/// An answer that says that the service itself is broken. A 503 does not: a service says so, in good order, about
/// something that this one request needed. Shutting the whole service for that would take its other calls away too.
fn is_breakdown(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orderly_503_is_no_breakdown() {
        for (status, breakdown) in [
            (200, false),
            (404, false),
            (429, false),
            (500, true),
            (502, true),
            (503, false),
            (504, true),
        ] {
            assert_eq!(
                is_breakdown(StatusCode::from_u16(status).unwrap()),
                breakdown,
                "{status}"
            );
        }
    }
}
