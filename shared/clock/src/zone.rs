//! The mall's time zone: how times are written to clients and read from them.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::Value;

/// The zone in which the mall talks about time. Instants are kept in UTC everywhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

/// Why a zone or a time can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneError(String);

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ZoneError {}

impl Zone {
    /// Reads an IANA name such as `Asia/Seoul`.
    pub fn parse(name: &str) -> Result<Zone, ZoneError> {
        name.parse()
            .map(Zone)
            .map_err(|_| ZoneError(format!("{name:?} is no time zone")))
    }

    /// ISO-8601 with this zone's offset: `2027-05-01T10:00:00+09:00`, a fraction only when there is one.
    pub fn show(&self, time: DateTime<Utc>) -> String {
        let format = if time.nanosecond() == 0 {
            SecondsFormat::Secs
        } else {
            SecondsFormat::AutoSi
        };
        time.with_timezone(&self.0).to_rfc3339_opts(format, false)
    }

    /// Reads a time as clients of the original send it: `2027-05-01T10:00`, with seconds, with a fraction, or an array of
    /// 5 to 7 numbers (year, month, day, hour, minute, second, nanosecond), all taken in this zone; an offset or `Z` is
    /// honoured. `null` and the empty text are no time.
    pub fn read(&self, value: &Value) -> Result<Option<DateTime<Utc>>, String> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => self.read_text(text).map(Some),
            Value::Array(numbers) => self.read_array(numbers).map(Some),
            _ => Err("a time is a text or an array".to_owned()),
        }
    }

    fn read_text(&self, text: &str) -> Result<DateTime<Utc>, String> {
        if text.as_bytes().get(10) != Some(&b'T') {
            return Err(format!("{text:?} is no date and time"));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(time.with_timezone(&Utc));
        }
        // The original also takes times without seconds; so do we, with an offset or without.
        for format in ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%dT%H:%MZ"] {
            if let Ok(time) = DateTime::parse_from_str(text, format) {
                return Ok(time.with_timezone(&Utc));
            }
            if format.ends_with('Z')
                && let Ok(time) = NaiveDateTime::parse_from_str(text, format)
            {
                return Ok(time.and_utc());
            }
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return self.localize(time);
            }
        }
        Err(format!("{text:?} is no date and time"))
    }

    fn read_array(&self, numbers: &[Value]) -> Result<DateTime<Utc>, String> {
        if !(5..=7).contains(&numbers.len()) {
            return Err("a time in array form has 5 to 7 numbers".to_owned());
        }
        let mut parts = [0u32; 7];
        for (part, number) in parts.iter_mut().zip(numbers) {
            *part = number
                .as_u64()
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| "a time in array form holds whole numbers".to_owned())?;
        }
        let [year, month, day, hour, minute, second, nano] = parts;
        let date = i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
        let time = date.and_then(|date| date.and_hms_nano_opt(hour, minute, second, nano));
        self.localize(time.ok_or_else(|| "no such date or time".to_owned())?)
    }

    fn localize(&self, time: NaiveDateTime) -> Result<DateTime<Utc>, String> {
        // A time that the zone skips does not exist; of one that it has twice, the first is meant.
        self.0
            .from_local_datetime(&time)
            .earliest()
            .map(|time| time.with_timezone(&Utc))
            .ok_or_else(|| format!("{time} does not exist in {}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seoul() -> Zone {
        Zone::parse("Asia/Seoul").unwrap()
    }

    fn read(value: Value) -> Option<String> {
        seoul().read(&value).unwrap().map(|time| seoul().show(time))
    }

    #[test]
    fn every_form_of_the_original_is_read() {
        let ten = Some("2027-05-01T10:00:00+09:00".to_owned());
        for form in [
            json!("2027-05-01T10:00"),
            json!("2027-05-01T10:00:00"),
            json!("2027-05-01T10:00:00.000"),
            json!("2027-05-01T01:00:00Z"),
            json!("2027-05-01T01:00Z"),
            json!("2027-05-01T10:00+09:00"),
            json!("2027-05-01T03:00:00+02:00"),
            json!([2027, 5, 1, 10, 0]),
            json!([2027, 5, 1, 10, 0, 0, 0]),
        ] {
            assert_eq!(read(form.clone()), ten, "{form}");
        }
        assert_eq!(
            read(json!([2027, 5, 1, 10, 0, 5])),
            Some("2027-05-01T10:00:05+09:00".to_owned())
        );
        assert_eq!(
            read(json!("2027-05-01T10:00:00.25")),
            Some("2027-05-01T10:00:00.250+09:00".to_owned())
        );
        assert_eq!(read(json!("")), None);
        assert_eq!(read(Value::Null), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for form in [
            json!("2027-05-01 10:00:00"),
            json!("2027-05-01"),
            json!("2027-13-01T10:00"),
            json!("soon"),
            json!(1809165600),
            json!([2027, 5, 1]),
            json!([2027, 5, 1, 10, 0, 0, 0, 0]),
            json!([2027, 2, 30, 10, 0]),
            json!([2027, 5, 1, 10.5, 0]),
            json!(true),
        ] {
            assert!(seoul().read(&form).is_err(), "{form}");
        }
        assert!(Zone::parse("Mars/Olympus").is_err());
    }
}
