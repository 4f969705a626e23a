//! What the OpenAPI document says of the header.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, Required, Response};

/// The header's name as documents write it.
const NAME: &str = "Idempotency-Key";

/// Whether requests of this path may carry a key: not where tokens are made, and not between our own programs.
pub(crate) fn is_public(path: &str) -> bool {
    !["/auth", "/internal", "/actuator"].iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a documented operation takes a key.
pub fn takes_a_key(operation: &Operation) -> bool {
    operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| matches!(parameter, RefOr::T(it) if it.name.eq_ignore_ascii_case(NAME)))
}

/// Adds the header and its refusals to every operation that creates or moves something for a known caller.
pub(crate) fn describe(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if is_public(path) {
            for operation in moving(item) {
                if operation.security.is_some() && !takes_a_key(operation) {
                    add(operation);
                }
            }
        }
    }
}

fn moving(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn add(operation: &mut Operation) {
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(parameter()));
    for (status, told) in [
        ("400", "IDEMPOTENCY_KEY_INVALID"),
        (
            "409",
            "REQUEST_IN_PROGRESS (with Retry-After): a request with this Idempotency-Key is still being handled",
        ),
        (
            "422",
            "IDEMPOTENCY_KEY_REUSED: the Idempotency-Key was used for another request",
        ),
    ] {
        match operation.responses.responses.get_mut(status) {
            Some(RefOr::T(response)) => {
                response.description = format!("{}; {told}", response.description);
            }
            Some(RefOr::Ref(_)) => {}
            None => {
                let response: Response = ResponseBuilder::new().description(told).build();
                operation
                    .responses
                    .responses
                    .insert(status.to_owned(), RefOr::T(response));
            }
        }
    }
}

fn parameter() -> Parameter {
    ParameterBuilder::new()
        .name(NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names this request, for 24 hours: the same request with the same key gets the first one's answer, with \
             `Idempotent-Replayed: true`, and nothing is done again. A UUID is a good one.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .build(),
        ))
        .build()
}
