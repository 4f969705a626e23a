//! What the dashboards and the alerts ask Prometheus for is what the programs export.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mall_testkit::eventually;
use reqwest::Method;
use serde_json::Value;

use super::super::malls::{Town, run, shared};
use super::{SERVICES, exercise};

/// Prometheus puts them on everything that it scrapes; `exported_x` is the program's own `x` then.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];

const AGGREGATIONS: [&str; 10] = [
    "sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "group", "stddev",
];
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// `name{label="value"}` in an expression.
#[derive(Debug, PartialEq)]
struct Selector {
    metric: String,
    /// Label, operator, value.
    matchers: Vec<(String, String, String)>,
}

/// What an expression needs.
#[derive(Debug, Default, PartialEq)]
struct Needs {
    selectors: Vec<Selector>,
    /// Labels that results are grouped by.
    groups: Vec<String>,
}

/// One line of a program's metrics.
#[derive(Debug)]
struct Sample {
    job: &'static str,
    metric: String,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = expression.chars().peekable();
    while let Some(sign) = rest.next() {
        if sign.is_alphanumeric() || sign == '_' {
            let mut word = String::from(sign);
            while let Some(more) =
                rest.next_if(|more| more.is_alphanumeric() || matches!(more, '_' | ':' | '.'))
            {
                word.push(more);
            }
            found.push(Token::Word(word));
        } else if sign == '"' {
            let mut text = String::new();
            while let Some(more) = rest.next_if(|more| *more != '"') {
                text.push(more);
                if more == '\\' {
                    text.extend(rest.next());
                }
            }
            rest.next();
            found.push(Token::Text(text));
        } else if !sign.is_whitespace() {
            found.push(Token::Sign(sign));
        }
    }
    found
}

fn needs(expression: &str) -> Needs {
    let tokens = tokens(expression);
    let mut needs = Needs::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            // A range: `[5m]`.
            Token::Sign('[') => {
                at += until(&tokens[at..], ']').len() + 1;
            }
            Token::Word(word) if GROUPINGS.contains(&word.as_str()) => {
                let labels = until(&tokens[at..], ')');
                at += labels.len() + 1;
                let words = labels.iter().filter_map(|label| match label {
                    Token::Word(word) => Some(word.clone()),
                    _ => None,
                });
                needs.groups.extend(words);
            }
            Token::Word(word) => {
                let called = tokens.get(at) == Some(&Token::Sign('('));
                let known = AGGREGATIONS.contains(&word.as_str()) || WORDS.contains(&word.as_str());
                if called || known || word.starts_with(|first: char| first.is_ascii_digit()) {
                    continue;
                }
                let mut matchers = Vec::new();
                if tokens.get(at) == Some(&Token::Sign('{')) {
                    let inside = until(&tokens[at..], '}');
                    at += inside.len() + 1;
                    matchers = inside[1..]
                        .split(|token| *token == Token::Sign(','))
                        .filter(|matcher| !matcher.is_empty())
                        .map(matcher)
                        .collect();
                }
                needs.selectors.push(Selector {
                    metric: word.clone(),
                    matchers,
                });
            }
            _ => {}
        }
    }
    needs
}

fn until(tokens: &[Token], end: char) -> &[Token] {
    let ends = tokens.iter().position(|token| *token == Token::Sign(end));
    &tokens[..ends.unwrap_or_else(|| panic!("no {end} in {tokens:?}"))]
}

fn matcher(tokens: &[Token]) -> (String, String, String) {
    let [Token::Word(label), signs @ .., Token::Text(value)] = tokens else {
        panic!("{tokens:?} is no matcher");
    };
    let signs = signs.iter().map(|sign| match sign {
        Token::Sign(sign) => *sign,
        other => panic!("{other:?} in {tokens:?}"),
    });
    (label.clone(), signs.collect(), value.clone())
}

fn samples(job: &'static str, text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| {
            let needs = needs(line.rsplit_once(' ').map_or(line, |(sample, _)| sample));
            needs.selectors.into_iter().map(move |selector| Sample {
                job,
                metric: selector.metric,
                labels: selector
                    .matchers
                    .into_iter()
                    .map(|(label, _, value)| (label, value))
                    .collect(),
            })
        })
        .collect()
}

/// What no program exports of an expression.
fn missing(expression: &str, exported: &[Sample], jobs: &BTreeSet<&str>) -> Vec<String> {
    let needs = needs(expression);
    let mut missing = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::from(OF_PROMETHEUS);
    for Selector { metric, matchers } in &needs.selectors {
        for (label, operator, value) in matchers {
            let named = label == "job" && operator == "=";
            if named && !jobs.contains(value.as_str()) {
                missing.push(format!("no job is called {value}"));
            }
        }
        if metric == "up" {
            continue;
        }
        let fits = |sample: &&Sample| {
            sample.metric == *metric
                && matchers.iter().all(|(label, operator, value)| {
                    if label == "job" {
                        return operator != "=" || sample.job == value;
                    }
                    let own = label.strip_prefix("exported_").unwrap_or(label);
                    let has = sample.labels.get(own);
                    has.is_some_and(|has| operator != "=" || has == value)
                        || OF_PROMETHEUS.contains(&label.as_str())
                })
        };
        let found: Vec<&Sample> = exported.iter().filter(fits).collect();
        if found.is_empty() {
            missing.push(format!("no program exports {metric} {matchers:?}"));
        }
        seen.extend(
            found
                .iter()
                .flat_map(|sample| sample.labels.keys().map(String::as_str)),
        );
    }
    for group in &needs.groups {
        let own = group.strip_prefix("exported_").unwrap_or(group);
        if !seen.contains(own) {
            missing.push(format!("nothing there has the label {group}"));
        }
    }
    missing
}

fn deploy(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("deploy/compose").join(path)
}

/// Where it stands, and the expression.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(deploy("grafana/dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        of_dashboard(&name, &dashboard, &mut found);
    }
    let rules = fs::read_to_string(deploy("prometheus/rules.yml")).unwrap();
    found.extend(of_rules(&rules));
    found
}

fn of_dashboard(place: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let place = match fields.get("title").and_then(Value::as_str) {
                Some(title) => format!("{place}, {title}"),
                None => place.to_owned(),
            };
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("expr", Value::String(expression)) => {
                        found.push((place.clone(), expression.clone()));
                    }
                    _ => of_dashboard(&place, value, found),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| of_dashboard(place, item, found)),
        _ => {}
    }
}

fn of_rules(rules: &str) -> Vec<(String, String)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    let mut alert = "";
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((_, name)) = line.split_once("alert: ") {
            alert = name;
        }
        let Some((_, first)) = line.split_once("expr: ") else {
            continue;
        };
        let mut expression = first.trim_start_matches('|').to_owned();
        while let Some(more) = lines.next_if(|more| indent(more) > indent(line)) {
            expression.push('\n');
            expression.push_str(more);
        }
        found.push((format!("rules.yml, {alert}"), expression));
    }
    found
}

async fn exported(town: &Town) -> Vec<Sample> {
    let mall = &town.shop.mall;
    let mut at: Vec<(&'static str, String)> = SERVICES
        .into_iter()
        .chain(["gateway"])
        .map(|job| (job, mall.url(job)))
        .collect();
    // What a leader alone knows.
    at.extend(["orders", "stock"].map(|job| (job, mall.url(&format!("{job}-2")))));
    at.push(("registry", mall.registry_url()));
    at.push(("config-server", mall.config_server_url()));
    let mut all = Vec::new();
    for (job, url) in at {
        let path = "/actuator/prometheus";
        let reply = town.shop.send_to(&url, Method::GET, path, &[], None).await;
        all.extend(samples(job, &reply.expect(200).text));
    }
    all
}

#[test]
fn dashboards_and_alerts_ask_for_what_is_exported() {
    run(async {
        let town = shared().await;
        exercise(&town).await;
        let asked = expressions();
        assert!(asked.len() > 40, "only {} expressions", asked.len());
        let config = fs::read_to_string(deploy("prometheus/prometheus.yml")).unwrap();
        let jobs: BTreeSet<&str> = config
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- job_name: "))
            .collect();
        assert_eq!(jobs.len(), SERVICES.len() + 3, "{jobs:?}");
        // Some are known only when a job has run.
        eventually(Duration::from_secs(30), || async {
            let exported = exported(&town).await;
            let wrong: Vec<String> = asked
                .iter()
                .flat_map(|(place, expression)| {
                    let missing = missing(expression, &exported, &jobs);
                    missing
                        .into_iter()
                        .map(move |what| format!("{place}: {what}"))
                })
                .collect();
            if wrong.is_empty() { Ok(()) } else { Err(wrong) }
        })
        .await;
    });
}

#[test]
fn a_wrong_name_in_an_expression_is_found() {
    let exported = samples(
        "orders",
        "# HELP a_total x\na_total{b=\"c, d\",e=\"1\"} 2\nf_seconds 1.5e-3\n",
    );
    let jobs = BTreeSet::from(["orders"]);
    let faults = |expression: &str| missing(expression, &exported, &jobs).len();
    for good in [
        "sum by (e, job) (rate(a_total{b=\"c, d\",job=\"orders\"}[5m])) / 2 > 0.01 or vector(0)",
        "max(f_seconds) unless absent(up{job=\"orders\"})",
        "rate(a_total{e=~\"1|2\"}[30s]) * on (instance) group_left () f_seconds",
    ] {
        assert_eq!(faults(good), 0, "{good}");
    }
    for wrong in [
        "sum(rate(b_total[5m]))",
        "a_total{b=\"d\"}",
        "a_total{g!=\"d\"}",
        "f_seconds{job=\"stock\"}",
        "absent(up{job=\"stock\"})",
        "sum by (g) (a_total)",
    ] {
        assert!(faults(wrong) > 0, "{wrong}");
    }
}
