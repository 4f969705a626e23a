//! Dependencies between the crates point one way: the block in `ARCHITECTURE.md` is the rule.

use std::collections::{BTreeMap, BTreeSet};

use super::markdown;
use super::repository::{ending, file};

/// What a service's contract may use, whatever its tier may.
const OF_AN_API: [&str; 3] = ["shared/types", "shared/problem", "shared/http-client"];

/// Folder of each crate, and the folders of the crates of ours that it needs (not: that its tests need).
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let manifests = ending("Cargo.toml").filter(|manifest| manifest.text.contains("[package]"));
    let manifests: Vec<_> = manifests.collect();
    let named: BTreeMap<&str, &str> = manifests
        .iter()
        .map(|manifest| {
            let name = manifest
                .text
                .lines()
                .find_map(|line| line.strip_prefix("name = "));
            (name.unwrap().trim_matches('"'), manifest.folder())
        })
        .collect();
    let mut crates = BTreeMap::new();
    for manifest in manifests {
        let mut needs = BTreeSet::new();
        let mut section = "";
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                section = line.trim_matches(['[', ']']);
                continue;
            }
            let counts =
                section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            let name = line.split(['.', ' ', '=']).next().unwrap();
            if counts && let Some(folder) = named.get(name) {
                needs.insert((*folder).to_owned());
            }
        }
        crates.insert(manifest.folder().to_owned(), needs);
    }
    assert!(crates.len() > 25, "{:?}", crates.keys());
    crates
}

/// Each line's folders, the lowest first.
fn tiers() -> Vec<Vec<String>> {
    let text = &file("ARCHITECTURE.md").text;
    let block = markdown::blocks(text)
        .into_iter()
        .find(|block| block.trim_start().starts_with("tier 0"));
    let lines = block
        .expect("the tiers")
        .lines()
        .filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let line = line.split("->").next().unwrap();
            let names = line.split_once("  ").expect(line).1;
            names.split(',').map(|name| folder(name.trim())).collect()
        })
        .collect()
}

fn folder(name: &str) -> String {
    match name {
        "gateway" | "registry" | "config-server" | "tests" | "mall" | "audit" | "load"
        | "mail-catcher" => name.to_owned(),
        _ if name.starts_with("services/") => name.to_owned(),
        _ => format!("shared/{name}"),
    }
}

fn is(pattern: &str, folder: &str) -> bool {
    let (pattern, folder): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), folder.split('/').collect());
    pattern.len() == folder.len()
        && pattern
            .iter()
            .zip(&folder)
            .all(|(pattern, part)| *pattern == "*" || pattern == part)
}

#[test]
fn dependencies_point_one_way() {
    let (crates, tiers) = (crates(), tiers());
    let tier = |folder: &str| {
        tiers
            .iter()
            .position(|tier| tier.iter().any(|pattern| is(pattern, folder)))
    };
    let tests = tiers.len() - 1;
    let mut wrong = Vec::new();
    for (folder, needs) in &crates {
        let Some(own) = tier(folder) else {
            wrong.push(format!("{folder} stands in no tier of ARCHITECTURE.md"));
            continue;
        };
        for need in needs {
            let api = folder.ends_with("/api") && !OF_AN_API.contains(&need.as_str());
            if api || (own != tests && tier(need) >= Some(own)) {
                wrong.push(format!("{folder} may not need {need}"));
            }
        }
    }
    for pattern in tiers.iter().flatten() {
        if !crates.keys().any(|folder| is(pattern, folder)) {
            wrong.push(format!("ARCHITECTURE.md: there is no crate {pattern}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
