//! A wall clock that is wrong, for tests of whole programs. Only builds with `debug_assertions` have it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::Duration;

use crate::WRONG_CLOCK_VARIABLE;

static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let path = std::env::var_os(WRONG_CLOCK_VARIABLE);
    path.filter(|path| !path.is_empty()).map(PathBuf::from)
});

/// By how much this process' clock is wrong now.
pub(crate) fn by() -> Duration {
    FILE.as_deref().map_or(Duration::zero(), read)
}

fn read(file: &Path) -> Duration {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let seconds = text.trim().parse().ok();
    seconds.and_then(Duration::try_seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_how_many_seconds() {
        let name = format!("mall-clock-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        for (text, seconds) in [("3600", 3600), ("-20\n", -20), ("", 0), ("soon", 0)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read(&file), Duration::seconds(seconds), "{text:?}");
        }
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read(&file), Duration::zero());
    }
}
