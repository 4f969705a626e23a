//! Documents point at what is there.

use super::markdown;
use super::repository::{ending, files, root};

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for document in ending(".md") {
        for link in markdown::links(&document.text) {
            let target = link.split('#').next().unwrap();
            let elsewhere =
                link.contains("://") || link.starts_with("mailto:") || target.is_empty();
            if !elsewhere && !root().join(document.folder()).join(target).exists() {
                wrong.push(format!("{}: {link}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "links to nothing:\n{}", wrong.join("\n"));
}

/// `app/place.rs` in a document is the end of some file's path.
#[test]
fn files_that_are_named_are_there() {
    let ends = [".rs", ".yml", ".md", ".lua", ".sql", ".toml", ".jsonl", "/"];
    let mut wrong = Vec::new();
    for document in ending(".md") {
        for name in markdown::code(&document.text) {
            let plain = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let is_path = name.contains('/')
                && !name.starts_with(['/', '.'])
                && ends.iter().any(|end| name.ends_with(end));
            let known = files().iter().any(|file| match name.strip_suffix('/') {
                Some(folder) => format!("/{}", file.path).contains(&format!("/{folder}/")),
                None => format!("/{}", file.path).ends_with(&format!("/{name}")),
            });
            if plain && is_path && !known {
                wrong.push(format!("{}: {name}", document.path));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "files that are not there:\n{}",
        wrong.join("\n")
    );
}
