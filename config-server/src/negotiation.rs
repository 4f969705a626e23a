//! Which version of the Environment JSON an `Accept` header asks for.

use http::HeaderMap;
use http::header::ACCEPT;
use mall_spring_config::environment::V2_TYPE;

use crate::environment::Version;

/// The version that the client likes best, the first of equals; `None` when it takes neither.
pub(crate) fn version(headers: &HeaderMap) -> Option<Version> {
    let mut ranges: Vec<(f32, &str)> = Vec::new();
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let quality = parts
                .find_map(|p| p.strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if !kind.is_empty() && quality > 0.0 {
                ranges.push((quality, kind));
            }
        }
    }
    if !headers.contains_key(ACCEPT) {
        return Some(Version::One);
    }
    // Stable: of equal ones the first stays first.
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranges
        .iter()
        .find_map(|(_, kind)| match kind.to_ascii_lowercase().as_str() {
            "*/*" | "application/*" | "application/json" => Some(Version::One),
            "application/*+json" | V2_TYPE => Some(Version::Two),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_of_the_best_wins() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            version(&headers)
        };
        assert_eq!(version(&HeaderMap::new()), Some(Version::One));
        assert_eq!(asked("*/*"), Some(Version::One));
        assert_eq!(asked(V2_TYPE), Some(Version::Two));
        assert_eq!(
            asked(&format!("application/json, {V2_TYPE}")),
            Some(Version::One)
        );
        assert_eq!(
            asked(&format!("{V2_TYPE}, application/json")),
            Some(Version::Two)
        );
        assert_eq!(
            asked(&format!("{V2_TYPE};q=0.5, application/json")),
            Some(Version::One)
        );
        assert_eq!(asked("application/*+json"), Some(Version::Two));
        assert_eq!(asked("text/html, application/json;q=0"), None);
    }
}
