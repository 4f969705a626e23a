//! The recorded exchanges with the running original.

use serde_json::Value;

/// One request and what the original answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Says the state in which it was recorded.
    pub name: String,
    pub method: reqwest::Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// JSON as recorded, or bare text.
    pub body: Option<Value>,
    pub status: u16,
    pub answer_headers: Vec<(String, String)>,
    pub answer: Value,
}

/// All of them, in the order in which they were recorded.
pub fn all() -> Vec<Exchange> {
    let text = include_str!("../../../golden/original-api-captures.jsonl");
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(read)
        .collect()
}

fn read(line: &str) -> Exchange {
    let value: Value = serde_json::from_str(line).unwrap();
    let headers = |of: &Value| {
        let mut list = Vec::new();
        for (name, value) in of["headers"].as_object().into_iter().flatten() {
            match value {
                Value::Array(values) => list.extend(
                    values
                        .iter()
                        .map(|v| (name.clone(), v.as_str().unwrap().to_owned())),
                ),
                value => list.push((name.clone(), value.as_str().unwrap().to_owned())),
            }
        }
        list
    };
    let (request, response) = (&value["request"], &value["response"]);
    Exchange {
        name: value["name"].as_str().unwrap().to_owned(),
        method: request["method"].as_str().unwrap().parse().unwrap(),
        path: request["path"].as_str().unwrap().to_owned(),
        headers: headers(request),
        body: request.get("body").cloned(),
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        answer_headers: headers(response),
        answer: response["body"].clone(),
    }
}

impl Exchange {
    /// A header of the original's answer.
    pub fn answer_header(&self, name: &str) -> Option<&str> {
        self.answer_headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
