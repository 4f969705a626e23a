//! The middleware.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};
use mall_auth::Identity;
use mall_db::TxError;
use mall_problem::{Lang, Problem};
use tower::{Layer, Service};
use utoipa_axum::router::OpenApiRouter;

use crate::attempt::{Answer, Attempt};
use crate::document;
use crate::fingerprint::fingerprint;
use crate::key::Key;
use crate::keys::{Claimed, Keys, Verdict};
use crate::{KEY_HEADER, REPLAYED_HEADER, messages};

/// The largest answer that is stored; ours are a few hundred bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// Lets every endpoint of `router` that creates or moves something take a key, and says so in its document.
///
/// Paths under `/auth` and `/internal` take none. To be put around the routes of a service, inside of what verifies who is
/// asking.
pub fn layer<S: Clone + Send + Sync + 'static>(
    router: OpenApiRouter<S>,
    keys: Keys,
) -> OpenApiRouter<S> {
    let mut router = router.layer(KeyLayer { keys });
    document::describe(router.get_openapi_mut());
    router
}

#[derive(Clone)]
struct KeyLayer {
    keys: Keys,
}

impl<S> Layer<S> for KeyLayer {
    type Service = KeyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyService {
            inner,
            keys: self.keys.clone(),
        }
    }
}

#[derive(Clone)]
struct KeyService<S> {
    inner: S,
    keys: Keys,
}

type Outcome = Result<Response, Infallible>;

impl<S> Service<Request> for KeyService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Outcome>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(caller) = caller(&request) else {
            return Either::Left(self.inner.call(request));
        };
        let spare = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, spare);
        let keys = self.keys.clone();
        Either::Right(Box::pin(async move {
            Ok(keyed(keys, caller, ready, request)
                .await
                .unwrap_or_else(Problem::into_response))
        }))
    }
}

/// Who asks with a key for something that takes one.
fn caller(request: &Request) -> Option<i64> {
    if !request.headers().contains_key(KEY_HEADER) || !moves(request.method()) {
        return None;
    }
    if !document::is_public(request.uri().path()) {
        return None;
    }
    // Without an identity the handler says 401.
    Some(request.extensions().get::<Identity>()?.user.0)
}

fn moves(method: &Method) -> bool {
    matches!(
        *method,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    )
}

async fn keyed<S>(keys: Keys, caller: i64, inner: S, request: Request) -> Result<Response, Problem>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let Some(key) = Key::of(request.headers()).map_err(|_| messages::invalid())? else {
        return Err(messages::invalid());
    };
    let (parts, body) = request.into_parts();
    let body = read(Request::from_parts(parts.clone(), body)).await?;
    let print = fingerprint(&key, &parts.method, &parts.uri, &body);
    let attempt = match claim(&keys, caller, key.hash(), print).await? {
        Claimed::Begun(attempt) => attempt,
        Claimed::Done(answer) => return Ok(replayed(answer)),
        Claimed::Running => return Err(messages::in_progress()),
        Claimed::Reused => return Err(messages::reused()),
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(attempt.clone());

    let lang = Lang::from_headers(request.headers());
    let work = lang.scope(carry_out(keys, attempt, lang, inner, request));
    // A client that goes away drops us, not the work.
    match tokio::spawn(mall_telemetry::trace::carry(work)).await {
        Ok(response) => Ok(response),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Problem::internal(error)),
        },
    }
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    Bytes::from_request(request, &()).await.map_err(|refused| {
        if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            messages::too_large()
        } else {
            messages::unreadable()
        }
    })
}

/// A twin of a request that runs waits a little for its answer.
async fn claim(
    keys: &Keys,
    caller: i64,
    key_hash: [u8; 32],
    print: [u8; 32],
) -> Result<Claimed, TxError<Infallible>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        let claimed = keys.claim(caller, key_hash, print).await?;
        let left = keys.settings.wait.saturating_sub(begun.elapsed());
        if !matches!(claimed, Claimed::Running) || left.is_zero() {
            return Ok(claimed);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

async fn carry_out<S>(
    keys: Keys,
    attempt: Attempt,
    lang: Lang,
    mut inner: S,
    request: Request,
) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    keys.faults.reach("key.claimed").await;
    let handled = AssertUnwindSafe(inner.call(request)).catch_unwind();
    let handled = tokio::select! {
        handled = handled => handled,
        never = keys.keep_alive(&attempt) => match never {},
    };
    let response = match handled {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(panic) => {
            settle(&keys, &attempt, Verdict::Free, empty()).await;
            std::panic::resume_unwind(panic);
        }
    };
    let verdict = Verdict::of(
        response.status().as_u16(),
        response.headers().contains_key(RETRY_AFTER),
    );
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_ANSWER).await else {
        tracing::error!("an answer to a request with an idempotency key is too large to be stored");
        settle(&keys, &attempt, Verdict::Free, empty()).await;
        return Problem::internal("the answer is too large to be stored").into_response();
    };
    let answer = Answer {
        status: head.status.as_u16(),
        content_type: head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        // The outer layers say a problem in the caller's language: so is it stored.
        body: match head.extensions.get::<Problem>() {
            Some(problem) => problem.body(lang).to_string().into(),
            None => body.clone(),
        },
    };
    match attempt.claim.recorded() {
        Some(recorded) if head.status.is_success() => {
            if recorded != answer {
                tracing::error!("a handler recorded another answer than it gave");
            }
        }
        _ => settle(&keys, &attempt, verdict, answer).await,
    }
    keys.faults.reach("key.settled").await;
    Response::from_parts(head, Body::from(body))
}

/// The client has its answer, whatever becomes of the key: a repeat then finds what was done by its effect.
async fn settle(keys: &Keys, attempt: &Attempt, verdict: Verdict, answer: Answer) {
    match keys.settle(attempt, verdict, answer).await {
        Ok(true) => {}
        // The commit that said nothing was one after all.
        Ok(false) if attempt.claim.recorded().is_some() => {}
        Ok(false) => tracing::warn!("an idempotency key was taken over while its request ran"),
        Err(error) => {
            tracing::warn!(error = %error, "the answer to an idempotency key could not be stored");
        }
    }
}

fn empty() -> Answer {
    Answer {
        status: 500,
        content_type: None,
        body: Bytes::new(),
    }
}

fn replayed(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, Body::from(answer.body)).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    if let Some(value) = answer
        .content_type
        .and_then(|value| HeaderValue::from_str(&value).ok())
    {
        headers.insert(CONTENT_TYPE, value);
    }
    headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    response
}
