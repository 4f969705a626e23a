//! Parser events to a tree of typed nodes, with anchors and merge keys resolved.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::YamlError;
use super::resolve::{self, Typed};
use crate::source::Origin;

/// How deep collections may nest (SnakeYAML's limit), aliases followed: everything that walks a tree may recurse.
const MAX_DEPTH: usize = 50;

/// A node and how many levels it has below itself.
type Built = (Rc<Node>, usize);

pub(super) enum Node {
    Scalar(Typed, Origin),
    List(Vec<Rc<Node>>, Origin),
    Map(Vec<(Key, Rc<Node>)>, Origin),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Key {
    /// A key that is text.
    Text(String),
    /// A number or boolean, as Java prints it; written `[key]` in flat keys.
    Other(String),
    /// `<<`.
    Merge,
}

/// The root node of every document, empty ones left out.
pub(super) fn documents(text: &str) -> Result<Vec<Rc<Node>>, YamlError> {
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        lines: text.lines().collect(),
        last_end: (1, 0),
        anchors: HashMap::new(),
    };
    let mut roots = Vec::new();
    loop {
        let (event, _) = composer.next()?;
        match event {
            Event::StreamEnd => return Ok(roots),
            Event::DocumentStart(_) => {
                composer.anchors.clear();
                let (event, place) = composer.next()?;
                let (root, _) = composer.node(event, place, 0)?;
                if !matches!(&*root, Node::Scalar(Typed::Null, _)) {
                    roots.push(root);
                }
            }
            // Stream start, document end: nothing to build.
            _ => {}
        }
    }
}

struct Composer<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Built>,
    lines: Vec<&'t str>,
    /// Line (1-based) and column (0-based) where the event before this one ended.
    last_end: (usize, usize),
}

impl<'t> Composer<'t> {
    /// The next event and where Spring says that it is.
    fn next(&mut self) -> Result<(Event<'t>, Origin), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let origin = self.origin(&event, span);
                self.last_end = (span.end.line(), span.end.col());
                Ok((event, origin))
            }
            Some(Err(error)) => Err(YamlError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                reason: error.info().to_owned(),
            }),
            None => Err(at(
                Origin { line: 1, column: 1 },
                "the text ends in the middle of a document",
            )),
        }
    }

    fn origin(&self, event: &Event<'t>, span: Span) -> Origin {
        let start = Origin {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        match event {
            // Block scalars: the scanner tells where the content is, Spring where the | or > is.
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, _, _) => {
                self.block_indicator(start).unwrap_or(start)
            }
            _ => start,
        }
    }

    fn block_indicator(&self, content: Origin) -> Option<Origin> {
        let (first, from) = self.last_end;
        for line in first..=content.line {
            let skip = if line == first { from } else { 0 };
            let found = self
                .lines
                .get(line - 1)?
                .chars()
                .enumerate()
                .skip(skip)
                .find(|(_, c)| matches!(c, '|' | '>'));
            if let Some((column, _)) = found {
                return Some(Origin {
                    line,
                    column: column + 1,
                });
            }
        }
        None
    }

    /// An empty list item is right behind its dash, before any blanks.
    fn after_dash(&self, place: Origin) -> Origin {
        let line = self.lines.get(place.line - 1).copied().unwrap_or_default();
        let before: Vec<char> = line.chars().take(place.column - 1).collect();
        let blanks = before.iter().rev().take_while(|c| **c == ' ').count();
        Origin {
            line: place.line,
            column: place.column - blanks,
        }
    }

    fn node(&mut self, event: Event<'t>, origin: Origin, depth: usize) -> Result<Built, YamlError> {
        let too_deep = || at(origin, &format!("nested deeper than {MAX_DEPTH}"));
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let (anchor, node, height) = match event {
            Event::Alias(id) => {
                return self
                    .anchors
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| at(origin, "an alias inside its own anchor"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let typed = scalar(&text, style, tag.as_ref(), origin)?;
                (anchor, Node::Scalar(typed, origin), 0)
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_ref(), "seq", origin)?;
                let (list, height) = self.list(origin, depth)?;
                (anchor, list, height)
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_ref(), "map", origin)?;
                let (map, height) = self.map(origin, depth)?;
                (anchor, map, height)
            }
            _ => return Err(at(origin, "expected a value")),
        };
        if height > MAX_DEPTH {
            return Err(too_deep());
        }
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (Rc::clone(&node), height));
        }
        Ok((node, height))
    }

    fn list(&mut self, origin: Origin, depth: usize) -> Result<(Node, usize), YamlError> {
        let mut items = Vec::new();
        let mut height = 0;
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((Node::List(items, origin), height));
            }
            let place = if is_nothing(&event) {
                self.after_dash(place)
            } else {
                place
            };
            let (item, below) = self.node(event, place, depth + 1)?;
            height = height.max(below + 1);
            items.push(item);
        }
    }

    fn map(&mut self, origin: Origin, depth: usize) -> Result<(Node, usize), YamlError> {
        let mut height = 0;
        let mut own = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, key_origin) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((Node::Map(merged(own, origin)?, origin), height));
            }
            let plain_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key_node, _) = self.node(event, key_origin, depth + 1)?;
            let key = if plain_merge {
                Key::Merge
            } else {
                key_of(&key_node, key_origin)?
            };
            if key != Key::Merge && !seen.insert(key.clone()) {
                return Err(at(
                    key_origin,
                    &format!("found duplicate key {}", name_of(&key)),
                ));
            }
            let (event, mut place) = self.next()?;
            if is_nothing(&event) {
                // Nothing at all: the scanner tells where the colon is, Spring the place after it.
                place.column += 1;
            }
            let (value, below) = self.node(event, place, depth + 1)?;
            height = height.max(below + 1);
            own.push((key, value));
        }
    }
}

/// Puts what `<<` brings where it stands; the map's own keys win, and of several merged maps the first.
fn merged(own: Vec<(Key, Rc<Node>)>, origin: Origin) -> Result<Vec<(Key, Rc<Node>)>, YamlError> {
    if !own.iter().any(|(key, _)| *key == Key::Merge) {
        return Ok(own);
    }
    let mut out: Vec<(Key, Rc<Node>)> = Vec::new();
    let mut brought: HashSet<Key> = HashSet::new();
    for (key, value) in own {
        if key != Key::Merge {
            match out.iter_mut().find(|(k, _)| *k == key) {
                Some(there) if brought.contains(&key) => there.1 = value,
                _ => out.push((key, value)),
            }
            continue;
        }
        let maps: Vec<&Rc<Node>> = match &*value {
            Node::Map(..) => vec![&value],
            Node::List(items, _) => items.iter().collect(),
            Node::Scalar(..) => {
                return Err(at(origin, "expected a map or a list of maps after <<"));
            }
        };
        for map in maps {
            let Node::Map(entries, _) = &**map else {
                return Err(at(origin, "expected a map for merging"));
            };
            for (key, value) in entries {
                if !out.iter().any(|(k, _)| k == key) {
                    out.push((key.clone(), Rc::clone(value)));
                    brought.insert(key.clone());
                }
            }
        }
    }
    Ok(out)
}

/// An empty value that is not written at all.
fn is_nothing(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text.is_empty())
}

fn key_of(node: &Node, origin: Origin) -> Result<Key, YamlError> {
    match node {
        Node::Scalar(Typed::Null, _) => Err(at(origin, "a key that is null")),
        Node::Scalar(Typed::Value(crate::Scalar::Text(text)), _) => Ok(Key::Text(text.clone())),
        Node::Scalar(Typed::Value(other), _) => Ok(Key::Other(other.to_text())),
        Node::List(..) | Node::Map(..) => Err(at(origin, "a key that is a list or a map")),
    }
}

fn name_of(key: &Key) -> &str {
    match key {
        Key::Text(name) | Key::Other(name) => name,
        Key::Merge => "<<",
    }
}

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Cow<'_, Tag>>,
    origin: Origin,
) -> Result<Typed, YamlError> {
    let refused = |reason: &str| at(origin, reason);
    match tag {
        None if style == ScalarStyle::Plain => Ok(resolve::plain(text)),
        None => Ok(resolve::text(text)),
        Some(tag)
            if tag.handle.is_empty() && tag.suffix == "!"
                || tag.handle == "!" && tag.suffix.is_empty() =>
        {
            Ok(resolve::text(text))
        }
        Some(tag) if tag.is_yaml_core_schema() => resolve::tagged(&tag.suffix, text)
            .ok_or_else(|| refused(&format!("not a value of type !!{}", tag.suffix))),
        Some(tag) => Err(refused(&format!("type {tag} is not allowed"))),
    }
}

fn collection_tag(
    tag: Option<&Cow<'_, Tag>>,
    expected: &str,
    origin: Origin,
) -> Result<(), YamlError> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == expected => Ok(()),
        Some(tag) => Err(at(origin, &format!("type {tag} is not allowed here"))),
    }
}

fn at(origin: Origin, reason: &str) -> YamlError {
    YamlError {
        line: origin.line,
        column: origin.column,
        reason: reason.to_owned(),
    }
}
