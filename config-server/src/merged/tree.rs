//! Flat keys to nested values.

use super::Leaf;

/// Longest list that is filled up with nothing for a missing index.
const MAX_INDEX: usize = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Leaf(Leaf),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// Nests keys at dots and at `[n]`. A key that does not fit what is there already stays whole, as Spring keeps it.
pub(super) fn nested(values: Vec<(String, Leaf)>) -> Tree {
    let mut root = Vec::new();
    for (key, leaf) in values {
        insert(&mut root, &key, leaf);
    }
    Tree::Map(root)
}

/// What follows the first part of a key.
enum Rest<'k> {
    End,
    /// After a dot.
    Map(&'k str),
    /// At `[n]`.
    List(&'k str),
}

fn insert(map: &mut Vec<(String, Tree)>, key: &str, leaf: Leaf) {
    let (name, rest) = split(key);
    let place = map.iter().position(|(k, _)| k == name);
    match rest {
        Rest::End => set(map, key, Tree::Leaf(leaf)),
        Rest::Map(rest) => match place.map(|at| &mut map[at].1) {
            Some(Tree::Map(inner)) => insert(inner, rest, leaf),
            Some(_) => set(map, key, Tree::Leaf(leaf)),
            None => {
                let mut inner = Vec::new();
                insert(&mut inner, rest, leaf);
                map.push((name.to_owned(), Tree::Map(inner)));
            }
        },
        Rest::List(rest) => match place.map(|at| &mut map[at].1) {
            Some(Tree::List(items)) => {
                if let Err(leaf) = insert_item(items, rest, leaf) {
                    set(map, key, Tree::Leaf(leaf));
                }
            }
            Some(_) => set(map, key, Tree::Leaf(leaf)),
            None => {
                let mut items = Vec::new();
                match insert_item(&mut items, rest, leaf) {
                    Ok(()) => map.push((name.to_owned(), Tree::List(items))),
                    Err(leaf) => set(map, key, Tree::Leaf(leaf)),
                }
            }
        },
    }
}

fn set(map: &mut Vec<(String, Tree)>, key: &str, tree: Tree) {
    match map.iter_mut().find(|(k, _)| k == key) {
        Some(there) => there.1 = tree,
        None => map.push((key.to_owned(), tree)),
    }
}

/// Puts a value at `[n]...`; gives it back when it does not fit.
fn insert_item(items: &mut Vec<Tree>, key: &str, leaf: Leaf) -> Result<(), Leaf> {
    let Some((index, rest)) = index(key).filter(|(index, _)| *index < MAX_INDEX) else {
        return Err(leaf);
    };
    while items.len() <= index {
        items.push(Tree::Null);
    }
    let item = &mut items[index];
    if rest.is_empty() {
        *item = Tree::Leaf(leaf);
        return Ok(());
    }
    if let Some(rest) = rest.strip_prefix('.') {
        if matches!(item, Tree::Null) {
            *item = Tree::Map(Vec::new());
        }
        return match item {
            Tree::Map(inner) => {
                insert(inner, rest, leaf);
                Ok(())
            }
            _ => Err(leaf),
        };
    }
    if matches!(item, Tree::Null) {
        *item = Tree::List(Vec::new());
    }
    match item {
        Tree::List(inner) => insert_item(inner, rest, leaf),
        _ => Err(leaf),
    }
}

fn split(key: &str) -> (&str, Rest<'_>) {
    for (at, c) in key.char_indices() {
        if c == '.' {
            return (&key[..at], Rest::Map(&key[at + 1..]));
        }
        // Only `[n]` is a list; any other bracket is a letter like others.
        if c == '[' && at > 0 && index(&key[at..]).is_some() {
            return (&key[..at], Rest::List(&key[at..]));
        }
    }
    (key, Rest::End)
}

/// `[n]` and what follows it.
fn index(key: &str) -> Option<(usize, &str)> {
    let (digits, rest) = key.strip_prefix('[')?.split_once(']')?;
    let fits = digits.bytes().all(|b| b.is_ascii_digit())
        && (rest.is_empty() || rest.starts_with(['.', '[']));
    digits
        .parse()
        .ok()
        .filter(|_| fits)
        .map(|index| (index, rest))
}
