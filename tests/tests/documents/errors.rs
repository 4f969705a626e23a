//! `docs/errors.md` has every problem code that the sources have, with the same status and the same programs.

use std::collections::{BTreeMap, BTreeSet};

use super::repository::file;
use super::{markdown, rust};

const EVERYBODY: &str = "every program";

/// Statuses, and who says it.
type Said = BTreeMap<String, (BTreeSet<u16>, BTreeSet<String>)>;

/// Files that pass on what others say.
const PASSED_ON: [&str; 2] = [
    "shared/problem/src/problem.rs",
    "shared/problem/src/remote.rs",
];

#[test]
fn the_document_has_every_code_of_the_sources_and_no_other() {
    let (sources, document) = (in_sources(), in_document());
    assert!(sources.len() > 40, "only {} codes found", sources.len());
    let mut wrong = Vec::new();
    for (code, said) in &sources {
        match document.get(code) {
            None => wrong.push(format!("{code} {said:?} is not in docs/errors.md")),
            Some(told) if told != said => wrong.push(format!(
                "{code}: the sources say {said:?}, docs/errors.md {told:?}"
            )),
            Some(_) => {}
        }
    }
    let gone = document.keys().filter(|code| !sources.contains_key(*code));
    wrong
        .extend(gone.map(|code| format!("{code} is in docs/errors.md and nowhere in the sources")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn in_document() -> Said {
    let rows = markdown::rows(
        &file("docs/errors.md").text,
        &["code", "status", "from", "when", "then"],
    );
    let mut said = Said::new();
    for row in rows {
        let code = row[0].trim_matches('`').to_owned();
        assert!(
            row.iter().all(|cell| !cell.is_empty()),
            "{code}: an empty cell"
        );
        let status = row[1]
            .split(", ")
            .map(|status| status.parse().expect(&code))
            .collect();
        let from = row[2].split(", ").map(str::to_owned).collect();
        assert!(
            said.insert(code.clone(), (status, from)).is_none(),
            "{code} is there twice"
        );
    }
    said
}

fn in_sources() -> Said {
    let constants = rust::constants();
    let mut said = Said::new();
    for (file, text) in rust::sources() {
        let mut note = |constructor: &str, arguments: &str| {
            let arguments = rust::split(arguments);
            let (status, code) = match constructor {
                "new" => (arguments[0], arguments[1]),
                other => (other, arguments[0]),
            };
            let code =
                rust::literal(code).or_else(|| constants.get(code.rsplit("::").next()?).copied());
            match code {
                Some(code) => {
                    let (statuses, from) = said.entry(code.to_owned()).or_default();
                    statuses.insert(status_of(status));
                    from.insert(program(&file.path));
                }
                None => assert!(
                    PASSED_ON.contains(&file.path.as_str()),
                    "{}: a code that can't be read: {arguments:?}",
                    file.path
                ),
            }
        };
        for constructor in [
            "new",
            "invalid",
            "unauthenticated",
            "forbidden",
            "not_found",
            "not_acceptable",
            "conflict",
            "unavailable",
        ] {
            for arguments in rust::arguments(text, &format!("Problem::{constructor}(")) {
                note(constructor, arguments);
            }
        }
    }
    for (_, from) in said.values_mut() {
        if from.contains(EVERYBODY) {
            *from = [EVERYBODY.to_owned()].into();
        }
    }
    said
}

fn program(path: &str) -> String {
    let mut parts = path.split('/');
    match parts.next().unwrap() {
        "services" => parts.next().unwrap().to_owned(),
        "shared" => EVERYBODY.to_owned(),
        other => other.to_owned(),
    }
}

fn status_of(kind: &str) -> u16 {
    match kind.trim_start_matches("ErrorKind::") {
        "invalid" | "Invalid" => 400,
        "unauthenticated" | "Unauthenticated" => 401,
        "forbidden" | "Forbidden" => 403,
        "not_found" | "NotFound" => 404,
        "MethodNotAllowed" => 405,
        "not_acceptable" | "NotAcceptable" => 406,
        "conflict" | "Conflict" => 409,
        "TooLarge" => 413,
        "UriTooLong" => 414,
        "UnsupportedMediaType" => 415,
        "Unprocessable" => 422,
        "TooMany" => 429,
        "HeadersTooLarge" => 431,
        "Internal" => 500,
        "BadGateway" => 502,
        "unavailable" | "Unavailable" => 503,
        "Timeout" => 504,
        other => panic!("a kind of problem that is new here: {other}"),
    }
}
