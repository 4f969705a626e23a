//! What lists are asked for, read strictly: whatever is not understood is named, and nothing is guessed.

use mall_clock::Zone;
use mall_problem::FieldErrors;
use serde_json::Value;

use crate::app::view::Page;
use crate::domain::status::Status;
use crate::messages;

/// Most entries of a page.
pub const MAX_LIMIT: u32 = 200;
/// Entries of a page when nothing is said.
pub const LIMIT: u32 = 50;

/// `limit`, or the usual.
pub fn limit(errors: &mut FieldErrors, text: Option<&str>) -> u32 {
    let Some(text) = text else { return LIMIT };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
    errors.check(limit.is_some(), "limit", messages::limit(MAX_LIMIT));
    limit.unwrap_or(LIMIT)
}

/// A number from 1 on: an id, or where the page before ended.
pub fn number(errors: &mut FieldErrors, field: &str, text: Option<&str>) -> Option<i64> {
    let text = text?;
    // `parse` would also take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number >= 1);
    errors.check(number.is_some(), field, messages::BAD_NUMBER);
    number
}

/// Where a page of orders begins, and how long it is.
pub fn page(errors: &mut FieldErrors, limit_text: Option<&str>, after: Option<&str>) -> Page {
    Page {
        after: number(errors, "after", after).map(mall_types::OrderId),
        limit: limit(errors, limit_text),
    }
}

/// A state's name.
pub fn state(errors: &mut FieldErrors, field: &str, text: Option<&str>) -> Option<Status> {
    let state = Status::parse(text?);
    errors.check(state.is_some(), field, messages::UNKNOWN_STATE);
    state
}

/// A time in the mall's forms.
pub fn time(
    errors: &mut FieldErrors,
    zone: Zone,
    field: &str,
    text: Option<&str>,
) -> Option<chrono::DateTime<chrono::Utc>> {
    // A plus sign that was not encoded arrives as a blank.
    let text = text?.replace(' ', "+");
    let time = zone.read(&Value::String(text)).ok().flatten();
    errors.check(time.is_some(), field, messages::BAD_TIME);
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(read: impl FnOnce(&mut FieldErrors)) -> bool {
        let mut errors = FieldErrors::new();
        read(&mut errors);
        !errors.is_empty()
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for text in ["0", "-1", "+1", "1.0", "x", "", " 1", "9223372036854775808"] {
            assert!(
                bad(|errors| {
                    let _ = number(errors, "after", Some(text));
                }),
                "{text:?}"
            );
        }
        assert!(!bad(|errors| assert_eq!(
            number(errors, "after", Some("9223372036854775807")),
            Some(i64::MAX)
        )));
        for text in ["0", "201", "x", ""] {
            assert!(
                bad(|errors| {
                    let _ = limit(errors, Some(text));
                }),
                "{text:?}"
            );
        }
        assert!(!bad(|errors| assert_eq!(limit(errors, Some("200")), 200)));
        assert!(bad(|errors| {
            let _ = state(errors, "state", Some("paid"));
        }));
        let zone = Zone::parse("Asia/Seoul").unwrap();
        for text in ["", "yesterday", "2027-05-01", "2027-13-01T10:00"] {
            assert!(
                bad(|errors| {
                    let _ = time(errors, zone, "from", Some(text));
                }),
                "{text:?}"
            );
        }
        let read = |text| time(&mut FieldErrors::new(), zone, "from", Some(text)).unwrap();
        assert_eq!(
            read("2027-05-01T10:00:00 09:00"),
            read("2027-05-01T01:00:00Z")
        );
    }
}
