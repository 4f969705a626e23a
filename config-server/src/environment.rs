//! The Environment JSON, in both versions.

use mall_spring_config::{Origin, Scalar};

use crate::json;

/// What is answered for an application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// As requested.
    pub name: String,
    /// As requested, with its commas.
    pub profiles: String,
    pub label: Option<String>,
    pub version: Option<String>,
    /// The strongest first.
    pub sources: Vec<Source>,
}

/// One file, or one document of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub name: String,
    /// Flat keys in file order; decrypted ones at the end.
    pub values: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub key: String,
    pub value: Scalar,
    pub place: Place,
}

/// Where a value comes from, which version 2 tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    File(Origin),
    Overrides,
    /// It was decrypted, or could not be: nothing is told, and the value stands alone as in version 1.
    Nowhere,
}

/// Which form of the JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    One,
    /// With the place of each value.
    Two,
}

impl Environment {
    /// The JSON. Written by hand, because integers of any size stay exact.
    pub fn to_json(&self, version: Version) -> String {
        let mut out = String::from("{\"name\":");
        json::text(&mut out, &self.name);
        out.push_str(",\"profiles\":[");
        json::text(&mut out, &self.profiles);
        out.push_str("],\"label\":");
        json::text_or_null(&mut out, self.label.as_deref());
        out.push_str(",\"version\":");
        json::text_or_null(&mut out, self.version.as_deref());
        out.push_str(",\"state\":null,\"propertySources\":[");
        json::join(&mut out, &self.sources, |out, source| {
            out.push_str("{\"name\":");
            json::text(out, &source.name);
            out.push_str(",\"source\":{");
            json::join(out, &source.values, |out, value| {
                json::text(out, &value.key);
                out.push(':');
                write_value(out, value, version);
            });
            out.push_str("}}");
        });
        out.push_str("]}");
        out
    }
}

fn write_value(out: &mut String, value: &Value, version: Version) {
    let origin = match (version, value.place) {
        (Version::One, _) | (Version::Two, Place::Nowhere) => {
            json::scalar(out, &value.value);
            return;
        }
        (Version::Two, Place::File(origin)) => origin.to_string(),
        (Version::Two, Place::Overrides) => "Config server overrides".to_owned(),
    };
    out.push_str("{\"value\":");
    json::scalar(out, &value.value);
    out.push_str(",\"origin\":");
    json::text(out, &origin);
    out.push('}');
}
