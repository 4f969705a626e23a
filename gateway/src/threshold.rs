//! What stands before everything else, the layers that all programs have included: those believe headers of ours, and answer
//! `/internal` with a 401 that would say that there is something.

use crate::headers;
use crate::messages;
use crate::request_path::{BadPath, RequestPath};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures_util::future::{Either, Ready, ready};
use futures_util::{FutureExt, future};
use mall_problem::{Lang, Problem};
use std::convert::Infallible;
use std::task::{Context, Poll};
use tower::Service;

/// The threshold of a program. Written out instead of as a middleware function because every request pays for it.
#[derive(Clone)]
pub struct Threshold(pub Router);

type Answer = Result<Response, Infallible>;

impl Service<Request> for Threshold {
    type Response = Response;
    type Error = Infallible;
    type Future = future::Map<Either<RouteFuture<Infallible>, Ready<Answer>>, fn(Answer) -> Answer>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        headers::clean_statements(request.headers_mut());
        let path = request.uri().path();
        let internal = path
            .strip_prefix("/internal")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let answer = if internal {
            let lang = Lang::from_headers(request.headers());
            Either::Right(ready(Ok(refuse(path).response(lang))))
        } else {
            Either::Left(self.0.call(request))
        };
        answer.map(secured)
    }
}

fn refuse(path: &str) -> Problem {
    match RequestPath::read(path) {
        Err(BadPath::Ambiguous) => Problem::invalid("INVALID_PATH", messages::BAD_PATH),
        _ => Problem::not_found("NOT_FOUND", messages::NO_ROUTE),
    }
}

/// Every answer carries the security headers, the gateway's own included.
fn secured(mut answer: Answer) -> Answer {
    if let Ok(response) = &mut answer {
        headers::secure(response.headers_mut());
    }
    answer
}
