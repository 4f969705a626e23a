//! The keys under a prefix as a tree, which `bind` reads into a type.

use serde_json::Value;

use super::{Entry, Settings, is_under};
use crate::names;

/// A value, or a map or list of nodes, or - where sources disagree - both.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub leaf: Option<Leaf>,
    /// In order of first appearance, the strongest source first.
    pub children: Vec<Child>,
}

#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub value: Value,
    /// Name of the source, for messages.
    pub source: String,
}

#[derive(Clone, Debug)]
pub(super) struct Child {
    /// As written: `payment-deadline`, `[0]`.
    pub name: String,
    pub uniform: String,
    /// All that is in it comes from environment variables, whose names lost their case and dashes.
    pub environment: bool,
    pub node: Node,
}

impl Node {
    /// The tree below `prefix`.
    pub fn of(settings: &Settings, prefix: &str) -> Node {
        let wanted = names::uniform(prefix);
        let depth = names::segments(prefix).len();
        let mut root = Node::default();
        for entry in &settings.entries {
            if is_under(&entry.uniform, &wanted) {
                let segments = names::segments(&entry.key);
                root.insert(segments.get(depth..).unwrap_or_default(), entry, settings);
            }
        }
        root
    }

    pub fn is_empty(&self) -> bool {
        self.leaf.is_none() && self.children.is_empty()
    }

    fn insert(&mut self, path: &[String], entry: &Entry, settings: &Settings) {
        let Some((first, rest)) = path.split_first() else {
            self.leaf.get_or_insert_with(|| Leaf {
                value: entry.value.clone(),
                source: settings.source_name(entry).to_owned(),
            });
            return;
        };
        let uniform = names::uniform(first);
        let at = match self.children.iter().position(|c| c.uniform == uniform) {
            Some(at) => at,
            None => {
                self.children.push(Child {
                    name: first.clone(),
                    uniform,
                    environment: entry.environment,
                    node: Node::default(),
                });
                self.children.len() - 1
            }
        };
        let child = &mut self.children[at];
        if child.environment && !entry.environment {
            // A file's spelling tells more than the environment's.
            child.environment = false;
            child.name.clone_from(first);
        }
        child.node.insert(rest, entry, settings);
    }

    /// The node at a path of child names, made when it is not there.
    pub fn at_mut(&mut self, path: &[String]) -> &mut Node {
        let Some((first, rest)) = path.split_first() else {
            return self;
        };
        let uniform = names::uniform(first);
        let at = match self.children.iter().position(|c| c.uniform == uniform) {
            Some(at) => at,
            None => {
                self.children.push(Child {
                    name: first.clone(),
                    uniform,
                    environment: false,
                    node: Node::default(),
                });
                self.children.len() - 1
            }
        };
        self.children[at].node.at_mut(rest)
    }

    /// Takes away the node at a path.
    pub fn remove(&mut self, path: &[String]) {
        if let Some((last, parents)) = path.split_last() {
            let uniform = names::uniform(last);
            self.at_mut(parents)
                .children
                .retain(|c| c.uniform != uniform);
        }
    }

    /// The children as list items, when all of them are numbered.
    pub fn items(&self) -> Option<Vec<&Node>> {
        let mut items = self
            .children
            .iter()
            .map(|c| names::index(&c.name).map(|i| (i, &c.node)))
            .collect::<Option<Vec<_>>>()?;
        items.sort_by_key(|(i, _)| *i);
        Some(items.into_iter().map(|(_, node)| node).collect())
    }

    /// Moves `payment` > `deadline`, which the environment's PAYMENT_DEADLINE became, to the field `payment-deadline`.
    pub fn adopt_dashed(&mut self, fields: &[&str]) {
        for field in fields {
            let parts: Vec<String> = field.split(['-', '_']).map(str::to_owned).collect();
            if parts.len() < 2 || !self.has_environment_leaf(&parts) {
                continue;
            }
            let leaf = self.at_mut(&parts).leaf.take();
            self.prune();
            self.at_mut(&[(*field).to_owned()]).leaf = leaf;
        }
    }

    fn has_environment_leaf(&self, path: &[String]) -> bool {
        let mut node = self;
        for part in path {
            match node
                .children
                .iter()
                .find(|c| c.uniform == *part && c.environment)
            {
                Some(child) => node = &child.node,
                None => return false,
            }
        }
        node.leaf.is_some()
    }

    fn prune(&mut self) {
        for child in &mut self.children {
            child.node.prune();
        }
        self.children.retain(|c| !c.node.is_empty());
    }
}
