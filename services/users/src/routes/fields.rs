//! Checks of the fields that sign-up and the profile share.

use mall_problem::{FieldErrors, Text};

use crate::domain::{PasswordFault, is_phone, is_plain_text, password_fault};
use crate::messages;

pub fn check_password(errors: &mut FieldErrors, password: &str, max_length: usize) {
    let message = match password_fault(password, max_length) {
        None => return,
        Some(PasswordFault::Rules) => messages::BAD_PASSWORD,
        Some(PasswordFault::TooLong) => messages::password_too_long(max_length),
    };
    errors.check(false, "password", message);
}

pub fn check_phone(errors: &mut FieldErrors, phone: Option<&str>) {
    check(errors, "phoneNum", phone, is_phone, messages::BAD_PHONE);
}

pub fn check_text(errors: &mut FieldErrors, field: &str, text: Option<&str>) {
    check(errors, field, text, is_plain_text, messages::BAD_TEXT);
}

pub fn check(
    errors: &mut FieldErrors,
    field: &str,
    value: Option<&str>,
    rule: fn(&str) -> bool,
    message: Text,
) {
    errors.check(value.is_none_or(rule), field, message);
}
