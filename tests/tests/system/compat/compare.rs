//! Whether an answer is the original's, or what a rule says.

use mall_system_tests::Reply;
use serde_json::Value;

use super::exchange::Exchange;
use super::rules::Instead;

/// Values that must be equal, not only of the same type: the rest depends on the run.
const SAME: [&str; 9] = [
    "statusCode",
    "success",
    "http_status",
    "token_type",
    "roles",
    "isLimitedEdition",
    "isOpen",
    "modified",
    "orderStatus",
];

/// Headers that the original sends with every answer.
const SECURITY: [&str; 7] = [
    "cache-control",
    "pragma",
    "expires",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "referrer-policy",
];

/// What is wrong with an answer against the original's, under the rules that apply by themselves. `used` tells which did.
pub fn with_original(
    exchange: &Exchange,
    reply: &Reply,
    used: &mut Vec<&'static str>,
) -> Vec<String> {
    let mut wrong = security(exchange, reply);
    if reply.status.as_u16() != exchange.status {
        wrong.push(format!(
            "status {} for {}: {}",
            reply.status.as_u16(),
            exchange.status,
            reply.text
        ));
        return wrong;
    }
    for header in ["allow", "accept"] {
        if let Some(theirs) = exchange.answer_header(header) {
            let ours = reply
                .headers
                .get(header)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            if ours != theirs {
                wrong.push(format!("header {header} is {ours:?} for {theirs:?}"));
            }
        }
    }
    if exchange.status >= 400 {
        used.push("problem");
        wrong.extend(problem(exchange.status, None, reply));
        // The fields that the original named are named.
        for field in exchange
            .answer
            .as_object()
            .into_iter()
            .flat_map(|o| o.keys())
        {
            let of_fields = exchange.status == 400 && exchange.answer.get("timestamp").is_none();
            if of_fields && reply.json()["errors"].get(field).is_none() {
                wrong.push(format!("field {field} is not named: {}", reply.text));
            }
        }
        if exchange.answer.get("timestamp").is_none() && exchange.status == 400 {
            let theirs = exchange.answer.as_object().map_or(0, |o| o.len());
            let ours = reply.json()["errors"].as_object().map_or(0, |o| o.len());
            if theirs != ours {
                wrong.push(format!(
                    "{ours} fields are named for {theirs}: {}",
                    reply.text
                ));
            }
        }
        return wrong;
    }
    wrong.extend(content_type(exchange, reply));
    match &exchange.answer {
        Value::String(text) if text.is_empty() => {
            if !reply.text.is_empty() {
                wrong.push(format!("a body for none: {}", reply.text));
            }
        }
        Value::String(_) => {
            if reply.text.is_empty() {
                wrong.push("no text".to_owned());
            }
        }
        body => shape("", body, &reply.json(), used, &mut wrong),
    }
    wrong
}

/// What is wrong with an answer against what a difference says.
pub fn with_rule(
    exchange: &Exchange,
    instead: &Instead,
    reply: &Reply,
    used: &mut Vec<&'static str>,
) -> Vec<String> {
    let mut wrong = security(exchange, reply);
    match instead {
        Instead::Problem(status, code) | Instead::NoSuchState(status, code) => {
            used.push("problem");
            wrong.extend(problem(*status, Some(code), reply));
        }
        Instead::Json(example) | Instead::NoSuchStateJson(example) => {
            if reply.status != 200 {
                wrong.push(format!(
                    "status {} for 200: {}",
                    reply.status.as_u16(),
                    reply.text
                ));
                return wrong;
            }
            let example: Value = serde_json::from_str(example).unwrap();
            shape("", &example, &reply.json(), used, &mut wrong);
        }
        Instead::Labelled(header) => {
            wrong = with_original(exchange, reply, used);
            let ours = reply.headers.get(*header).and_then(|v| v.to_str().ok());
            match *header {
                "content-type" => {
                    wrong.retain(|line| !line.starts_with("content type"));
                    if reply.content_type() != "text/plain" {
                        wrong.push(format!("content type {ours:?}"));
                    }
                }
                _ if ours.is_none() => wrong.push(format!("no header {header}")),
                _ => {}
            }
        }
    }
    wrong
}

fn content_type(exchange: &Exchange, reply: &Reply) -> Vec<String> {
    let theirs = exchange.answer_header("content-type").unwrap_or_default();
    let theirs = theirs.split(';').next().unwrap_or_default();
    let ours = reply.content_type();
    if ours == theirs {
        Vec::new()
    } else {
        vec![format!("content type {ours:?} for {theirs:?}")]
    }
}

fn security(exchange: &Exchange, reply: &Reply) -> Vec<String> {
    let mut wrong = Vec::new();
    for header in SECURITY {
        let Some(theirs) = exchange.answer_header(header) else {
            continue;
        };
        let ours = reply
            .headers
            .get(header)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if ours != theirs {
            wrong.push(format!("header {header} is {ours:?} for {theirs:?}"));
        }
    }
    wrong
}

fn problem(status: u16, code: Option<&str>, reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let mut wrong = Vec::new();
    if reply.status.as_u16() != status {
        wrong.push(format!(
            "status {} for {status}: {}",
            reply.status.as_u16(),
            reply.text
        ));
    }
    if reply.content_type() != "application/problem+json" {
        wrong.push(format!("content type {:?}", reply.content_type()));
    }
    if body["status"] != status || !body["detail"].is_string() || !body["code"].is_string() {
        wrong.push(format!("not a whole problem: {}", reply.text));
    }
    if code.is_some_and(|code| body["code"] != code) {
        wrong.push(format!(
            "code {} for {}",
            body["code"],
            code.unwrap_or_default()
        ));
    }
    if status == 401 && !reply.headers.contains_key("www-authenticate") {
        wrong.push("401 without WWW-Authenticate".to_owned());
    }
    if status == 503 && !reply.headers.contains_key("retry-after") {
        wrong.push("503 without Retry-After".to_owned());
    }
    wrong
}

/// Field names, types and nulls are the same, and some values.
fn shape(
    at: &str,
    theirs: &Value,
    ours: &Value,
    used: &mut Vec<&'static str>,
    wrong: &mut Vec<String>,
) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                match ours.get(key) {
                    Some(our) => shape(&format!("{at}.{key}"), value, our, used, wrong),
                    None => wrong.push(format!("{at}.{key} is missing")),
                }
            }
            wrong.extend(
                ours.keys()
                    .filter(|key| !theirs.contains_key(*key))
                    .map(|key| format!("{at}.{key} is new")),
            );
        }
        (Value::Array(numbers), Value::String(text))
            if is_time(at) && (5..=7).contains(&numbers.len()) =>
        {
            time(at, text, used, wrong);
        }
        (Value::String(mark), Value::String(text)) if mark == "<time>" => {
            time(at, text, used, wrong)
        }
        (Value::Array(theirs), Value::Array(ours)) => match (theirs.first(), ours.first()) {
            (Some(theirs), Some(_)) => {
                for (index, our) in ours.iter().enumerate() {
                    shape(&format!("{at}[{index}]"), theirs, our, used, wrong);
                }
            }
            (None, None) => {}
            (theirs, ours) => wrong.push(format!("{at}: {ours:?} for {theirs:?}")),
        },
        (Value::Null, Value::Null) => {}
        (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {
            let key = at.rsplit('.').next().unwrap_or_default();
            if SAME.contains(&key) && theirs != ours && theirs != "x" {
                wrong.push(format!("{at} is {ours} for {theirs}"));
            }
        }
        _ => wrong.push(format!("{at} is {ours} for {theirs}")),
    }
}

fn is_time(at: &str) -> bool {
    at.ends_with("Date") || at.ends_with("DateTime")
}

fn time(at: &str, text: &str, used: &mut Vec<&'static str>, wrong: &mut Vec<String>) {
    used.push("time");
    let form = text.len() >= 25 && text.as_bytes()[10] == b'T' && text.ends_with("+09:00");
    if !form {
        wrong.push(format!("{at} is {text:?}, no time with the mall's offset"));
    }
}
