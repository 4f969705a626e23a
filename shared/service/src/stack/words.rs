//! What an answer says when it is not a handler's own: problems in the language of the request, `OPTIONS`, panics.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use mall_problem::{ErrorKind, Lang, Problem, Text};

/// The answer in the language of the request. `options`: it was asked what may be asked.
pub(super) fn in_language(lang: Lang, options: bool, mut response: Response) -> Response {
    if response.status().is_success() {
        return response;
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        tell(&problem);
        // A problem is written in the default language until here.
        return if lang == Lang::default() {
            response
        } else {
            problem_in(lang, problem, response)
        };
    }
    let bare = !response.headers().contains_key(CONTENT_TYPE);
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED if bare && !options => {
            let problem = Problem::new(
                ErrorKind::MethodNotAllowed,
                "METHOD_NOT_ALLOWED",
                Text::new(
                    "지원하지 않는 메서드입니다.",
                    "This address does not take that method.",
                ),
            );
            problem_in(lang, problem, response)
        }
        // An extractor that met the limit answers in plain text.
        StatusCode::PAYLOAD_TOO_LARGE => too_large().response(lang),
        _ => response,
    }
}

pub(super) fn too_large() -> Problem {
    Problem::new(
        ErrorKind::TooLarge,
        "BODY_TOO_LARGE",
        Text::new("본문이 너무 큽니다.", "The body is too large."),
    )
}

/// The problem in `lang`, with the headers that somebody added to the old answer.
fn problem_in(lang: Lang, problem: Problem, old: Response) -> Response {
    let mut response = problem.response(lang);
    let (old, _) = old.into_parts();
    // What inner layers told the outer ones, such as the route's name.
    response.extensions_mut().extend(old.extensions);
    for (name, value) in &old.headers {
        if !response.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// What is logged of a problem: once, here, with its cause.
fn tell(problem: &Problem) {
    let cause = problem.cause_chain();
    if problem.kind() == ErrorKind::Internal {
        tracing::error!(code = problem.code(), cause, "request failed");
    } else if let Some(cause) = cause {
        tracing::warn!(code = problem.code(), cause, "request refused");
    }
}

/// The 405 of `OPTIONS` as the answer that it is meant to be.
pub(super) fn allowed_methods(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response
        .headers()
        .get(ALLOW)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut methods: Vec<&str> = allow
        .split(',')
        .map(str::trim)
        .filter(|method| !method.is_empty())
        .collect();
    methods.push("OPTIONS");
    let mut answer = StatusCode::OK.into_response();
    if let Ok(value) = HeaderValue::from_str(&methods.join(",")) {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned());
    tracing::error!(panic = words, "a handler panicked");
    Problem::internal(format!("panic: {words}")).into_response()
}
