//! What a routed request is called in logs and in the server's own metric.

use http::StatusCode;
use mall_telemetry::RouteName;

/// Segments that are shown; what is longer is not an address of the mall.
const MOST_SEGMENTS: usize = 5;

/// `/cart/update/{id}` for `/cart/update/17`, so that ids don't become labels. Where the service knows no such place the
/// name could be anything that somebody typed: those are all called `/cart/**`.
pub fn of<'s>(segments: impl Iterator<Item = &'s str> + Clone, status: StatusCode) -> RouteName {
    let unknown = status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED;
    let presentable =
        segments.clone().count() <= MOST_SEGMENTS && segments.clone().all(is_presentable);
    let mut name = String::with_capacity(32);
    if unknown || !presentable {
        name.push('/');
        name.push_str(segments.clone().next().unwrap_or_default());
        name.push_str("/**");
        return RouteName(name.into());
    }
    for segment in segments {
        name.push('/');
        name.push_str(if segment.bytes().any(|byte| byte.is_ascii_digit()) {
            "{id}"
        } else {
            segment
        });
    }
    RouteName(name.into())
}

fn is_presentable(segment: &str) -> bool {
    segment.len() <= 40
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, status: u16) -> String {
        of(
            path.split('/').filter(|part| !part.is_empty()),
            StatusCode::from_u16(status).unwrap(),
        )
        .0
        .to_string()
    }

    #[test]
    fn ids_are_left_out() {
        assert_eq!(name("/cart/getCart", 200), "/cart/getCart");
        assert_eq!(name("/cart/update/17", 200), "/cart/update/{id}");
        assert_eq!(
            name("/auth/signup/email-verifications", 401),
            "/auth/signup/email-verifications"
        );
        assert_eq!(name("/admin/orders/3", 503), "/admin/orders/{id}");
    }

    #[test]
    fn what_nobody_knows_is_not_named() {
        assert_eq!(name("/cart/anything-typed", 404), "/cart/**");
        assert_eq!(name("/cart/delete/17", 404), "/cart/**");
        assert_eq!(name("/cart/a b", 200), "/cart/**");
        assert_eq!(name("/cart/a/b/c/d/e", 200), "/cart/**");
        assert_eq!(name(&format!("/cart/{}", "x".repeat(41)), 200), "/cart/**");
    }
}
