//! Which of Eureka's two formats an answer takes.

use http::HeaderMap;
use http::header::ACCEPT;
use mall_eureka::wire::Detail;

/// A payload's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`: for whoever does not say.
    Xml,
}

impl Format {
    /// The content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// For lists (applications, deltas, virtual addresses): JSON for everyone whose `Accept` says `json` anywhere, else XML. `None`
/// when neither is acceptable.
pub fn list_format(headers: &HeaderMap) -> Option<Format> {
    let accept = accept(headers);
    negotiated(accept.as_deref())?;
    Some(match accept {
        Some(accept) if accept.contains("json") => Format::Json,
        _ => Format::Xml,
    })
}

/// For single instances: whichever the client likes better, XML when it does not care. `None` when neither is acceptable.
pub fn instance_format(headers: &HeaderMap) -> Option<Format> {
    negotiated(accept(headers).as_deref())
}

/// `X-Eureka-Accept: compact` asks for less.
pub fn detail(headers: &HeaderMap) -> Detail {
    match headers.get("x-eureka-accept") {
        Some(value) if value == "compact" => Detail::Compact,
        _ => Detail::Full,
    }
}

/// Whether an error should be a page for people.
pub fn wants_html(headers: &HeaderMap) -> bool {
    accept(headers).is_some_and(|accept| accept.contains("text/html"))
}

fn accept(headers: &HeaderMap) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .filter(|value| !value.trim().is_empty())
        .collect();
    (!values.is_empty()).then(|| values.join(",").to_ascii_lowercase())
}

fn negotiated(accept: Option<&str>) -> Option<Format> {
    let Some(accept) = accept else {
        return Some(Format::Xml);
    };
    let xml = quality(accept, "xml");
    let json = quality(accept, "json");
    if json > xml {
        Some(Format::Json)
    } else if xml > 0.0 {
        Some(Format::Xml)
    } else {
        None
    }
}

/// The quality of `application/{subtype}`, by the most specific range that covers it.
fn quality(accept: &str, subtype: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next().and_then(|range| range.split_once('/')) {
            Some(("application", name)) if name == subtype => 3,
            Some(("application", "*")) => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        let q = parts
            .find_map(|parameter| parameter.strip_prefix("q="))
            .map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specificity > best.0 {
            best = (specificity, q);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(accept: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        headers
    }

    #[test]
    fn lists_are_json_wherever_json_is_said() {
        for (accept, format) in [
            ("", Some(Format::Xml)),
            ("*/*", Some(Format::Xml)),
            ("application/*", Some(Format::Xml)),
            ("application/xml", Some(Format::Xml)),
            ("application/json", Some(Format::Json)),
            ("Application/JSON", Some(Format::Json)),
            ("application/json, application/*+json", Some(Format::Json)),
            ("application/xml, application/json", Some(Format::Json)),
            ("text/html", None),
            ("text/html, */*;q=0.1", Some(Format::Xml)),
        ] {
            assert_eq!(list_format(&with(accept)), format, "{accept}");
        }
    }

    #[test]
    fn instances_are_negotiated() {
        for (accept, format) in [
            ("", Some(Format::Xml)),
            ("*/*", Some(Format::Xml)),
            ("application/json", Some(Format::Json)),
            ("application/xml, application/json", Some(Format::Xml)),
            ("application/json, */*;q=0.5", Some(Format::Json)),
            (
                "application/xml;q=0.5, application/json",
                Some(Format::Json),
            ),
            ("application/json;q=0, */*", Some(Format::Xml)),
            ("application/json;q=0", None),
            ("application/json;q=x", None),
            ("text/html", None),
        ] {
            assert_eq!(instance_format(&with(accept)), format, "{accept}");
        }
    }
}
