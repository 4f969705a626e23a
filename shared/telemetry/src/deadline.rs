//! How long a request's caller still waits, kept per task.
//!
//! The gateway and the call client say it in [`DEADLINE`]: milliseconds from the moment of sending, because clocks differ.
//! The telemetry layer reads it; whoever calls on for this request, or begins costly work, asks [`left`].

use std::future::Future;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};

/// The header; milliseconds.
pub const DEADLINE: HeaderName = HeaderName::from_static("x-request-deadline-ms");

/// Nobody waits longer; larger numbers are read as this.
const LONGEST: Duration = Duration::from_secs(3600);

/// The moment after which nobody waits any more.
pub type Deadline = Instant;

tokio::task_local! {
    static CURRENT: Option<Deadline>;
}

/// What the header says; absent, doubled or malformed says nothing.
pub fn of_caller(headers: &HeaderMap) -> Option<Deadline> {
    let mut values = headers.get_all(DEADLINE).iter();
    let (only, None) = (values.next()?, values.next()) else {
        return None;
    };
    let left = Duration::from_millis(only.to_str().ok()?.parse().ok()?);
    Instant::now().checked_add(left.min(LONGEST))
}

/// The deadline of the request that this task serves, if its caller set one.
pub fn current() -> Option<Deadline> {
    CURRENT.try_with(|deadline| *deadline).ok().flatten()
}

/// How long the caller still waits; zero when it does no more, nothing when it did not say.
pub fn left() -> Option<Duration> {
    current().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Runs `future` within a deadline, or without any.
pub fn scope<F: Future>(deadline: Option<Deadline>, future: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(deadline, future)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(DEADLINE, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_one_plain_number_counts() {
        let left = |values: &[&str]| {
            of_caller(&headers(values)).map(|at| at.saturating_duration_since(Instant::now()))
        };
        assert!(left(&["60000"]).is_some_and(|left| left > Duration::from_secs(50)));
        assert_eq!(left(&["0"]), Some(Duration::ZERO));
        assert!(left(&["18446744073709551615"]).is_some_and(|left| left <= LONGEST));
        for bad in [
            &[][..],
            &["1", "1"],
            &["-1"],
            &["x"],
            &["1.5"],
            &["99999999999999999999"],
        ] {
            assert_eq!(left(bad), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn it_follows_its_task() {
        assert_eq!(left(), None);
        let deadline = of_caller(&headers(&["60000"]));
        let (here, carried) = scope(deadline, async {
            let carried = tokio::spawn(crate::trace::carry(async { current() }));
            (current(), carried.await.unwrap())
        })
        .await;
        assert!(here.is_some());
        assert_eq!((here, carried), (deadline, deadline));
    }
}
