//! YAML as Spring Boot reads it: YAML 1.1 scalars (`on`, `0123`, `12:30`), merge keys, flat keys, one document per `---`.
//!
//! The scanner is a YAML 1.2 one; everything that 1.1 types differently is decided here, by [`resolve`](self::resolve).

mod compose;
mod flatten;
mod resolve;

use crate::source::{Document, PropertySource, sources_of};

/// A file that is not YAML, or uses a part of it that Spring refuses too (a key twice, unknown `!!` types).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct YamlError {
    /// 1-based.
    pub line: usize,
    /// 1-based.
    pub column: usize,
    pub reason: String,
}

/// Largest text that is read, in bytes (SnakeYAML's limit).
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// Every document that holds something, flattened, in file order. Empty documents are not counted.
pub fn documents(text: &str) -> Result<Vec<Document>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError {
            line: 1,
            column: 1,
            reason: format!("larger than {MAX_BYTES} bytes"),
        });
    }
    // A byte order mark is not content.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    compose::documents(text)?
        .iter()
        .map(flatten::document)
        .collect()
}

/// The same as plain sources called `name`, with ` (document #n)` after it when there are several.
pub fn load(name: &str, text: &str) -> Result<Vec<PropertySource>, YamlError> {
    Ok(sources_of(name, documents(text)?))
}

/// Whether `text`, written without quotes, might be read back as a number, boolean, null, date or merge key.
pub fn is_ambiguous(text: &str) -> bool {
    resolve::is_ambiguous(text)
}

#[cfg(test)]
mod tests;
