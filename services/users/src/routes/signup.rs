//! `POST /auth/signup`: a new account. Original: `AuthController.signup`. Not idempotent: the second time is 409.

use axum::Json;
use axum::extract::State as App;
use mall_problem::{Answer, Body, Done, FieldErrors, Lang, done};
use serde::Deserialize;

use super::fields::{check, check_password, check_phone, check_text};
use crate::app::NewAccount;
use crate::domain::{Email, is_registration};
use crate::{State, app, messages};

/// What a shopper signs up with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignUp {
    /// Needed; the case of its letters does not count.
    #[schema(value_type = String)]
    email: Option<String>,
    /// Needed: at least 8 characters, six letters in a row, a digit, one of `@$!%*?&`, no others.
    #[schema(value_type = String)]
    password: Option<String>,
    address: Option<String>,
    /// 000000-0000000; checked, and stored only if a setting says so.
    registration: Option<String>,
    name: Option<String>,
    /// 010-000-0000 or 010-0000-0000.
    phone_num: Option<String>,
}

impl SignUp {
    fn read(self, max_password: usize) -> Answer<NewAccount> {
        let mut errors = FieldErrors::new();
        let email = errors.required("email", self.email).and_then(|text| {
            let email = Email::parse(&text);
            errors.check(email.is_some(), "email", messages::BAD_EMAIL);
            email
        });
        let password = errors.required("password", self.password);
        if let Some(password) = &password {
            check_password(&mut errors, password, max_password);
        }
        check_text(&mut errors, "address", self.address.as_deref());
        check(
            &mut errors,
            "registration",
            self.registration.as_deref(),
            is_registration,
            messages::BAD_REGISTRATION,
        );
        check_text(&mut errors, "name", self.name.as_deref());
        check_phone(&mut errors, self.phone_num.as_deref());
        match (email, password) {
            (Some(email), Some(password)) if errors.is_empty() => Ok(NewAccount {
                email,
                password,
                name: self.name,
                phone_num: self.phone_num,
                address: self.address,
                registration: self.registration,
            }),
            _ => Err(errors.problem()),
        }
    }
}

/// Signs up; a verification mail follows.
#[utoipa::path(
    post,
    path = "/auth/signup",
    tag = "auth",
    request_body = SignUp,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "INVALID_FIELDS with every bad field"),
        (status = 409, description = "EMAIL_TAKEN"),
    ),
)]
pub async fn signup(
    App(state): App<State>,
    lang: Lang,
    Body(request): Body<SignUp>,
) -> Answer<Json<Done>> {
    let account = request.read(state.passwords.max_length())?;
    app::sign_up(&state, account, lang).await?;
    Ok(done(lang, &messages::SIGNED_UP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_fields(json: &str) -> Vec<String> {
        let request: SignUp = serde_json::from_str(json).unwrap();
        match request.read(256) {
            Ok(_) => Vec::new(),
            Err(problem) => problem
                .fields()
                .iter()
                .map(|field| field.field.clone())
                .collect(),
        }
    }

    /// The requests of the original's captures.
    #[test]
    fn every_bad_field_is_named() {
        assert_eq!(bad_fields("{}"), ["email", "password"]);
        assert_eq!(
            bad_fields(r#"{"email":null,"password":null}"#),
            ["email", "password"]
        );
        let all = r#"{"email":"nope","password":"x","address":"서울시 강남구 1","registration":"x","name":"김철수","phoneNum":"x"}"#;
        assert_eq!(
            bad_fields(all),
            ["email", "password", "registration", "phoneNum"]
        );
        let only_email = r#"{"email":"nope","password":"1!abcdef@9","address":"a","registration":null,"name":"n","phoneNum":"010-1234-5678"}"#;
        assert_eq!(bad_fields(only_email), ["email"]);
        assert_eq!(
            bad_fields(r#"{"email":"","password":"Abcdefg1!"}"#),
            ["email"]
        );
    }

    #[test]
    fn only_email_and_password_are_needed() {
        assert!(bad_fields(r#"{"email":"a@b","password":"Abcdefg1!"}"#).is_empty());
        let nulls = r#"{"email":"a@b","password":"Abcdefg1!","address":null,"name":null,"phoneNum":null,"registration":null}"#;
        assert!(bad_fields(nulls).is_empty());
    }

    #[test]
    fn nobody_signs_up_as_an_admin() {
        assert!(
            serde_json::from_str::<SignUp>(
                r#"{"email":"a@b","password":"Abcdefg1!","role":"ADMIN"}"#
            )
            .is_err()
        );
    }
}
