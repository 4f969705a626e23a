//! The shape of the code that `CONTRIBUTING.md` asks for, as far as names and sizes show it.

use super::repository::{File, ending};

/// Most lines of a Rust file.
const MOST_LINES: usize = 800;

/// Names that say nothing.
const SAYS_NOTHING: [&str; 10] = [
    "utils", "util", "common", "helpers", "helper", "misc", "manager", "core", "base", "stuff",
];

fn all(wrong: impl Fn(&File) -> Option<String>) {
    let found: Vec<String> = ending(".rs").filter_map(wrong).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_module_is_a_file_of_its_name() {
    all(|file| (file.name() == "mod.rs").then(|| file.path.clone()));
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    all(|file| {
        let bad = |part: &str| SAYS_NOTHING.contains(&part.trim_end_matches(".rs"));
        let inline = |line: &str| {
            let module = line
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ")
                .strip_prefix("mod ")?;
            let name = module.split([' ', ';', '{']).next()?;
            bad(name).then(|| format!("{}: mod {name}", file.path))
        };
        let named = file
            .path
            .split('/')
            .find(|part| bad(part))
            .map(|_| file.path.clone());
        named.or_else(|| file.text.lines().find_map(|line| inline(line.trim_start())))
    });
}

#[test]
fn no_file_is_too_long_to_be_read() {
    all(|file| {
        let lines = file.text.lines().count();
        (lines > MOST_LINES).then(|| format!("{} has {lines} lines", file.path))
    });
}

#[test]
fn no_test_is_left_out() {
    // Put together, so that this line is no hit.
    let ignored = concat!("#[", "ignore");
    all(|file| file.text.contains(ignored).then(|| file.path.clone()));
}
