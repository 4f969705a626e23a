//! Every exchange that was recorded from Spring Cloud Config Server 4.1.0, against ours over the same files.
//!
//! Most were recorded from its git back end. Ours reads the same folder, so the answers are the same but for the two things
//! that [`as_a_folder_answers`] rewrites. What else differs stands in [`RULES`] with its reason; a difference that is not
//! there fails, and so does a rule that nothing needs.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::support::{BASIC, ask, golden_folder, login, serve, settings};

struct Rule {
    names: &'static [&'static str],
    why: &'static str,
    /// What we answer instead; 0 where it does not matter.
    status: u16,
}

const RULES: &[Rule] = &[
    Rule {
        names: &[
            "env-label-branch-slash",
            "env-label-tag",
            "env-label-unknown",
            "env-label-encoded-slash",
            "env-empty-sources",
            "env-accept-1",
            "env-accept-3",
            "env-accept-4",
            "merged-emptylabel-yml",
            "merged-emptylabel-properties",
            "merged-emptylabel-json",
            "merged-label-branch",
            "merged-label-unknown",
            "noempty-env",
            "noempty-yml",
            "over-empty",
        ],
        why: "labels of a git store are commits; a folder knows a label only as a sub-folder, and an unknown one is the folder itself",
        status: 200,
    },
    Rule {
        names: &["env-label-commit"],
        why: "recorded with a commit id in the path, which the record does not keep",
        status: 200,
    },
    Rule {
        names: &["env-accept-6", "env-accept-7", "env-accept-8"],
        why: "Spring falls through to plain-text resources, which are not served; the client's Accept is the mistake: 406",
        status: 406,
    },
    Rule {
        names: &["env-odd-empty-profile", "env-odd-star-profile"],
        why: "a client's mistake is 400, never 500",
        status: 400,
    },
    Rule {
        names: &["env-stem-order", "merged-stem-yml"],
        why: ".xml property files are not read",
        status: 200,
    },
    Rule {
        names: &[
            "merged-place-yml",
            "merged-place-properties",
            "merged-place-json",
        ],
        why: "Spring replaces placeholders in the finished text: an unclosed ${ spoils the next ones, and a quote breaks the JSON",
        status: 200,
    },
    Rule {
        names: &[
            "text-plain",
            "text-profile-suffix",
            "text-default-label",
            "text-default-label-value",
            "text-unresolved",
            "text-subdir",
            "text-missing",
            "text-label-unknown",
            "text-label-branch",
            "text-json",
            "text-yaml-cipher-kept",
            "text-config-file-itself",
            "text-html",
            "text-no-ext",
            "text-utf8",
            "text-directory",
            "text-dotdot-out",
            "text-dotdot-encoded",
            "text-dotdot-encoded-slash",
            "text-dotdot-double-encoded",
            "text-dotdot-inside",
            "text-url-scheme",
            "text-web-inf",
            "text-label-dotdot",
            "text-accept-0",
            "text-accept-1",
            "text-accept-2",
            "text-accept-3",
            "text-accept-4",
            "text-accept-5",
            "text-not-modified",
            "native-text",
            "native-text-label",
            "text-no-label-param",
        ],
        why: "plain-text resources are not served: no service of the mall reads any",
        status: 0,
    },
    Rule {
        names: &["decrypt-too-short"],
        why: "a client's mistake is 400, never 500",
        status: 400,
    },
    Rule {
        names: &["decrypt-error-accept-text"],
        why: "an error that cannot be told as text is told as JSON, with its own status",
        status: 400,
    },
    Rule {
        names: &["nokey-status", "nokey-encrypt", "nokey-decrypt"],
        why: "without a key the endpoints are not there: 404 NO_KEY, as older servers answered",
        status: 404,
    },
    Rule {
        names: &["health-up", "health-down", "health-native"],
        why: "the endpoint is the shared actuator's; the component is tested beside its code",
        status: 0,
    },
];

/// What differs because the store is a folder: no commit, and another form of the sources' names.
fn as_a_folder_answers(body: &str) -> String {
    let mut body = body.replace("\"version\":\"<commit>\"", "\"version\":null");
    let multi = "file:///config-repo/Config resource 'file [/config-repo/";
    while let Some(at) = body.find(multi) {
        let tail = at + multi.len();
        let end = tail + body[tail..].find("' via location ''").unwrap();
        let file = body[tail..end].to_owned();
        let folder = if file.starts_with("inner/") {
            "inner/"
        } else {
            ""
        };
        let after = end + "' via location ''".len();
        let named = format!(
            "Config resource 'file [/config-repo/{file}]' via location 'file:/config-repo/{folder}'"
        );
        body.replace_range(at..after, &named);
    }
    body.replace("file:///config-repo/", "file:/config-repo/")
}

fn servers() -> BTreeMap<&'static str, Router> {
    let root = golden_folder().join("config-repo");
    let inner = root.join("inner");
    let with_login = |mut server: mall_config_server::ServerSettings| {
        server.login = Some(login());
        server
    };
    let plain = || with_login(settings(&[&root]));
    let mut without_key = plain();
    without_key.encryptor = None;
    without_key.accept_empty = false;
    let mut overriding = with_login(settings(&[&root, &inner]));
    overriding.decrypt = false;
    overriding.overrides = vec![
        ("common.who".to_owned(), "forced".to_owned()),
        ("ov.n".to_owned(), "1".to_owned()),
    ];
    BTreeMap::from([
        ("git", serve(plain())),
        ("native", serve(plain())),
        ("git-nokey-noempty", serve(without_key)),
        ("git-overrides-noencrypt", serve(overriding)),
    ])
}

/// Status, the headers that count, body.
type Shown = (u16, BTreeMap<String, String>, String);

fn recorded(exchange: &Value) -> Shown {
    let response = &exchange["response"];
    let mut headers: BTreeMap<String, String> = response["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
        .collect();
    headers.remove("last-modified");
    let body = response["body"].as_str().unwrap();
    let body = match exchange["server"].as_str().unwrap() {
        "native" => body.to_owned(),
        _ => as_a_folder_answers(body),
    };
    (response["status"].as_u64().unwrap() as u16, headers, body)
}

async fn answered(servers: &BTreeMap<&str, Router>, exchange: &Value) -> Shown {
    let sent = &exchange["request"];
    let mut request = Request::builder()
        .method(sent["method"].as_str().unwrap())
        .uri(
            sent["path"]
                .as_str()
                .unwrap()
                .replace("<commit>", &"0".repeat(40)),
        )
        .header("Authorization", BASIC);
    for (name, value) in sent["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = sent["body"].as_str().unwrap().to_owned();
    let server = &servers[exchange["server"].as_str().unwrap()];
    let answer = ask(server, request.body(Body::from(body)).unwrap()).await;

    let headers = ["content-type", "allow"]
        .into_iter()
        .filter_map(|name| {
            answer
                .header(name)
                .map(|value| (name.to_owned(), value.to_owned()))
        })
        .collect();
    let mut body = answer.body;
    if sent["method"] == "HEAD" {
        body.clear();
    }
    let root = golden_folder().join("config-repo");
    body = body.replace(&root.display().to_string(), "/config-repo");
    if let Some(at) = body.find("{\"timestamp\":\"") {
        let start = at + "{\"timestamp\":\"".len();
        let end = start + body[start..].find('"').unwrap();
        body.replace_range(start..end, "<now>");
    }
    if body.len() == 64 && body.bytes().all(|b| b.is_ascii_hexdigit()) {
        body = "<hex64>".to_owned();
    }
    (answer.status.as_u16(), headers, body)
}

#[tokio::test]
async fn answers_are_springs_or_a_listed_difference() {
    let servers = servers();
    let text =
        std::fs::read_to_string(golden_folder().join("spring-config-captures.jsonl")).unwrap();
    let exchanges: Vec<Value> = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(exchanges.len() > 200, "the record is not whole");

    let mut wrong = Vec::new();
    let mut same = 0;
    let mut listed: Vec<&str> = RULES.iter().flat_map(|rule| rule.names).copied().collect();
    for exchange in &exchanges {
        let name = exchange["name"].as_str().unwrap();
        let expected = recorded(exchange);
        let found = answered(&servers, exchange).await;
        let rule = RULES.iter().find(|rule| rule.names.contains(&name));
        listed.retain(|listed| *listed != name);
        match rule {
            None if expected == found => same += 1,
            None => wrong.push(format!(
                "{name}: not listed\n  expected {expected:?}\n  found    {found:?}"
            )),
            Some(rule) if expected == found => {
                wrong.push(format!(
                    "{name}: answered as recorded, so this rule is not needed: {}",
                    rule.why
                ));
            }
            Some(rule) if rule.status != 0 && rule.status != found.0 => {
                wrong.push(format!(
                    "{name}: expected {} ({}), found {}",
                    rule.status, rule.why, found.0
                ));
            }
            Some(_) => {}
        }
    }
    wrong.extend(
        listed
            .iter()
            .map(|name| format!("{name}: listed, but there is no such exchange")),
    );
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        exchanges.len(),
        wrong.join("\n")
    );
    println!(
        "{same} of {} exchanges answered as recorded",
        exchanges.len()
    );
}
