//! W3C trace context (`traceparent`), kept per task.

use std::future::Future;

use http::{HeaderMap, HeaderValue};
use tracing::Instrument;

use crate::deadline::{self, Deadline};
use crate::hex::Hex;

/// The header that carries the context.
pub const TRACEPARENT: &str = "traceparent";

/// 32 lower-case hex digits, not all zero.
pub type TraceId = Hex<32>;

/// 16 lower-case hex digits, not all zero.
pub type SpanId = Hex<16>;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Where we are in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Of the whole trace.
    pub trace_id: TraceId,
    /// Of our part.
    pub span_id: SpanId,
    /// Whether the caller records this trace.
    pub sampled: bool,
}

impl TraceContext {
    /// The beginning of a new trace.
    pub fn root() -> Self {
        Self {
            trace_id: Hex::of(rand::random::<u128>().max(1)),
            span_id: span_id(),
            sampled: true,
        }
    }

    /// The caller's context; a new one when the header is absent, doubled or malformed.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self::of_caller(headers).unwrap_or_else(Self::root)
    }

    /// The caller's context, if the header stands there once and is well-formed.
    pub fn of_caller(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(Self::parse),
            _ => None,
        }
    }

    /// The same trace, a new span.
    pub fn child(&self) -> Self {
        Self {
            span_id: span_id(),
            ..*self
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (version, flags): (Hex<2>, Hex<2>) = (version.parse().ok()?, flags.parse().ok()?);
        // Version 00 has exactly four parts; later ones may have more.
        let known = &*version != "ff" && (&*version != "00" || parts.next().is_none());
        let (trace_id, span_id): (TraceId, SpanId) =
            (trace_id.parse().ok()?, span_id.parse().ok()?);
        if !known || trace_id.is_zero() || span_id.is_zero() {
            return None;
        }
        let sampled = u8::from_str_radix(&flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Some(Self {
            trace_id,
            span_id,
            sampled,
        })
    }

    fn header(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        text.push_str(&self.trace_id);
        text.push('-');
        text.push_str(&self.span_id);
        text.push_str(if self.sampled { "-01" } else { "-00" });
        text
    }
}

fn span_id() -> SpanId {
    Hex::of(u128::from(rand::random::<u64>().max(1)))
}

/// The context of the request that this task serves, if it serves one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// Runs `future` within a context.
pub async fn scope<F: Future>(context: TraceContext, future: F) -> F::Output {
    CURRENT.scope(context, future).await
}

/// Runs `future` as a request: within its context and its caller's deadline.
pub(crate) fn serve<F: Future>(
    context: TraceContext,
    deadline: Option<Deadline>,
    future: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(context, deadline::scope(deadline, future))
}

/// Gives `future` the present context, deadline and log span, so that they survive a `tokio::spawn`.
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let context = current().unwrap_or_else(TraceContext::root);
    serve(context, deadline::current(), future).in_current_span()
}

/// Writes the current context (a new trace outside of a request) into the headers of a call.
pub fn inject(headers: &mut HeaderMap) {
    let context = current().unwrap_or_else(TraceContext::root);
    if let Ok(value) = HeaderValue::try_from(context.header()) {
        headers.insert(TRACEPARENT, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_good_header_is_taken_over() {
        let context = TraceContext::from_headers(&headers(&[GOOD]));
        assert_eq!(&*context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(&*context.span_id, "00f067aa0ba902b7");
        assert!(context.sampled);
        assert_eq!(context.header(), GOOD);
        let child = context.child();
        assert_eq!(child.trace_id, context.trace_id);
        assert_ne!(child.span_id, context.span_id);
    }

    #[test]
    fn a_bad_header_starts_a_new_trace() {
        let later =
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-brings";
        assert_eq!(
            &*TraceContext::from_headers(&headers(&[later])).span_id,
            "00f067aa0ba902b7"
        );
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let upper = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";
        let long = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x";
        let forbidden = "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for bad in ["", "x", zero, upper, long, forbidden, "00-4bf9-00f0-01"] {
            let context = TraceContext::from_headers(&headers(&[bad]));
            assert!(!context.trace_id.is_zero() && !context.span_id.is_zero());
            assert!(!bad.contains(&*context.trace_id), "{bad}");
        }
        assert_ne!(
            &*TraceContext::from_headers(&headers(&[GOOD, GOOD])).span_id,
            "00f067aa0ba902b7"
        );
        assert_ne!(
            TraceContext::from_headers(&headers(&[])),
            TraceContext::from_headers(&headers(&[]))
        );
    }

    #[tokio::test]
    async fn the_context_follows_its_task() {
        assert_eq!(current(), None);
        let context = TraceContext::root();
        let (inside, carried, sent) = scope(context, async {
            let carried = tokio::spawn(carry(async { current() })).await.unwrap();
            let mut sent = HeaderMap::new();
            inject(&mut sent);
            (current(), carried, sent)
        })
        .await;
        assert_eq!(inside.as_ref(), Some(&context));
        assert_eq!(carried.as_ref(), Some(&context));
        assert_eq!(TraceContext::from_headers(&sent), context);
    }
}
