//! As much of Rust as can be read without a compiler.

use std::collections::BTreeMap;

use super::repository::{File, ending};

/// The source files of what runs: tests, test tools and the `mall` tool left out. With the text up to the file's unit tests.
pub fn sources() -> impl Iterator<Item = (&'static File, &'static str)> {
    ending(".rs")
        .filter(|file| {
            let place = file.path.split('/').next().unwrap();
            ["services", "gateway", "registry", "config-server", "shared"].contains(&place)
                && !file.path.starts_with("shared/testkit/")
                && !file.path.contains("/tests/")
                && file.name() != "tests.rs"
        })
        .map(|file| (file, without_tests(&file.text)))
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

/// The text within the parenthesis that opens at the end of `before`, and where it is found: for each place where `before`
/// stands and no letter goes before it.
pub fn arguments<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let starts = text
        .match_indices(before)
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    starts
        .map(|(at, _)| parenthesis(&text[at + before.len()..]))
        .collect()
}

/// Up to the parenthesis that closes.
fn parenthesis(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return &text[..at],
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    panic!("no end: {}", text.chars().take(80).collect::<String>())
}

/// Arguments, apart from each other.
pub fn split(arguments: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in arguments.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(arguments[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[from..].trim());
    parts
}

/// The text of a plain string literal, when this is one and nothing else.
pub fn literal(text: &str) -> Option<&str> {
    text.strip_prefix('"')?
        .strip_suffix('"')
        .filter(|inner| !inner.contains('"'))
}

/// Every `const NAME: &str = "value";`.
pub fn constants() -> BTreeMap<&'static str, &'static str> {
    let mut found = BTreeMap::new();
    for (_, text) in sources() {
        for rest in text.split("const ").skip(1) {
            if let Some((name, rest)) = rest.split_once(": &str = \"")
                && !name.contains(char::is_whitespace)
            {
                found.insert(name, rest.split('"').next().unwrap());
            }
        }
    }
    found
}

/// The fields and their types of each struct of a file.
pub fn structs(text: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut found = BTreeMap::new();
    for rest in text.split("struct ").skip(1) {
        let Some((name, rest)) = rest.split_once(" {\n") else {
            continue;
        };
        if name.contains(|c: char| !c.is_alphanumeric()) {
            continue;
        }
        let lines = rest.lines().take_while(|line| *line != "}").map(str::trim);
        let lines = lines.filter(|line| !line.starts_with(['/', '#']));
        let field = |line: &'_ str| {
            line.trim_start_matches("pub ")
                .trim_end_matches(',')
                .split_once(": ")
                .is_some()
        };
        let fields = lines.filter(|line| field(line)).map(|line| {
            line.trim_start_matches("pub ")
                .trim_end_matches(',')
                .split_once(": ")
                .unwrap()
        });
        found.insert(name, fields.collect());
    }
    found
}
