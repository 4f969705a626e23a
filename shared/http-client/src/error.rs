use std::error::Error;
use std::time::Duration;

use mall_problem::{Problem, RemoteProblem};

use crate::messages::SERVICE_UNAVAILABLE;

/// Why a call brought no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The registry's view knows no instance of the service.
    #[error("no instance of {service} is known")]
    NoInstance {
        /// The called service.
        service: String,
    },
    /// The circuit breaker refused the call: nothing was sent.
    #[error("the circuit breaker for {service} is open")]
    Open {
        /// The called service.
        service: String,
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// The connection failed or broke.
    #[error("the call of {service} failed on the way")]
    Transport {
        /// The called service.
        service: String,
        /// Whether the request may have reached the service.
        sent: bool,
        /// What broke.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer came in time.
    #[error("{service} did not answer in time")]
    Timeout {
        /// The called service.
        service: String,
        /// Whether the request may have reached the service.
        sent: bool,
    },
    /// The service answered with a status of 300 or more.
    #[error("{service} answered {status} {code}", status = problem.status, code = problem.code)]
    Status {
        /// The called service.
        service: String,
        /// Its answer.
        problem: Box<RemoteProblem>,
    },
    /// The answer (or our own request) is not what the contract says.
    #[error("the answer of {service} is not understood")]
    Decode {
        /// The called service.
        service: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl CallError {
    /// The called service.
    pub fn service(&self) -> &str {
        match self {
            Self::NoInstance { service }
            | Self::Open { service, .. }
            | Self::Transport { service, .. }
            | Self::Timeout { service, .. }
            | Self::Status { service, .. }
            | Self::Decode { service, .. } => service,
        }
    }

    /// The service looked at the request and refused it (4xx): asking again changes nothing. Whether nothing was done is
    /// [`may_have_happened`](Self::may_have_happened)'s to say: an earlier attempt may have got through.
    pub fn is_definite_refusal(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status))
    }

    /// The answer's status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { problem, .. } => Some(problem.status),
            _ => None,
        }
    }

    /// The answer's problem code, if there was an answer.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Status { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }

    /// Whether the service may have acted on the request.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::NoInstance { .. } | Self::Open { .. } => false,
            Self::Transport { sent, .. } | Self::Timeout { sent, .. } => *sent,
            Self::Status { problem, .. } => problem.status >= 500 || problem.after_lost_attempt,
            Self::Decode { .. } => true,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open { retry_after, .. } => Some(*retry_after),
            Self::Status { problem, .. } => problem.retry_after,
            _ => None,
        }
    }
}

impl From<CallError> for Problem {
    /// A refusal reaches the caller as the service said it; everything else is a 503 that names the service. A 401 means
    /// that the service did not believe *us*: that is not our caller's fault either.
    fn from(error: CallError) -> Problem {
        match error {
            CallError::Status { problem, .. }
                if (400..500).contains(&problem.status) && problem.status != 401 =>
            {
                problem.into_problem()
            }
            error => {
                let wait = error
                    .retry_after()
                    .unwrap_or_default()
                    .max(Duration::from_secs(1));
                Problem::unavailable("SERVICE_UNAVAILABLE", SERVICE_UNAVAILABLE)
                    .with_extra("service", error.service())
                    .retry_after(wait)
                    .caused_by(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use mall_problem::{ErrorKind, Lang, Text};

    use super::*;

    fn status(problem: Problem, status: u16) -> CallError {
        let body = problem.body(Lang::Ko).to_string();
        let problem = RemoteProblem::decode(status, &HeaderMap::new(), body.as_bytes());
        CallError::Status {
            service: "stock".to_owned(),
            problem: Box::new(problem),
        }
    }

    #[test]
    fn a_refusal_passes_through_as_it_was() {
        let said = Problem::conflict("SOLD_OUT", Text::same("gone")).with_extra("productId", 7);
        let expected = said.body(Lang::Ko);
        let error = status(said, 409);
        assert!(error.is_definite_refusal() && !error.may_have_happened());
        assert_eq!(error.code(), Some("SOLD_OUT"));
        assert_eq!(Problem::from(error).body(Lang::Ko), expected);
    }

    #[test]
    fn everything_else_is_a_503_that_names_the_service() {
        let service = || "stock".to_owned();
        let errors = [
            CallError::NoInstance { service: service() },
            CallError::Open {
                service: service(),
                retry_after: Duration::from_secs(7),
            },
            CallError::Timeout {
                service: service(),
                sent: true,
            },
            status(Problem::internal("secret"), 500),
            status(
                Problem::unauthenticated("NO_IDENTITY", Text::same("who are you")),
                401,
            ),
            CallError::Decode {
                service: service(),
                source: "x".into(),
            },
        ];
        for error in errors {
            let shown = error.to_string();
            let problem = Problem::from(error);
            assert_eq!(
                (problem.kind(), problem.code()),
                (ErrorKind::Unavailable, "SERVICE_UNAVAILABLE"),
                "{shown}"
            );
            assert_eq!(problem.extra()["service"], "stock");
            assert!(!problem.body(Lang::Ko).to_string().contains("secret"));
        }
    }
}
