//! `${key}` and `${key:default}` inside values, as Spring resolves them: nested, defaults with colons, `\${` for a plain `${`.

#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlaceholderError {
    /// Neither a value nor a default.
    #[error("${{{0}}} has no value")]
    Unknown(String),
    #[error("${{{0}}} refers to itself")]
    Circular(String),
}

/// How deep placeholders may nest before they count as circular.
const MAX_DEPTH: usize = 64;

/// What to do with a placeholder that has neither value nor default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unresolved {
    Refuse,
    /// Keep it as it is written.
    Keep,
}

/// Replaces every placeholder in `text`; values that `lookup` gives are resolved too. An unclosed `${` stays as it is.
pub fn resolve(
    text: &str,
    unresolved: Unresolved,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, PlaceholderError> {
    Resolver { unresolved, lookup }.text(text, &mut Vec::new())
}

struct Resolver<'a> {
    unresolved: Unresolved,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Resolver<'_> {
    fn text(&self, text: &str, open: &mut Vec<String>) -> Result<String, PlaceholderError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if let Some(before) = rest[..start].strip_suffix('\\') {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            let Some(length) = closing(&rest[start + 2..]) else {
                break;
            };
            out.push_str(&rest[..start]);
            let body = &rest[start + 2..start + 2 + length];
            out.push_str(&self.one(body, open)?);
            rest = &rest[start + 2 + length + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn one(&self, body: &str, open: &mut Vec<String>) -> Result<String, PlaceholderError> {
        if open.len() >= MAX_DEPTH || open.iter().any(|name| name == body) {
            return Err(PlaceholderError::Circular(body.to_owned()));
        }
        open.push(body.to_owned());
        let found = self.inner(body, open);
        open.pop();
        found
    }

    fn inner(&self, body: &str, open: &mut Vec<String>) -> Result<String, PlaceholderError> {
        let resolved = self.text(body, open)?;
        if let Some(value) = (self.lookup)(&resolved) {
            return self.text(&value, open);
        }
        // The key ends at the first colon of what the nested placeholders gave.
        if let Some((key, default)) = resolved.split_once(':') {
            return match (self.lookup)(key) {
                Some(value) => self.text(&value, open),
                None => Ok(default.to_owned()),
            };
        }
        match self.unresolved {
            Unresolved::Refuse => Err(PlaceholderError::Unknown(resolved)),
            Unresolved::Keep => Ok(format!("${{{body}}}")),
        }
    }
}

/// Where the `}` stands that closes a placeholder whose body begins here.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"${") {
            depth += 1;
            at += 2;
            continue;
        }
        if bytes[at] == b'}' {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(key: &str) -> Option<String> {
        let value = match key {
            "a" => "one",
            "b" => "${a}",
            "key" => "a",
            "loop.one" => "${loop.two}",
            "loop.two" => "${loop.one}",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn values_defaults_and_nesting() {
        for (text, expected) in [
            ("x${a}y${b}", "xoney".to_owned() + "one"),
            ("${none:http://h:80/x}", "http://h:80/x".into()),
            ("${none:}", String::new()),
            ("${none:${b}}", "one".into()),
            ("${${key}}", "one".into()),
            ("\\${a} ${a}", "${a} one".into()),
            ("${a", "${a".into()),
            ("plain", "plain".into()),
        ] {
            assert_eq!(
                resolve(text, Unresolved::Refuse, &lookup).unwrap(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn unknown_and_circular_ones() {
        let unknown = resolve("${none}", Unresolved::Refuse, &lookup);
        assert_eq!(unknown, Err(PlaceholderError::Unknown("none".into())));
        assert_eq!(
            resolve("${none}", Unresolved::Keep, &lookup).unwrap(),
            "${none}"
        );
        for unresolved in [Unresolved::Keep, Unresolved::Refuse] {
            let circular = resolve("${loop.one}", unresolved, &lookup);
            assert!(matches!(circular, Err(PlaceholderError::Circular(_))));
        }
    }
}
