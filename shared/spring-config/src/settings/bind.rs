//! Reads a tree of settings into a type with serde.
//!
//! Own code instead of the `config` crate for two reasons: relaxed names need the type's field list, which only a deserializer
//! sees, and all wrong keys are to be named at once, not the first.

mod access;
mod reader;

use std::fmt;

use serde::de::{self, DeserializeOwned};
use serde_json::Value;

use super::tree::{Leaf, Node};
use super::{SettingProblem, SettingsError};
use crate::names::uniform;
use reader::Reader;

/// Most problems that are looked for in one section.
const MAX_PROBLEMS: usize = 64;

/// Reads one value.
pub(super) fn value<T: DeserializeOwned>(
    key: &str,
    value: &Value,
    source: &str,
) -> Result<T, SettingsError> {
    node(
        key,
        Node {
            leaf: Some(Leaf {
                value: value.clone(),
                source: source.to_owned(),
            }),
            children: Vec::new(),
        },
    )
}

/// Reads a tree. On a mistake the key is noted, something harmless put in its place, and the reading tried again, so that
/// every mistake is found.
pub(super) fn node<T: DeserializeOwned>(prefix: &str, mut root: Node) -> Result<T, SettingsError> {
    let mut problems: Vec<SettingProblem> = Vec::new();
    loop {
        let error = match T::deserialize(Reader::new(&root, prefix)) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        let key = full_key(prefix, &error.path);
        let again = problems.iter().any(|p| p.key == key);
        if !again {
            problems.push(SettingProblem {
                key,
                reason: error.kind.to_string(),
            });
        }
        if again || problems.len() >= MAX_PROBLEMS || !repair::<T>(prefix, &mut root, &error) {
            break;
        }
    }
    Err(SettingsError { problems })
}

/// Makes the place of a mistake harmless, if it can.
fn repair<T: DeserializeOwned>(prefix: &str, root: &mut Node, error: &BindError) -> bool {
    if matches!(error.kind, Kind::Unknown(_)) {
        root.remove(&error.path);
        return true;
    }
    let mut substitutes = vec![
        Value::from(1),
        Value::from("1s"),
        Value::from("x"),
        Value::from(true),
        Value::Array(Vec::new()),
        Value::Object(serde_json::Map::new()),
        Value::from("http://localhost/"),
        Value::from("0 0 0 * * *"),
        Value::from("@every 10s"),
        Value::from("Asia/Seoul"),
        Value::from("00:00"),
        Value::from("2024-05-20T10:00:00Z"),
    ];
    if let Kind::Variant { first, .. } = &error.kind {
        substitutes.insert(0, Value::from(*first));
    }
    for substitute in substitutes {
        let mut attempt = root.clone();
        let place = attempt.at_mut(&error.path);
        let into_map = substitute.is_object();
        *place = Node {
            leaf: Some(Leaf {
                value: substitute,
                source: String::new(),
            }),
            children: Vec::new(),
        };
        let helped = match T::deserialize(Reader::new(&attempt, prefix)) {
            Ok(_) => true,
            Err(next) => {
                !next.path.starts_with(&error.path)
                    || (into_map && next.path.len() > error.path.len())
            }
        };
        if helped {
            *root = attempt;
            return true;
        }
    }
    // Without it, a default may do.
    root.remove(&error.path);
    true
}

fn full_key(prefix: &str, path: &[String]) -> String {
    let mut key = prefix.to_owned();
    for part in path {
        if !key.is_empty() && !part.starts_with('[') {
            key.push('.');
        }
        key.push_str(part);
    }
    key
}

#[derive(Debug)]
struct BindError {
    /// From the section's root to the place of the mistake.
    path: Vec<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Missing,
    Unknown(String),
    Invalid(String),
    /// Not one of a set of words.
    Variant {
        reason: String,
        first: &'static str,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Missing => f.write_str("is required and has no value"),
            Kind::Unknown(expected) => write!(f, "is not a known setting{expected}"),
            Kind::Invalid(reason) | Kind::Variant { reason, .. } => f.write_str(reason),
        }
    }
}

impl BindError {
    fn within(mut self, part: &str) -> Self {
        self.path.insert(0, part.to_owned());
        self
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", full_key("", &self.path), self.kind)
    }
}

impl std::error::Error for BindError {}

impl de::Error for BindError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        BindError {
            path: Vec::new(),
            kind: Kind::Invalid(message.to_string()),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        BindError {
            path: vec![field.to_owned()],
            kind: Kind::Missing,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let name = uniform(field);
        let close = expected.iter().find(|known| {
            let known = uniform(known);
            known.starts_with(&name) || name.starts_with(&known)
        });
        BindError {
            path: vec![field.to_owned()],
            kind: Kind::Unknown(
                close.map_or_else(String::new, |known| format!("; did you mean {known}?")),
            ),
        }
    }
}
