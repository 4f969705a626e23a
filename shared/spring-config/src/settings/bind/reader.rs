//! One node of the tree as a serde deserializer: text becomes what the type wants.

use serde::de::{self, Visitor};
use serde_json::Value;

use super::access::{Entries, Items, Variant};
use super::{BindError, Kind};
use crate::names::uniform;
use crate::settings::tree::{Leaf, Node};
use crate::settings::{is_empty_collection, looks_secret, text_of};

/// Reads one node. `key` is the last part of its name, to know whether its value may be shown.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n> {
    node: &'n Node,
    key: &'n str,
}

impl<'n> Reader<'n> {
    pub(super) fn new(node: &'n Node, key: &'n str) -> Self {
        Self { node, key }
    }

    fn leaf(&self) -> Option<&'n Value> {
        self.node
            .leaf
            .as_ref()
            .map(|leaf| &leaf.value)
            .filter(|value| !is_empty_collection(value))
    }

    fn text(&self) -> Option<String> {
        self.leaf().map(text_of)
    }

    fn is_blank(&self) -> bool {
        self.node.children.is_empty() && self.text().is_some_and(|text| text.is_empty())
    }

    fn invalid(&self, expected: &str) -> BindError {
        let from = match &self.node.leaf {
            Some(leaf) if !leaf.source.is_empty() => format!(" (from {})", leaf.source),
            _ => String::new(),
        };
        let found = match self.text() {
            None if self.node.is_empty() => "nothing".to_owned(),
            None => "several values".to_owned(),
            Some(_) if looks_secret(self.key) => "something else".to_owned(),
            Some(text) if text.is_empty() => "an empty value".to_owned(),
            Some(text) => format!("{text:?}"),
        };
        de::Error::custom(format!("expected {expected}, found {found}{from}"))
    }

    /// Hides the value in a message of serde's when the key looks secret.
    fn guard<T>(&self, result: Result<T, BindError>) -> Result<T, BindError> {
        result.map_err(|mut error| {
            if error.path.is_empty()
                && let Kind::Invalid(reason) = &error.kind
            {
                let hidden = looks_secret(self.key)
                    && self
                        .text()
                        .is_some_and(|t| !t.is_empty() && reason.contains(&t));
                if hidden {
                    error.kind = Kind::Invalid("is not a valid value".to_owned());
                }
            }
            error
        })
    }

    fn integer(&self) -> Result<i128, BindError> {
        let whole = "a whole number";
        match self.leaf() {
            Some(Value::Number(n)) => n
                .as_i64()
                .map(i128::from)
                .or_else(|| n.as_u64().map(i128::from))
                .or_else(|| {
                    n.as_f64()
                        .filter(|f| f.fract() == 0.0 && f.abs() < 9e15)
                        .map(|f| f as i128)
                })
                .ok_or_else(|| self.invalid(whole)),
            Some(Value::String(text)) => text.trim().parse().map_err(|_| self.invalid(whole)),
            _ => Err(self.invalid(whole)),
        }
    }

    fn float(&self) -> Result<f64, BindError> {
        match self.leaf() {
            Some(Value::Number(n)) => n.as_f64().ok_or_else(|| self.invalid("a number")),
            Some(Value::String(text)) => text.trim().parse().map_err(|_| self.invalid("a number")),
            _ => Err(self.invalid("a number")),
        }
    }

    fn boolean(&self) -> Result<bool, BindError> {
        // The words that Spring's converter knows.
        match self
            .text()
            .map(|text| text.trim().to_lowercase())
            .as_deref()
        {
            Some("true" | "on" | "yes" | "1") => Ok(true),
            Some("false" | "off" | "no" | "0") => Ok(false),
            _ => Err(self.invalid("true or false")),
        }
    }

    fn owned_items(&self) -> Result<Vec<Node>, BindError> {
        if !self.node.children.is_empty() {
            return match self.node.items() {
                Some(items) => Ok(items.into_iter().cloned().collect()),
                None => Err(self.invalid("a list")),
            };
        }
        let Some(leaf) = &self.node.leaf else {
            return Ok(Vec::new());
        };
        let Some(text) = self.text() else {
            return match leaf.value {
                Value::Array(_) => Ok(Vec::new()),
                _ => Err(self.invalid("a list")),
            };
        };
        Ok(text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| Node {
                leaf: Some(Leaf {
                    value: Value::from(item),
                    source: leaf.source.clone(),
                }),
                children: Vec::new(),
            })
            .collect())
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
            let number = self.integer()?;
            let fits = <$type>::try_from(number).map_err(|_| {
                self.invalid(concat!("a whole number that fits in ", stringify!($type)))
            })?;
            self.guard(visitor.$visit(fits))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = BindError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        if !self.node.children.is_empty() {
            return if self.node.items().is_some() {
                self.deserialize_seq(visitor)
            } else {
                self.deserialize_map(visitor)
            };
        }
        let result = match self.node.leaf.as_ref().map(|leaf| &leaf.value) {
            None => return self.deserialize_map(visitor),
            Some(Value::Array(_)) => return self.deserialize_seq(visitor),
            Some(Value::Object(_)) => return self.deserialize_map(visitor),
            Some(Value::Bool(b)) => visitor.visit_bool(*b),
            Some(Value::Number(n)) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
                (Some(i), _, _) => visitor.visit_i64(i),
                (_, Some(u), _) => visitor.visit_u64(u),
                (_, _, Some(f)) => visitor.visit_f64(f),
                _ => Err(self.invalid("a number")),
            },
            Some(Value::String(text)) => visitor.visit_str(text),
            Some(Value::Null) => visitor.visit_unit(),
        };
        self.guard(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        let value = self.boolean()?;
        self.guard(visitor.visit_bool(value))
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        let value = self.float()?;
        self.guard(visitor.visit_f64(value))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.text() {
            Some(text) => self.guard(visitor.visit_string(text)),
            None => Err(self.invalid("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        if self.node.is_empty() || self.is_blank() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        let items = self.owned_items()?;
        visitor.visit_seq(Items {
            items: items.iter(),
            next: 0,
            key: self.key,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        if self.leaf().is_some() && !self.is_blank() && self.node.children.is_empty() {
            return Err(self.invalid("several values below this key"));
        }
        visitor.visit_map(Entries {
            node: self.node,
            fields: &[],
            at: 0,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        if self.leaf().is_some() && !self.is_blank() && self.node.children.is_empty() {
            return Err(self.invalid("several values below this key"));
        }
        let mut node = self.node.clone();
        node.adopt_dashed(fields);
        visitor.visit_map(Entries {
            node: &node,
            fields,
            at: 0,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        let refused = || {
            let mut error = self.invalid(&format!("one of {}", variants.join(", ")));
            if let (Kind::Invalid(reason), Some(first)) = (&error.kind, variants.first()) {
                error.kind = Kind::Variant {
                    reason: reason.clone(),
                    first,
                };
            }
            error
        };
        let named = |text: &str| {
            let wanted = uniform(text.trim());
            variants.iter().find(|v| uniform(v) == wanted).copied()
        };
        if let ([only], None) = (self.node.children.as_slice(), self.leaf()) {
            let Some(name) = named(&only.name) else {
                return Err(refused());
            };
            return visitor
                .visit_enum(Variant {
                    name,
                    content: Some(&only.node),
                })
                .map_err(|e| e.within(&only.name));
        }
        match self.text().as_deref().and_then(named) {
            Some(name) => self.guard(visitor.visit_enum(Variant {
                name,
                content: None,
            })),
            None => Err(refused()),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BindError> {
        visitor.visit_unit()
    }
}
