//! All sources of an environment as one file: `.properties`, `.yml` or `.json`.

mod tree;

use mall_spring_config::Scalar;
use mall_spring_config::names::uniform;
use mall_spring_config::placeholder::{self, PlaceholderError, Unresolved};

use crate::environment::Environment;
use crate::request::Format;
use crate::{json, yaml_text};
use tree::Tree;

/// A value of the merged file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub value: Scalar,
    /// Text that placeholders made: in YAML it stands unquoted where that can be, so that a number is a number.
    pub resolved: bool,
}

/// The file. `resolve` replaces `${key}` and `${key:default}` by other values of the environment; a circle of them is the error.
pub fn render(
    environment: &Environment,
    format: Format,
    resolve: bool,
) -> Result<String, PlaceholderError> {
    let mut values: Vec<(String, Leaf)> = flat(environment)
        .into_iter()
        .map(|(key, value)| {
            let leaf = Leaf {
                value,
                resolved: false,
            };
            (key, leaf)
        })
        .collect();
    if resolve {
        resolve_all(&mut values, environment)?;
    }
    Ok(match format {
        Format::Properties => as_properties(&values),
        Format::Json => {
            let mut out = String::new();
            write_json(&mut out, &tree::nested(values));
            out
        }
        Format::Yaml => yaml_text::document(&unwrapped(tree::nested(values))),
    })
}

/// Plain keys in order of first appearance from the weakest source up, then lists, each whole from its strongest source.
fn flat(environment: &Environment) -> Vec<(String, Scalar)> {
    let mut plain: Vec<(String, Scalar)> = Vec::new();
    let mut lists: Vec<(&str, Vec<(String, Scalar)>)> = Vec::new();
    for source in environment.sources.iter().rev() {
        for value in &source.values {
            let Some((list, _)) = value.key.split_once('[') else {
                put(&mut plain, value.key.clone(), value.value.clone());
                continue;
            };
            let items: Vec<(String, Scalar)> = source
                .values
                .iter()
                .filter(|v| {
                    v.key
                        .strip_prefix(list)
                        .is_some_and(|rest| rest.starts_with('['))
                })
                .map(|v| (v.key.clone(), v.value.clone()))
                .collect();
            match lists.iter_mut().find(|(name, _)| *name == list) {
                Some(there) => there.1 = items,
                None => lists.push((list, items)),
            }
        }
    }
    for (_, items) in lists {
        for (key, value) in items {
            put(&mut plain, key, value);
        }
    }
    plain.retain(|(key, _)| uniform(key) != "spring.profiles");
    plain
}

fn put(values: &mut Vec<(String, Scalar)>, key: String, value: Scalar) {
    match values.iter_mut().find(|(k, _)| *k == key) {
        Some(there) => there.1 = value,
        None => values.push((key, value)),
    }
}

fn resolve_all(
    values: &mut [(String, Leaf)],
    environment: &Environment,
) -> Result<(), PlaceholderError> {
    let lookup = |key: &str| {
        environment
            .sources
            .iter()
            .flat_map(|source| &source.values)
            .find(|value| value.key == key)
            .map(|value| value.value.to_text())
    };
    for (_, leaf) in values {
        if let Scalar::Text(text) = &leaf.value
            && text.contains("${")
        {
            let resolved = placeholder::resolve(text, Unresolved::Keep, &lookup)?;
            leaf.resolved = resolved != *text;
            leaf.value = Scalar::Text(resolved);
        }
    }
    Ok(())
}

fn as_properties(values: &[(String, Leaf)]) -> String {
    let lines: Vec<String> = values
        .iter()
        .map(|(key, leaf)| match &leaf.value {
            Scalar::EmptyList => format!("{key}: []"),
            Scalar::EmptyMap => format!("{key}: {{}}"),
            value => format!("{key}: {}", value.to_text()),
        })
        .collect();
    lines.join("\n")
}

fn write_json(out: &mut String, tree: &Tree) {
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Leaf(leaf) => json::scalar(out, &leaf.value),
        Tree::List(items) => {
            out.push('[');
            json::join(out, items, write_json);
            out.push(']');
        }
        Tree::Map(entries) => {
            out.push('{');
            json::join(out, entries, |out, (key, value)| {
                json::text(out, key);
                out.push(':');
                write_json(out, value);
            });
            out.push('}');
        }
    }
}

/// A file that was no map came in under the key `document`; alone, it goes out as it was.
fn unwrapped(tree: Tree) -> Tree {
    match tree {
        Tree::Map(mut entries) if entries.len() == 1 && entries[0].0 == "document" => {
            entries.remove(0).1
        }
        other => other,
    }
}

pub(crate) use tree::Tree as MergedTree;
