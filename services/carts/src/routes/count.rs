//! The parameter `count`.

use mall_problem::{Answer, FieldErrors};
use serde::Deserialize;

use crate::messages;

/// Read as text, so that a refusal can name the field.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CountParams {
    /// How many pieces; a whole number of at least 1.
    #[param(value_type = i32)]
    count: Option<String>,
}

impl CountParams {
    /// The count, from 1 to `max`.
    pub fn read(self, max: i32) -> Answer<i32> {
        let mut errors = FieldErrors::new();
        let Some(text) = self.count else {
            errors.check(false, "count", messages::COUNT_MISSING);
            return Err(errors.problem());
        };
        // Digits only: "+3", " 3" and "3.0" are no counts, as in a JSON body.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<i32>() {
            Ok(count) if digits && (1..=max).contains(&count) => Ok(count),
            _ => {
                errors.check(false, "count", messages::count_out_of_range(max));
                Err(errors.problem())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Option<&str>) -> Option<i32> {
        CountParams {
            count: text.map(str::to_owned),
        }
        .read(999)
        .ok()
    }

    #[test]
    fn only_whole_numbers_in_range() {
        assert_eq!(read(Some("1")), Some(1));
        assert_eq!(read(Some("999")), Some(999));
        for bad in [
            "0",
            "-3",
            "1000",
            "99999999999999999999",
            "1.5",
            "3.0",
            "+3",
            " 3",
            "",
            "x",
            "0x1",
            "NaN",
            "３",
        ] {
            assert_eq!(read(Some(bad)), None, "{bad:?}");
        }
        assert_eq!(read(None), None);
    }

    #[test]
    fn the_refusal_names_the_field() {
        let problem = CountParams { count: None }.read(999).unwrap_err();
        assert_eq!(problem.fields()[0].field, "count");
    }
}
