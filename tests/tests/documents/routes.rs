//! Each program's `README.md` has what a reader looks for, and exactly the routes of the sources.

use std::collections::BTreeSet;

use super::repository::{File, file, files};
use super::{markdown, rust};

const PLATFORM: [&str; 3] = ["gateway", "registry", "config-server"];

/// What each of them tells, as a heading or in bold.
const PARTS: [&str; 7] = [
    "Owns",
    "Promises",
    "Routes",
    "Calls",
    "Jobs",
    "Settings",
    "When something is away",
];

fn programs() -> Vec<String> {
    let services = files().iter().filter_map(|file| {
        let service = file
            .path
            .strip_prefix("services/")?
            .strip_suffix("/defaults.yml")?;
        Some(format!("services/{service}"))
    });
    let programs: Vec<String> = services.chain(PLATFORM.map(str::to_owned)).collect();
    assert_eq!(programs.len(), 9, "{programs:?}");
    programs
}

fn readme(program: &str) -> &'static File {
    file(&format!("{program}/README.md"))
}

#[test]
fn each_program_says_what_it_is() {
    let mut missing = Vec::new();
    for program in programs() {
        let text = &readme(&program).text;
        let absent = PARTS.iter().filter(|part| {
            !text.contains(&format!("**{part}")) && !text.contains(&format!("## {part}"))
        });
        missing
            .extend(absent.map(|part| format!("{program}/README.md says nothing under {part:?}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn each_program_lists_its_routes() {
    let mut wrong = Vec::new();
    for program in programs() {
        let (in_code, written) = (routes(&program), written(&program));
        assert!(!in_code.is_empty(), "no routes found in {program}");
        wrong.extend(
            in_code
                .difference(&written)
                .map(|route| format!("{program}/README.md lacks `{route}`")),
        );
        wrong.extend(
            written
                .difference(&in_code)
                .map(|route| format!("{program}/README.md: there is no `{route}`")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn written(program: &str) -> BTreeSet<String> {
    let code = markdown::code(&readme(program).text).into_iter();
    let routes = code.filter_map(|code| {
        let (method, rest) = code.split_once(' ')?;
        let is_method = ["GET", "POST", "PUT", "DELETE", "PATCH"].contains(&method);
        let path = rest.split(['?', ' ']).next()?;
        (is_method && path.starts_with('/')).then(|| format!("{method} {path}"))
    });
    routes.collect()
}

fn routes(program: &str) -> BTreeSet<String> {
    let sources =
        rust::sources().filter(|(file, _)| file.path.starts_with(&format!("{program}/src/")));
    match program {
        "registry" => eureka(),
        // It has no routes that are described: it joins the descriptions of the others.
        "gateway" => sources.flat_map(|(_, text)| plain(text)).collect(),
        _ => sources.flat_map(|(_, text)| described(text)).collect(),
    }
}

fn described(text: &str) -> Vec<String> {
    let routes = rust::arguments(text, "utoipa::path(")
        .into_iter()
        .map(|described| {
            let parts = rust::split(described);
            let path = parts
                .iter()
                .find_map(|part| rust::literal(part.strip_prefix("path = ")?));
            format!("{} {}", parts[0].to_uppercase(), path.expect(described))
        });
    routes.collect()
}

fn plain(text: &str) -> Vec<String> {
    let routes = rust::arguments(text, "route(")
        .into_iter()
        .filter_map(|route| {
            let parts = rust::split(route);
            let path = rust::literal(parts[0]).filter(|path| path.starts_with('/'))?;
            parts[1].starts_with("get(").then(|| format!("GET {path}"))
        });
    routes.collect()
}

/// The registry's table: a path, and what its `Allow` says.
fn eureka() -> BTreeSet<String> {
    let text = &file("registry/src/routes.rs").text;
    let table = text
        .split("fn table()")
        .nth(1)
        .unwrap()
        .split("\n}\n")
        .next()
        .unwrap();
    let words: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    let mut routes = BTreeSet::new();
    for pair in words.chunks(2) {
        let methods = pair[1].split(',').filter(|method| *method != "OPTIONS");
        routes.extend(methods.map(|method| format!("{method} /eureka{}", pair[0])));
    }
    routes
}
