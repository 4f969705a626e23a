//! A tree of nodes to flat keys: maps join with `.`, lists with `[i]`, keys that are not text are written `[key]`.

use std::collections::HashMap;

use super::YamlError;
use super::compose::{Key, Node};
use super::resolve::Typed;
use crate::source::{Document, Origin, Property, Scalar};

/// Most flat keys of one document; aliases of aliases could otherwise grow a small file without bound.
const MAX_KEYS: usize = 200_000;

pub(super) fn document(root: &std::rc::Rc<Node>) -> Result<Document, YamlError> {
    let mut out = Flat::default();
    match &**root {
        Node::Map(entries, _) => out.entries(entries, "")?,
        other => out.value("document".to_owned(), other)?,
    }
    Ok(Document {
        properties: out.properties,
    })
}

#[derive(Default)]
struct Flat {
    properties: Vec<Property>,
    places: HashMap<String, usize>,
}

impl Flat {
    fn entries(
        &mut self,
        entries: &[(Key, std::rc::Rc<Node>)],
        path: &str,
    ) -> Result<(), YamlError> {
        for (key, value) in entries {
            let name = match key {
                Key::Text(name) => name.clone(),
                Key::Other(name) => format!("[{name}]"),
                Key::Merge => continue,
            };
            let full = if path.trim().is_empty() {
                name
            } else if name.starts_with('[') {
                format!("{path}{name}")
            } else {
                format!("{path}.{name}")
            };
            self.value(full, value)?;
        }
        Ok(())
    }

    fn value(&mut self, key: String, node: &Node) -> Result<(), YamlError> {
        match node {
            Node::Scalar(Typed::Null, origin) => {
                self.put(key, Scalar::Text(String::new()), *origin)
            }
            Node::Scalar(Typed::Value(value), origin) => self.put(key, value.clone(), *origin),
            Node::List(items, origin) if items.is_empty() => {
                self.put(key, Scalar::EmptyList, *origin)
            }
            Node::Map(entries, origin) if entries.is_empty() => {
                self.put(key, Scalar::EmptyMap, *origin)
            }
            Node::List(items, _) => items
                .iter()
                .enumerate()
                .try_for_each(|(i, item)| self.value(format!("{key}[{i}]"), item)),
            Node::Map(entries, _) => self.entries(entries, &key),
        }
    }

    fn put(&mut self, key: String, value: Scalar, origin: Origin) -> Result<(), YamlError> {
        if self.properties.len() >= MAX_KEYS {
            return Err(YamlError {
                line: origin.line,
                column: origin.column,
                reason: format!("more than {MAX_KEYS} values"),
            });
        }
        let property = Property {
            key: key.clone(),
            value,
            origin: Some(origin),
        };
        match self.places.get(&key) {
            Some(&at) => self.properties[at] = property,
            None => {
                self.places.insert(key, self.properties.len());
                self.properties.push(property);
            }
        }
        Ok(())
    }
}
