//! What a settings file becomes: documents of flat keys in file order, with the place each value came from.

use std::fmt;

use serde_json::{Number, Value};

/// A named, ordered list of flat keys (`a.b[0].c`) and values. The unit of precedence in [`crate::Settings`].
#[derive(Clone, Default, PartialEq)]
pub struct PropertySource {
    /// Where the values come from, for messages: a file, a URL, `environment`.
    pub name: String,
    /// Keys as written, in file order. Values are text, numbers, booleans, `[]` or `{}`; never null and never nested.
    pub values: Vec<(String, Value)>,
}

impl PropertySource {
    /// A source of that name.
    pub fn new(name: impl Into<String>, values: Vec<(String, Value)>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }

    /// The value of exactly this key, as written.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// Values are left out: a source may hold passwords.
impl fmt::Debug for PropertySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.values.iter().map(|(k, _)| k.as_str()).collect();
        f.debug_struct("PropertySource")
            .field("name", &self.name)
            .field("keys", &keys)
            .finish()
    }
}

/// A place in a file, both 1-based; column 0 is what Spring reports for an empty value in a `.properties` file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value as YAML 1.1 types it. Kept apart from JSON's values because Spring keeps integers of any size exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Text(String),
    Bool(bool),
    Int(i64),
    /// Decimal digits, with a sign if negative, of an integer that does not fit in 64 bits.
    BigInt(String),
    /// May be infinite or not a number; JSON has no such values, so they become text there, as in Spring.
    Float(f64),
    EmptyList,
    EmptyMap,
}

impl Scalar {
    /// The value as Java prints it: `1000.0`, `6.02E23`, `true`; the empty list and map are `""`.
    pub fn to_text(&self) -> String {
        match self {
            Scalar::Text(text) | Scalar::BigInt(text) => text.clone(),
            Scalar::Bool(b) => b.to_string(),
            Scalar::Int(i) => i.to_string(),
            Scalar::Float(f) => java_double(*f),
            Scalar::EmptyList | Scalar::EmptyMap => String::new(),
        }
    }

    /// The nearest JSON value: integers beyond 64 bits become text, so that no digit is lost.
    pub fn to_value(&self) -> Value {
        match self {
            Scalar::Text(text) | Scalar::BigInt(text) => Value::String(text.clone()),
            Scalar::Bool(b) => Value::Bool(*b),
            Scalar::Int(i) => Value::from(*i),
            Scalar::Float(f) => {
                Number::from_f64(*f).map_or_else(|| Value::String(java_double(*f)), Value::Number)
            }
            Scalar::EmptyList => Value::Array(Vec::new()),
            Scalar::EmptyMap => Value::Object(serde_json::Map::new()),
        }
    }
}

/// One flat key of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub key: String,
    pub value: Scalar,
    /// `None` once the value is no longer the one in the file (it was decrypted).
    pub origin: Option<Origin>,
}

/// One YAML document, or one `#---` part of a `.properties` file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    pub properties: Vec<Property>,
}

impl Document {
    /// Adds a key; a key that is there already keeps its place and takes the new value.
    pub fn put(&mut self, key: String, value: Scalar, origin: Option<Origin>) {
        match self.properties.iter_mut().find(|p| p.key == key) {
            Some(there) => {
                there.value = value;
                there.origin = origin;
            }
            None => self.properties.push(Property { key, value, origin }),
        }
    }

    /// The value of exactly this key.
    pub fn get(&self, key: &str) -> Option<&Scalar> {
        self.properties
            .iter()
            .find(|p| p.key == key)
            .map(|p| &p.value)
    }

    /// The document as a plain source.
    pub fn into_source(self, name: String) -> PropertySource {
        PropertySource {
            name,
            values: self
                .properties
                .into_iter()
                .map(|p| (p.key, p.value.to_value()))
                .collect(),
        }
    }
}

/// Names the documents of one file: `name` alone, or `name (document #n)` when there are several.
pub(crate) fn sources_of(name: &str, documents: Vec<Document>) -> Vec<PropertySource> {
    let several = documents.len() > 1;
    documents
        .into_iter()
        .enumerate()
        .map(|(n, document)| {
            let name = if several {
                format!("{name} (document #{n})")
            } else {
                name.to_owned()
            };
            document.into_source(name)
        })
        .collect()
}

/// `Double.toString` of Java: plain digits from 1e-3 up to 1e7, else `d.dddEn`.
pub fn java_double(f: f64) -> String {
    if f.is_nan() {
        return "NaN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let size = f.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{f:?}");
    }
    let scientific = format!("{f:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (f, text) in [
            (1000.0, "1000.0"),
            (6.02e23, "6.02E23"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (-1.1, "-1.1"),
            (0.0, "0.0"),
        ] {
            assert_eq!(java_double(f), text);
        }
    }

    #[test]
    fn debug_shows_keys_and_no_values() {
        let source = PropertySource::new("x", vec![("jwt.secret".into(), "hunter2".into())]);
        let shown = format!("{source:?}");
        assert!(shown.contains("jwt.secret") && !shown.contains("hunter2"));
    }
}
