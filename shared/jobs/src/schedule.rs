//! When a job runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use mall_clock::Zone;
use serde::{Deserialize, Deserializer};

/// The times of a job, as a setting spells them.
///
/// - Spring's cron: six fields, seconds first (`0 */30 * * * *`), with `?`, `L`, names of days and months, and
///   its short forms `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Read in a zone.
/// - `@every 10s`: a fixed distance (`ms`, `s`, `m`, `h`, also `1h30m`), the first time one distance after the start.
/// - `-`: never, as in Spring.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Off,
    Every(Duration),
    Cron(Box<Cron>),
}

/// A text that is no schedule.
#[derive(Debug, thiserror::Error)]
#[error("\"{text}\" is no schedule: {why}")]
pub struct ScheduleError {
    text: String,
    why: String,
}

/// The next run, seen from a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    /// How long until it.
    pub wait: Duration,
    /// From it to the one after it.
    pub gap: Duration,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// When the text is neither a cron expression of six fields, nor `@every` with a distance of at least 1 ms, nor `-`.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let bad = |why: String| ScheduleError {
            text: text.to_owned(),
            why,
        };
        let kind = if text == "-" {
            Kind::Off
        } else if let Some(distance) = text.strip_prefix("@every") {
            if !distance.starts_with(' ') {
                return Err(bad(
                    "a distance must follow @every, as in \"@every 10s\"".into()
                ));
            }
            Kind::Every(parse_distance(distance.trim()).map_err(bad)?)
        } else {
            Kind::Cron(Box::new(parse_cron(text).map_err(bad)?))
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// A fixed distance. Distances under 1 ms count as 1 ms.
    pub fn every(distance: Duration) -> Self {
        let distance = distance.max(Duration::from_millis(1));
        Self {
            text: format!("@every {}ms", distance.as_millis()),
            kind: Kind::Every(distance),
        }
    }

    /// The first time after `after` that a cron schedule names; `None` for the other kinds and when there is none.
    pub fn next_after(&self, after: DateTime<Utc>, zone: &Zone) -> Option<DateTime<Utc>> {
        match &self.kind {
            Kind::Cron(cron) => {
                let local = after.with_timezone(&zone.0);
                cron.find_next_occurrence(&local, false)
                    .ok()
                    .map(|time| time.with_timezone(&Utc))
            }
            Kind::Off | Kind::Every(_) => None,
        }
    }

    pub(crate) fn next_tick(&self, now: DateTime<Utc>, zone: &Zone) -> Option<Tick> {
        match &self.kind {
            Kind::Off => None,
            Kind::Every(distance) => Some(Tick {
                wait: *distance,
                gap: *distance,
            }),
            Kind::Cron(_) => {
                let first = self.next_after(now, zone)?;
                let second = self.next_after(first, zone).unwrap_or(first);
                Some(Tick {
                    wait: (first - now).to_std().unwrap_or_default(),
                    gap: (second - first).to_std().unwrap_or_default(),
                })
            }
        }
    }

    /// Whether the schedule follows the clock on the wall (cron) rather than a distance.
    pub(crate) fn by_wall_clock(&self) -> bool {
        matches!(self.kind, Kind::Cron(_))
    }
}

fn parse_cron(text: &str) -> Result<Cron, String> {
    // Spring's names for what croner lets only the five-field parser see.
    let text = match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * 0",
        "@daily" | "@midnight" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        _ => text,
    };
    let fields = text.split_whitespace().count();
    if fields != 6 {
        return Err(format!(
            "a cron expression has six fields, seconds first; here are {fields}"
        ));
    }
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Disallowed)
        // Spring demands both the day of the month and the day of the week; classic cron takes either.
        .dom_and_dow(true)
        .sloppy_ranges(true)
        .build()
        .parse(text)
        .map_err(|error| error.to_string())
}

fn parse_distance(text: &str) -> Result<Duration, String> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits]
            .parse()
            .map_err(|_| "a distance is a number with ms, s, m or h".to_owned())?;
        rest = &rest[digits..];
        let letters = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let millis = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            unit => return Err(format!("\"{unit}\" is none of ms, s, m, h")),
        };
        rest = &rest[letters..];
        let part = number
            .checked_mul(millis)
            .ok_or("the distance is too long")?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or("the distance is too long")?;
    }
    if total.is_zero() {
        Err("a distance is at least 1 ms".into())
    } else {
        Ok(total)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({})", self.text)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seoul() -> Zone {
        Zone::parse("Asia/Seoul").unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .with_timezone(&Utc)
    }

    fn next(schedule: &str, after: &str) -> String {
        let time = Schedule::parse(schedule)
            .unwrap()
            .next_after(at(after), &seoul())
            .unwrap();
        time.with_timezone(&seoul().0).to_rfc3339()
    }

    #[test]
    fn spring_expressions_run_at_their_times() {
        assert_eq!(
            next("0 */30 * * * *", "2024-05-01T10:00:00+09:00"),
            "2024-05-01T10:30:00+09:00"
        );
        assert_eq!(
            next("0 */30 * * * *", "2024-05-01T10:59:59.999+09:00"),
            "2024-05-01T11:00:00+09:00"
        );
        assert_eq!(
            next("0 0/30 * * * *", "2024-05-01T10:01:00+09:00"),
            "2024-05-01T10:30:00+09:00"
        );
        assert_eq!(
            next("*/10 * * * * ?", "2024-05-01T10:00:01+09:00"),
            "2024-05-01T10:00:10+09:00"
        );
        assert_eq!(
            next("0 0 3 * * *", "2024-05-01T10:00:00+09:00"),
            "2024-05-02T03:00:00+09:00"
        );
        assert_eq!(
            next("0 0 9-17 * * MON-FRI", "2024-05-03T17:00:00+09:00"),
            "2024-05-06T09:00:00+09:00"
        );
        assert_eq!(
            next("0 0 0 L * *", "2024-02-10T00:00:00+09:00"),
            "2024-02-29T00:00:00+09:00"
        );
        assert_eq!(
            next("@daily", "2024-05-01T10:00:00+09:00"),
            "2024-05-02T00:00:00+09:00"
        );
        assert_eq!(
            next("@hourly", "2024-05-01T10:00:00+09:00"),
            "2024-05-01T11:00:00+09:00"
        );
    }

    #[test]
    fn days_of_month_and_week_must_both_fit() {
        // Friday the 13th, not "every Friday and every 13th".
        assert_eq!(
            next("0 0 0 13 * FRI", "2024-05-01T00:00:00+09:00"),
            "2024-09-13T00:00:00+09:00"
        );
    }

    #[test]
    fn sunday_is_0_and_7() {
        assert_eq!(
            next("0 0 0 * * 0", "2024-05-01T00:00:00+09:00"),
            "2024-05-05T00:00:00+09:00"
        );
        assert_eq!(
            next("0 0 0 * * 7", "2024-05-01T00:00:00+09:00"),
            "2024-05-05T00:00:00+09:00"
        );
    }

    #[test]
    fn distances() {
        let every = |text: &str| {
            Schedule::parse(text)
                .unwrap()
                .next_tick(at("2024-05-01T00:00:00Z"), &seoul())
        };
        assert_eq!(every("@every 10s").unwrap().wait, Duration::from_secs(10));
        assert_eq!(
            every("@every 250ms").unwrap().gap,
            Duration::from_millis(250)
        );
        assert_eq!(
            every("@every 1h30m").unwrap().wait,
            Duration::from_secs(5400)
        );
        assert_eq!(every("-"), None);
    }

    #[test]
    fn a_cron_tick_knows_its_gap() {
        let tick = Schedule::parse("0 */30 * * * *")
            .unwrap()
            .next_tick(at("2024-05-01T00:29:00Z"), &seoul())
            .unwrap();
        assert_eq!(
            tick,
            Tick {
                wait: Duration::from_secs(60),
                gap: Duration::from_secs(1800)
            }
        );
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for bad in [
            "",
            "*/30 * * * *",
            "0 61 * * * *",
            "@every",
            "@every 10",
            "@every 0s",
            "@every 3 days",
            "@every10s",
            "x",
        ] {
            let error = Schedule::parse(bad).unwrap_err().to_string();
            assert!(error.contains("is no schedule"), "{bad}: {error}");
        }
    }
}
