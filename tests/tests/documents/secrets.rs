//! Nothing in the repository belongs to one machine, or is a secret.

use std::path::Path;

use mall_spring_config::yaml;

use super::repository::{File, ending, files, root};

/// Recorded from other programs, with their paths and demo values in them.
const RECORDED: &str = "config-server/tests/golden/";

fn none(what: &str, wrong: impl Fn(&File) -> Option<String>) {
    let found: Vec<String> = files()
        .iter()
        .filter(|file| file.path != "Cargo.lock" && !file.path.starts_with(RECORDED))
        .filter_map(|file| wrong(file).map(|hit| format!("{}: {hit}", file.path)))
        .collect();
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// Whether a folder is named: nothing that could be a part of a longer name stands before or after it.
fn names(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || "._-/".contains(c);
        let longer = |c: char| c.is_alphanumeric() || "._-".contains(c);
        !text[..at].ends_with(part) && !text[at + folder.len()..].starts_with(longer)
    })
}

// The words below are put together, so that this file is no hit.

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    let mut folders = vec![concat!("/", "work").to_owned()];
    // Where this clone lies, and the home folder: a folder at the root of the disk may be named for other reasons.
    let home = std::env::var("HOME").unwrap_or_default();
    let here = [root(), Path::new(&home).to_owned()];
    folders.extend(
        here.iter()
            .filter(|folder| folder.components().count() > 2)
            .map(|folder| folder.display().to_string()),
    );
    let homes = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("C:", "\\"),
    ];
    none("folders of a machine", |file| {
        let folder = folders
            .iter()
            .find(|folder| names(&file.text, folder))
            .map(String::as_str);
        // Not `https://host/home/`: the slash must begin a path.
        let home = homes.into_iter().find(|home| {
            let mut hits = file.text.match_indices(home);
            hits.any(|(at, _)| {
                !file.text[..at].ends_with(|c: char| c.is_alphanumeric() || "/._-}".contains(c))
            })
        });
        folder.or(home).map(str::to_owned)
    });
}

#[test]
fn no_file_names_a_package_registry() {
    let hosts = [
        concat!("crates", ".io"),
        concat!("index.", "crates"),
        concat!("docker", ".io"),
        concat!("gh", "cr.io"),
        concat!("quay", ".io"),
        concat!("gcr", ".io"),
        concat!("npm", "js."),
        concat!("pypi", ".org"),
        concat!("proxy.", "golang"),
        concat!("deb.", "debian"),
        concat!("security.", "debian"),
        concat!("repo.", "maven"),
        concat!("rsproxy", ".cn"),
        concat!("arti", "factory"),
    ];
    none("package registries", |file| {
        hosts
            .into_iter()
            .find(|host| file.text.contains(host))
            .map(str::to_owned)
    });
}

/// Every crate of others comes from where all the world gets it.
#[test]
fn the_lock_file_knows_one_source() {
    let lock = files()
        .iter()
        .find(|file| file.path == "Cargo.lock")
        .unwrap();
    let public = concat!(
        "source = \"registry+https://github.com/rust-lang/crates",
        ".io-index\""
    );
    let other = lock
        .text
        .lines()
        .find(|line| line.starts_with("source = ") && *line != public);
    assert_eq!(other, None);
}

#[test]
fn no_file_holds_a_key_of_the_world_outside() {
    let marks = [
        concat!("PRIVATE ", "KEY-----"),
        concat!("AK", "IA"),
        concat!("gh", "p_"),
        concat!("github_", "pat_"),
        concat!("xo", "xb-"),
        concat!("sk", "_live_"),
        concat!("AI", "za"),
    ];
    none("secrets", |file| {
        marks.into_iter().find_map(|mark| {
            let mut hits = file.text.match_indices(mark);
            // A mark that goes on as keys do; prose does not.
            let long = |rest: &str| {
                rest.chars()
                    .take_while(|c| c.is_ascii_alphanumeric())
                    .count()
                    >= 12
            };
            let hit =
                hits.any(|(at, _)| mark.ends_with('-') || long(&file.text[at + mark.len()..]));
            hit.then(|| mark.to_owned())
        })
    });
}

/// A secret in a settings file is encrypted, a placeholder, or a demo value, which works in the profile `local` only.
#[test]
fn settings_files_hold_demo_secrets_only() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in ending(".yml").filter(|file| !file.path.starts_with(RECORDED)) {
        for document in yaml::documents(&file.text).expect(&file.path) {
            for property in document.properties {
                let key = property.key.to_lowercase();
                let last = key.rsplit('.').next().unwrap_or_default();
                let secret = key.contains(".keys.")
                    || ["key", "token"].contains(&last)
                    || ["secret", "password"]
                        .iter()
                        .any(|word| last.contains(word))
                        && !key.contains(".password.");
                if !secret {
                    continue;
                }
                seen += 1;
                let value = property.value.to_text();
                let encrypted =
                    value.starts_with("{cipher}") && file.path.starts_with("config-repo/");
                if !encrypted
                    && !value.starts_with("demo-")
                    && !value.starts_with("${")
                    && !value.is_empty()
                {
                    wrong.push(format!("{}: {}", file.path, property.key));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "secrets in clear:\n{}", wrong.join("\n"));
    assert!(seen >= 5, "only {seen} secrets were looked at");
}
