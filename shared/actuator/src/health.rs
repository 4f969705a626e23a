use std::collections::BTreeMap;
use std::fmt::Display;

use async_trait::async_trait;
use serde_json::{Map, Value};

/// Something that can say how it is.
#[async_trait]
pub trait HealthIndicator: Send + Sync {
    /// The component's name, e.g. `db`.
    fn name(&self) -> &'static str;

    /// Looks now. It may hang: it is asked with a time limit, and never twice at once.
    async fn check(&self) -> Health;
}

/// A health status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Up,
    /// It does not work.
    Down,
    /// It works, but is not to be used now.
    OutOfService,
    /// Nothing is known.
    Unknown,
    /// A word of one's own; it is shown and does not count in sums.
    Custom(&'static str),
}

impl Status {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
            Self::OutOfService => "OUT_OF_SERVICE",
            Self::Unknown => "UNKNOWN",
            Self::Custom(word) => word,
        }
    }

    /// The HTTP status of an answer with this health.
    pub fn http(self) -> u16 {
        match self {
            Self::Down | Self::OutOfService => 503,
            Self::Up | Self::Unknown | Self::Custom(_) => 200,
        }
    }

    /// The worst of several: DOWN, OUT_OF_SERVICE, UP, UNKNOWN, in this order; UNKNOWN for none.
    pub fn aggregate(statuses: impl IntoIterator<Item = Status>) -> Status {
        let order = [Self::Down, Self::OutOfService, Self::Up, Self::Unknown];
        let rank = |status: Status| order.iter().position(|known| *known == status);
        statuses
            .into_iter()
            .filter_map(rank)
            .min()
            .map_or(Self::Unknown, |rank| order[rank])
    }
}

/// What an indicator found.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    status: Status,
    description: Option<String>,
    details: Map<String, Value>,
    components: BTreeMap<String, Health>,
}

impl Health {
    /// A health of that status and nothing else.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            description: None,
            details: Map::new(),
            components: BTreeMap::new(),
        }
    }

    /// It works.
    pub fn up() -> Self {
        Self::new(Status::Up)
    }

    /// It does not, because of `error`.
    pub fn down(error: impl Display) -> Self {
        Self::new(Status::Down).detail("error", error.to_string())
    }

    /// It is not to be used now.
    pub fn out_of_service() -> Self {
        Self::new(Status::OutOfService)
    }

    /// Nothing is known.
    pub fn unknown() -> Self {
        Self::new(Status::Unknown)
    }

    /// A health made of parts; its status is their worst.
    pub fn composite(components: BTreeMap<String, Health>) -> Self {
        let status = Status::aggregate(components.values().map(Health::status));
        Self {
            components,
            ..Self::new(status)
        }
    }

    /// Adds a detail.
    pub fn detail(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }

    /// Adds a sentence for people.
    pub fn described(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The part at that path of names.
    pub fn find(&self, path: &[&str]) -> Option<&Health> {
        match path {
            [] => Some(self),
            [first, rest @ ..] => self.components.get(*first)?.find(rest),
        }
    }

    /// Whether it is made of parts.
    pub fn is_composite(&self) -> bool {
        !self.components.is_empty()
    }

    /// The JSON of the wire; the old format (actuator v2) calls the components details.
    pub fn to_json(&self, old: bool) -> Map<String, Value> {
        let mut json = Map::new();
        if let Some(description) = &self.description {
            json.insert("description".to_owned(), Value::from(description.as_str()));
        }
        json.insert("status".to_owned(), Value::from(self.status.as_str()));
        if self.is_composite() {
            let parts = self
                .components
                .iter()
                .map(|(name, part)| (name.clone(), Value::Object(part.to_json(old))));
            json.insert(
                if old { "details" } else { "components" }.to_owned(),
                Value::Object(parts.collect()),
            );
        } else if !self.details.is_empty() {
            json.insert("details".to_owned(), Value::Object(self.details.clone()));
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_wins_and_custom_ones_do_not_count() {
        use Status::{Custom, Down, OutOfService, Unknown, Up};
        let cases: [(&[Status], Status); 6] = [
            (&[Up, Unknown], Up),
            (&[Up, OutOfService], OutOfService),
            (&[OutOfService, Down, Up], Down),
            (&[Custom("CIRCUIT_OPEN")], Unknown),
            (&[Custom("CIRCUIT_OPEN"), Up], Up),
            (&[], Unknown),
        ];
        for (statuses, expected) in cases {
            assert_eq!(
                Status::aggregate(statuses.iter().copied()),
                expected,
                "{statuses:?}"
            );
        }
    }

    #[test]
    fn the_shapes_are_springs() {
        let json = |health: Health| Value::Object(health.to_json(false)).to_string();
        assert_eq!(json(Health::up()), r#"{"status":"UP"}"#);
        assert_eq!(
            json(Health::down("gone")),
            r#"{"status":"DOWN","details":{"error":"gone"}}"#
        );
        let part = Health::unknown().described("Discovery Client not initialized");
        let whole = Health::composite([("discoveryClient".to_owned(), part)].into());
        let expected = r#"{"status":"UNKNOWN","components":{"discoveryClient":{"description":"Discovery Client not initialized","status":"UNKNOWN"}}}"#;
        assert_eq!(json(whole.clone()), expected);
        let old = Value::Object(whole.to_json(true)).to_string();
        assert_eq!(old, expected.replace("components", "details"));
    }
}
