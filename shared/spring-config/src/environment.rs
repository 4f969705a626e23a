//! What a Spring Cloud Config server answers for an application: the Environment JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::source::PropertySource;

/// Media type of the second version, in which each value carries the place that it came from.
pub const V2_TYPE: &str = "application/vnd.spring-cloud.config-server.v2+json";

/// Version 1 is written; both are read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub name: String,
    /// One element from Spring's server: the whole requested text, `dev,mysql`.
    #[serde(default)]
    pub profiles: Vec<String>,
    #[serde(default)]
    pub label: Option<String>,
    /// Commit id of a git store.
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub state: Option<String>,
    /// The strongest first.
    pub property_sources: Vec<WireSource>,
}

/// One source on the wire.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct WireSource {
    pub name: String,
    /// Flat keys in file order.
    #[serde(default)]
    pub source: Map<String, Value>,
}

impl Environment {
    /// The sources, the strongest first, without the places that version 2 adds.
    pub fn into_sources(self) -> Vec<PropertySource> {
        self.property_sources
            .into_iter()
            .map(|wire| {
                let values = wire
                    .source
                    .into_iter()
                    .map(|(key, value)| (key, unwrapped(value)))
                    .collect();
                PropertySource::new(wire.name, values)
            })
            .collect()
    }
}

/// A map of exactly `value` and `origin` is version 2's wrapper.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.len() == 2 && map.contains_key("origin") => {
            match map.remove("value") {
                Some(value) => value,
                None => Value::Object(map),
            }
        }
        Value::Null => Value::String(String::new()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_read_the_same() {
        let one: Environment = serde_json::from_str(
            r#"{"name":"a","profiles":["default"],"label":null,"version":null,"state":null,
                "propertySources":[{"name":"n","source":{"p":1,"m":{},"x":"t"}}]}"#,
        )
        .unwrap();
        let two: Environment = serde_json::from_str(
            r#"{"name":"a","profiles":["default"],"propertySources":[{"name":"n","source":
                {"p":{"value":1,"origin":"1:4"},"m":{"value":{},"origin":"2:4"},"x":"t"}}]}"#,
        )
        .unwrap();
        let expected = vec![PropertySource::new(
            "n",
            vec![
                ("p".into(), Value::from(1)),
                ("m".into(), Value::Object(Map::new())),
                ("x".into(), Value::from("t")),
            ],
        )];
        assert_eq!(one.into_sources(), expected);
        assert_eq!(two.into_sources(), expected);
    }
}
