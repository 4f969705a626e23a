//! Spring's relaxed names: `paymentDeadline`, `payment-deadline`, `payment_deadline` and `PAYMENTDEADLINE` are one name.

/// The one form of a dotted key that all its spellings share: lower case, no dashes or underscores, indices kept.
pub fn uniform(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut bracket = false;
    for c in key.chars() {
        match c {
            '[' => bracket = true,
            ']' => bracket = false,
            _ => {}
        }
        if bracket {
            out.push(c);
        } else if c != '-' && c != '_' {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// The dotted key that an environment variable stands for: `MALL_ORDERS_ITEMS_0_NAME` is `mall.orders.items[0].name`.
pub fn from_environment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split('_').filter(|part| !part.is_empty()) {
        if !out.is_empty() && part.chars().all(|c| c.is_ascii_digit()) {
            out.push('[');
            out.push_str(part);
            out.push(']');
            continue;
        }
        if !out.is_empty() {
            out.push('.');
        }
        out.extend(part.chars().flat_map(char::to_lowercase));
    }
    out
}

/// Whether a key is written as an environment variable is.
pub fn is_environment_form(key: &str) -> bool {
    key.contains('_')
        && key
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The parts of a key: `a.b[0].c` is `a`, `b`, `[0]`, `c`. Text in brackets may hold dots.
pub fn segments(key: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut part = String::new();
    let mut bracket = false;
    for c in key.chars() {
        match c {
            '.' if !bracket => {
                if !part.is_empty() {
                    out.push(std::mem::take(&mut part));
                }
            }
            '[' if !bracket => {
                if !part.is_empty() {
                    out.push(std::mem::take(&mut part));
                }
                bracket = true;
                part.push(c);
            }
            ']' if bracket => {
                part.push(c);
                out.push(std::mem::take(&mut part));
                bracket = false;
            }
            _ => part.push(c),
        }
    }
    if !part.is_empty() {
        out.push(part);
    }
    out
}

/// The number in `[3]`.
pub fn index(segment: &str) -> Option<usize> {
    segment.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_one_name() {
        let one = uniform("mall.orders.payment-deadline");
        for other in [
            "mall.orders.paymentDeadline",
            "mall.orders.payment_deadline",
            "MALL.ORDERS.PAYMENTDEADLINE",
            &from_environment("MALL_ORDERS_PAYMENTDEADLINE"),
        ] {
            assert_eq!(uniform(other), one);
        }
        assert_eq!(uniform("a[X-y].B"), "a[X-y].b");
    }

    #[test]
    fn environment_names_carry_indices() {
        assert_eq!(from_environment("A_0_"), "a[0]");
        assert_eq!(from_environment("MY_LIST_0_NAME"), "my.list[0].name");
        assert_eq!(from_environment("CONFIG_SERVER_URL"), "config.server.url");
    }

    #[test]
    fn keys_split_at_dots_outside_brackets() {
        assert_eq!(segments("a.b[0][1].c"), ["a", "b", "[0]", "[1]", "c"]);
        assert_eq!(segments("a[x.y]"), ["a", "[x.y]"]);
        assert_eq!(index("[12]"), Some(12));
        assert_eq!(index("[x]"), None);
    }
}
