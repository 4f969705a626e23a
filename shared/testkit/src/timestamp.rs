//! The wall clock, for the two places that need one: names of mail files, and the opening times of demo products.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970 in UTC. The launcher is no service: it has no injected clock, and needs none.
#[allow(clippy::disallowed_methods)]
#[must_use]
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// `2026-11-24T13:41:20Z`.
#[must_use]
pub fn iso(since_epoch: Duration) -> String {
    let [year, month, day, hour, minute, second] = parts(since_epoch);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `20261124T134120.007Z`: sorts by time and is fit for a file's name.
#[must_use]
pub fn compact(since_epoch: Duration) -> String {
    let [year, month, day, hour, minute, second] = parts(since_epoch);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millis:03}Z")
}

/// Civil date from a day count, by Howard Hinnant's algorithm with years that begin in March.
fn parts(since_epoch: Duration) -> [u64; 6] {
    let seconds = since_epoch.as_secs();
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    [
        year,
        month,
        day,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(iso(Duration::ZERO), "1970-01-01T00:00:00Z");
        assert_eq!(
            iso(Duration::from_secs(951_782_400)),
            "2000-02-29T00:00:00Z"
        );
        assert_eq!(
            iso(Duration::from_secs(1_798_761_599)),
            "2026-12-31T23:59:59Z"
        );
        assert_eq!(
            compact(Duration::from_millis(1_709_210_096_007)),
            "20240229T123456.007Z"
        );
    }
}
