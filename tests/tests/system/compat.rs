//! Every recorded exchange with the running original, taken to the mall: each answer is the original's, or falls under a
//! rule. An unlisted difference fails, and so does a rule or a listed difference that nothing needs.

mod compare;
mod differences;
mod exchange;
mod rules;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use mall_system_tests::Reply;

use differences::DIFFERENCES;
use exchange::Exchange;
use rules::{BESIDES, Difference, Instead, RULES};
use stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_exchange_is_answered_as_in_the_original_or_by_a_rule() {
    let stage = Stage::set().await;
    let mut failures = Vec::new();
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    let only = std::env::var("MALL_COMPAT_ONLY").ok();
    for exchange in exchange::all() {
        if only
            .as_deref()
            .is_some_and(|only| !exchange.name.contains(only))
        {
            continue;
        }
        let difference = DIFFERENCES
            .iter()
            .find(|difference| difference.exchange == exchange.name);
        let request = stage.prepare(&exchange).await;
        let reply = send(&stage, &exchange, &request).await;
        stage.clear(&exchange).await;
        let mut used = Vec::new();
        let as_original = compare::with_original(&exchange, &reply, &mut used);
        let wrong = match difference {
            None => as_original,
            Some(difference) => {
                *hits.entry(difference.exchange).or_default() += 1;
                if as_original.is_empty() && !matches!(difference.instead, Instead::Labelled(_)) {
                    failures.push(format!(
                        "{}: listed as different, but answered as in the original",
                        exchange.name
                    ));
                }
                used.clear();
                needed.extend(difference.rules);
                compare::with_rule(&exchange, &difference.instead, &reply, &mut used)
            }
        };
        needed.extend(used);
        if !wrong.is_empty() {
            failures.push(format!("{}\n    {}", exchange.name, wrong.join("\n    ")));
        }
    }
    if only.is_none() {
        for Difference {
            exchange, rules, ..
        } in DIFFERENCES
        {
            if hits.get(exchange) != Some(&1) {
                failures.push(format!("{exchange}: listed, but no exchange has this name"));
            }
            for rule in *rules {
                if !RULES.iter().any(|known| known.id == *rule) {
                    failures.push(format!("{exchange}: there is no rule {rule}"));
                }
            }
        }
        for rule in RULES {
            if !needed.contains(rule.id) {
                failures.push(format!("rule {}: no exchange needs it", rule.id));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} differences:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

async fn send(stage: &Stage, exchange: &Exchange, request: &stage::Request) -> Reply {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let base = request
        .base
        .clone()
        .unwrap_or_else(|| stage.shop.mall.gateway_url());
    stage
        .shop
        .send_to(
            &base,
            exchange.method.clone(),
            &request.path,
            &headers,
            request.body.clone(),
        )
        .await
}

/// `docs/differences.md` is made from the rules: `MALL_WRITE_DOCS=1 cargo mall test -p mall-system-tests differences`.
#[test]
fn the_document_of_differences_is_made_from_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/differences.md");
    let wanted = document();
    if std::env::var_os("MALL_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/differences.md is not what the rules say: run with MALL_WRITE_DOCS=1"
    );
}

fn document() -> String {
    let mut text = String::from(
        "# Where we differ from the original, on purpose\n\n\
         Made from `rules.rs` and `differences.rs` in `tests/tests/system/compat`; a test takes every recorded exchange with the running original to the\n\
         mall and fails for a difference that is not listed here, and for a rule that no exchange needs.\n",
    );
    for rule in RULES {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\nWhy: {}\n\n",
            rule.id, rule.what, rule.why
        );
        let listed: Vec<&Difference> = DIFFERENCES
            .iter()
            .filter(|d| d.rules.contains(&rule.id))
            .collect();
        match rule.id {
            "problem" => text.push_str("Applies to every error.\n"),
            "time" => text.push_str("Applies to every time in an answer.\n"),
            _ => {}
        }
        if listed.is_empty() {
            continue;
        }
        text.push_str("| recorded exchange | here |\n|---|---|\n");
        for difference in listed {
            let _ = writeln!(
                text,
                "| {} | {} |",
                difference.exchange.replace('|', "\\|"),
                here(&difference.instead)
            );
        }
    }
    text.push_str("\n## Besides\n\nNew, or not to be seen in the recorded exchanges:\n\n");
    for line in BESIDES {
        let _ = writeln!(text, "* {line}");
    }
    text
}

fn here(instead: &Instead) -> String {
    match instead {
        Instead::Problem(status, code) => format!("{status} `{code}`"),
        Instead::Json(_) => "200".to_owned(),
        Instead::Labelled(header) => format!("the same, but for `{header}`"),
        Instead::NoSuchState(status, code) => {
            format!("the state can't come about; {status} `{code}`")
        }
        Instead::NoSuchStateJson(_) => "the state can't come about; 200".to_owned(),
    }
}
