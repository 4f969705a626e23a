//! Settings under `mall.carts`.

use serde::Deserialize;

/// The cart service's own settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CartsConfig {
    /// The largest count of one line.
    pub max_count: i32,
    /// The most lines of one cart.
    pub max_lines: i64,
}

impl CartsConfig {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        if self.max_count < 1 {
            bad.push("mall.carts.max-count: must be at least 1".to_owned());
        }
        if self.max_lines < 1 {
            bad.push("mall.carts.max-lines: must be at least 1".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_senseless_value_is_named() {
        let mut bad = Vec::new();
        CartsConfig {
            max_count: 0,
            max_lines: 0,
        }
        .validate(&mut bad);
        assert_eq!(bad.len(), 2);
        bad.clear();
        CartsConfig {
            max_count: 999,
            max_lines: 200,
        }
        .validate(&mut bad);
        assert!(bad.is_empty());
    }
}
