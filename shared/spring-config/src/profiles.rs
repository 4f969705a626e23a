//! Which documents of a file count: `spring.config.activate.on-profile`, with `&`, `|`, `!` and parentheses.

use crate::names::uniform;
use crate::source::{Document, PropertySource};

const ON_PROFILE: &str = "spring.config.activate.onprofile";
const ON_CLOUD_PLATFORM: &str = "spring.config.activate.oncloudplatform";

/// An expression that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("spring.config.activate.on-profile: cannot read {0:?}")]
pub struct ProfileError(pub String);

/// Whether a document counts for these profiles. One for a cloud platform never does: this is a plain host.
pub fn is_active(document: &Document, profiles: &[String]) -> Result<bool, ProfileError> {
    let texts = document
        .properties
        .iter()
        .map(|p| (p.key.as_str(), p.value.to_text()));
    active(texts, profiles)
}

/// The same for a plain source.
pub fn is_source_active(
    source: &PropertySource,
    profiles: &[String],
) -> Result<bool, ProfileError> {
    let texts = source.values.iter().map(|(key, value)| {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (key.as_str(), text)
    });
    active(texts, profiles)
}

fn active<'a>(
    values: impl Iterator<Item = (&'a str, String)>,
    profiles: &[String],
) -> Result<bool, ProfileError> {
    let mut conditions: Option<bool> = None;
    for (key, text) in values {
        let name = uniform(key);
        let stem = name.split('[').next().unwrap_or_default();
        if stem == ON_CLOUD_PLATFORM && !text.is_empty() {
            return Ok(false);
        }
        if stem == ON_PROFILE {
            // Several of them, as a list or with commas, mean "one of".
            for expression in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
                let holds = matches(expression, profiles)?;
                conditions = Some(conditions.unwrap_or(false) || holds);
            }
        }
    }
    Ok(conditions.unwrap_or(true))
}

/// Evaluates one expression such as `prod & !(dev | test)`. Mixing `&` and `|` needs parentheses, as in Spring.
pub fn matches(expression: &str, profiles: &[String]) -> Result<bool, ProfileError> {
    let mut parser = Expression {
        rest: expression,
        profiles,
        depth: 0,
    };
    let refused = || ProfileError(expression.to_owned());
    let value = parser.sequence().ok_or_else(refused)?;
    parser
        .rest
        .trim()
        .is_empty()
        .then_some(value)
        .ok_or_else(refused)
}

struct Expression<'a> {
    rest: &'a str,
    profiles: &'a [String],
    depth: usize,
}

impl Expression<'_> {
    fn eat(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sequence(&mut self) -> Option<bool> {
        let mut value = self.one()?;
        let mut operator = None;
        loop {
            let found = if self.eat('&') {
                '&'
            } else if self.eat('|') {
                '|'
            } else {
                return Some(value);
            };
            if *operator.get_or_insert(found) != found {
                return None;
            }
            let next = self.one()?;
            value = if found == '&' {
                value && next
            } else {
                value || next
            };
        }
    }

    fn one(&mut self) -> Option<bool> {
        self.depth += 1;
        if self.depth > 64 {
            return None;
        }
        if self.eat('!') {
            return self.one().map(|value| !value);
        }
        if self.eat('(') {
            let value = self.sequence()?;
            return self.eat(')').then_some(value);
        }
        let end = self
            .rest
            .find(['&', '|', '!', '(', ')'])
            .unwrap_or(self.rest.len());
        let name = self.rest[..end].trim();
        self.rest = &self.rest[end..];
        (!name.is_empty()).then(|| self.profiles.iter().any(|p| p == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(profiles: &[&str]) -> Vec<String> {
        profiles.iter().map(|p| (*p).to_owned()).collect()
    }

    #[test]
    fn expressions() {
        for (expression, profiles, expected) in [
            ("dev", vec!["dev"], true),
            ("dev", vec!["prod"], false),
            ("!dev", vec!["prod"], true),
            ("prod & !dev", vec!["prod"], true),
            ("prod & !dev", vec!["prod", "dev"], false),
            ("a | b", vec!["b"], true),
            ("(a | b) & c", vec!["b"], false),
            ("(a|b)&c", vec!["b", "c"], true),
        ] {
            assert_eq!(
                matches(expression, &with(&profiles)).unwrap(),
                expected,
                "{expression}"
            );
        }
        for bad in ["", "a & b | c", "(a", "a b)", "!", "a &"] {
            assert!(matches(bad, &with(&["a"])).is_err(), "{bad}");
        }
    }

    #[test]
    fn documents_are_chosen() {
        let documents = crate::yaml::documents(
            "spring.config.activate.on-profile: [qa, stage]\n---\nspring:\n  config:\n    activate:\n      on-cloud-platform: kubernetes\n---\na: 1\n",
        )
        .unwrap();
        let active: Vec<bool> = documents
            .iter()
            .map(|d| is_active(d, &with(&["stage"])).unwrap())
            .collect();
        assert_eq!(active, [true, false, true]);
    }
}
