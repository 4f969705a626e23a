//! What handlers take. The service stack has verified the headers and put the results into the request's extensions;
//! these extractors only read them, so a handler can't believe a header by itself.

use axum::extract::FromRequestParts;
use http::request::Parts;
use mall_problem::{Problem, Text};
use mall_types::Role;

use crate::Identity;

/// A shopper (role USER).
#[derive(Debug, Clone)]
pub struct Shopper(pub Identity);

/// An admin.
#[derive(Debug, Clone)]
pub struct Admin(pub Identity);

/// Anybody who is logged in.
#[derive(Debug, Clone)]
pub struct Caller(pub Identity);

/// Another service of ours, by its id.
#[derive(Debug, Clone)]
pub struct PeerService(pub String);

/// The 401 of a call without an identity.
pub fn unauthenticated() -> Problem {
    Problem::unauthenticated(
        "UNAUTHENTICATED",
        Text::new("로그인이 필요합니다.", "You need to log in."),
    )
}

/// The 403 of a call with the wrong role.
pub fn forbidden() -> Problem {
    Problem::forbidden(
        "FORBIDDEN",
        Text::new("권한이 없습니다.", "You may not do this."),
    )
}

fn identity(parts: &Parts, role: Option<Role>) -> Result<Identity, Problem> {
    let Some(identity) = parts.extensions.get::<Identity>() else {
        return Err(unauthenticated());
    };
    if role.is_some_and(|role| role != identity.role) {
        return Err(forbidden());
    }
    Ok(identity.clone())
}

impl<S: Sync> FromRequestParts<S> for Shopper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        identity(parts, Some(Role::User)).map(Shopper)
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        identity(parts, Some(Role::Admin)).map(Admin)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        identity(parts, None).map(Caller)
    }
}

impl<S: Sync> FromRequestParts<S> for PeerService {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<PeerService>()
            .cloned()
            .ok_or_else(unauthenticated)
    }
}
