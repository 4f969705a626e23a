//! Several sources, the later winning, as one answer: relaxed names, placeholders, decrypted values, typed sections.

mod bind;
mod builder;
mod tree;

use std::collections::HashMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use builder::SettingsBuilder;

use crate::names;

/// One setting that is wrong. The text never shows the value of a key that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingProblem {
    pub key: String,
    pub reason: String,
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

/// Every setting that is wrong, at once; never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsError {
    pub problems: Vec<SettingProblem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&shown.join("; "))
    }
}

impl std::error::Error for SettingsError {}

/// The winning value of every key. Later sources win; of a list, all items come from the strongest source that has any.
pub struct Settings {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    sources: Vec<String>,
}

struct Entry {
    /// As its source writes it; for the environment the dotted form.
    key: String,
    uniform: String,
    value: Value,
    /// Index into `sources`.
    source: usize,
    environment: bool,
}

impl Settings {
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// The value as text. All spellings of the key are equal; a key in the form of an environment variable is understood too.
    pub fn get(&self, key: &str) -> Option<String> {
        self.entry(key).map(|entry| text_of(&entry.value))
    }

    /// The value under `key` - a single value, or a list or map - as `T`. `None` when there is nothing there.
    pub fn get_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SettingsError> {
        match self.entry(key) {
            Some(entry) if !is_empty_collection(&entry.value) => {
                bind::value(key, &entry.value, self.source_name(entry)).map(Some)
            }
            _ => {
                let node = tree::Node::of(self, key);
                if node.is_empty() {
                    Ok(None)
                } else {
                    bind::node(key, node).map(Some)
                }
            }
        }
    }

    /// Everything under `prefix` as `T`; with nothing there, `T` of an empty map. Text becomes numbers and booleans where `T`
    /// wants them, `a,b` becomes a list, empty text becomes `None`. Field and variant names are relaxed; with
    /// `deny_unknown_fields`, keys that `T` does not know are problems. (Serde's `flatten` and untagged enums see text as text.)
    pub fn bind<T: DeserializeOwned>(&self, prefix: &str) -> Result<T, SettingsError> {
        bind::node(prefix, tree::Node::of(self, prefix))
    }

    /// The keys at and below `prefix` as their strongest source writes them, sorted; all keys for the empty prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let wanted = names::uniform(prefix);
        let mut keys: Vec<String> = self
            .entries
            .iter()
            .filter(|entry| is_under(&entry.uniform, &wanted))
            .map(|entry| entry.key.clone())
            .collect();
        keys.sort();
        keys
    }

    /// The names of the sources, the strongest first.
    pub fn source_names(&self) -> Vec<&str> {
        self.sources.iter().rev().map(String::as_str).collect()
    }

    /// Which source the value of `key` comes from.
    pub fn source_of(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| self.source_name(entry))
    }

    fn source_name(&self, entry: &Entry) -> &str {
        self.sources.get(entry.source).map_or("", String::as_str)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let find = |name: &str| self.by_name.get(name).map(|&at| &self.entries[at]);
        let plain = find(&names::uniform(key));
        // A_B asked for by that name is a.b in the environment.
        let by_variable = names::is_environment_form(key)
            .then(|| find(&names::uniform(&names::from_environment(key))))
            .flatten();
        // The old environment form of a.b-c is A_B_C.
        let by_old_form = key
            .contains('-')
            .then(|| find(&names::uniform(&key.replace('-', "."))))
            .flatten()
            .filter(|entry| entry.environment);
        [plain, by_variable, by_old_form]
            .into_iter()
            .flatten()
            .max_by_key(|entry| entry.source)
    }
}

/// Values are left out: they may be secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("sources", &self.source_names())
            .field("keys", &self.entries.len())
            .finish()
    }
}

fn is_under(uniform: &str, prefix: &str) -> bool {
    match uniform.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']),
        None => false,
    }
}

fn is_empty_collection(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// A value as text, as Java prints it.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => match n.as_f64() {
            Some(f) if n.is_f64() => crate::source::java_double(f),
            _ => n.to_string(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// Whether the value of such a key must not be shown.
fn looks_secret(key: &str) -> bool {
    let name = names::uniform(key);
    ["password", "secret", "key", "token", "credential"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests;
