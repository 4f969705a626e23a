//! Lists, maps and enums for the reader.

use serde::de::value::StrDeserializer;
use serde::de::{self, IntoDeserializer, Unexpected, Visitor};

use super::BindError;
use super::reader::Reader;
use crate::names::uniform;
use crate::settings::tree::Node;

pub(super) struct Items<'n> {
    pub items: std::slice::Iter<'n, Node>,
    pub next: usize,
    pub key: &'n str,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = BindError;

    fn next_element_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, BindError> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        let name = format!("[{}]", self.next);
        self.next += 1;
        seed.deserialize(Reader::new(node, self.key))
            .map(Some)
            .map_err(|e| e.within(&name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

pub(super) struct Entries<'n> {
    pub node: &'n Node,
    /// A struct's field names; empty for a map, whose keys stay as they are written.
    pub fields: &'static [&'static str],
    pub at: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = BindError;

    fn next_key_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, BindError> {
        let Some(child) = self.node.children.get(self.at) else {
            return Ok(None);
        };
        self.at += 1;
        let field = self.fields.iter().find(|f| uniform(f) == child.uniform);
        // `a[x.y]` is the map key x.y.
        let written = child.name.trim_start_matches('[').trim_end_matches(']');
        let name = field.map_or(written, |f| f);
        let key: StrDeserializer<'_, BindError> = name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, BindError> {
        let child = self
            .at
            .checked_sub(1)
            .and_then(|at| self.node.children.get(at))
            .ok_or_else(|| {
                <BindError as de::Error>::custom("a value was asked for before its key")
            })?;
        seed.deserialize(Reader::new(&child.node, &child.name))
            .map_err(|e| e.within(&child.name))
    }
}

pub(super) struct Variant<'n> {
    pub name: &'static str,
    pub content: Option<&'n Node>,
}

impl<'de, 'n> de::EnumAccess<'de> for Variant<'n> {
    type Error = BindError;
    type Variant = Content<'n>;

    fn variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'n>), BindError> {
        let name: StrDeserializer<'_, BindError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

pub(super) struct Content<'n>(Option<&'n Node>);

impl<'n> Content<'n> {
    fn reader(self) -> Result<Reader<'n>, BindError> {
        self.0.map(|node| Reader::new(node, "")).ok_or_else(|| {
            de::Error::invalid_type(Unexpected::UnitVariant, &"a variant with a value")
        })
    }
}

impl<'de> de::VariantAccess<'de> for Content<'_> {
    type Error = BindError;

    fn unit_variant(self) -> Result<(), BindError> {
        Ok(())
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, BindError> {
        seed.deserialize(self.reader()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, BindError> {
        de::Deserializer::deserialize_seq(self.reader()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        de::Deserializer::deserialize_struct(self.reader()?, "", fields, visitor)
    }
}
