//! The implicit types of YAML 1.1, as SnakeYAML implements them. Timestamps stay text, as in Spring Boot.

use crate::source::Scalar;

pub(super) enum Typed {
    Null,
    Value(Scalar),
}

pub(super) fn text(text: &str) -> Typed {
    Typed::Value(Scalar::Text(text.to_owned()))
}

/// The type of an unquoted, untagged scalar.
pub(super) fn plain(source: &str) -> Typed {
    if is_null(source) {
        return Typed::Null;
    }
    let value = boolean(source)
        .map(Scalar::Bool)
        .or_else(|| integer(source))
        .or_else(|| float(source));
    match value {
        Some(value) => Typed::Value(value),
        None => text(source),
    }
}

/// The value under an explicit `!!type`; `None` when the text is not one, or the type is not a plain one.
pub(super) fn tagged(suffix: &str, source: &str) -> Option<Typed> {
    let value = match suffix {
        "str" => Scalar::Text(source.to_owned()),
        "null" => return Some(Typed::Null),
        "bool" => Scalar::Bool(boolean(source)?),
        "int" => integer(source)?,
        "float" => match integer(source) {
            Some(whole) => Scalar::Float(whole.to_text().parse().ok()?),
            None => float(source)?,
        },
        _ => return None,
    };
    Some(Typed::Value(value))
}

/// Whether an unquoted scalar might be read as something else than this text: by us, or by a YAML 1.1 reader that knows dates.
pub(super) fn is_ambiguous(source: &str) -> bool {
    let digits = signed(source).1;
    let number_like = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
    let date_like = source.len() >= 8
        && source.starts_with(|c: char| c.is_ascii_digit())
        && source.splitn(3, '-').count() == 3
        && source
            .split('-')
            .take(2)
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    source == "<<"
        || number_like
        || date_like
        || !matches!(plain(source), Typed::Value(Scalar::Text(_)))
}

fn is_null(source: &str) -> bool {
    matches!(source, "" | "~" | "null" | "Null" | "NULL")
}

fn boolean(source: &str) -> Option<bool> {
    match source {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn signed(source: &str) -> (bool, &str) {
    match source.as_bytes().first() {
        Some(b'-') => (true, &source[1..]),
        Some(b'+') => (false, &source[1..]),
        _ => (false, source),
    }
}

fn integer(source: &str) -> Option<Scalar> {
    let (negative, body) = signed(source);
    let plain: String = body.chars().filter(|c| *c != '_').collect();
    let all =
        |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let (digits, radix) = if let Some(binary) = body.strip_prefix("0b") {
        let _ = binary;
        (&plain[2..], 2)
    } else if body.starts_with("0x") {
        (&plain[2..], 16)
    } else if body.contains(':') {
        return sexagesimal_int(negative, body);
    } else if body.len() > 1 && body.starts_with('0') {
        // `0_` alone is zero; any digit above 7 makes it text.
        (&plain[1..], 8)
    } else if body.starts_with('_') {
        return None;
    } else {
        (plain.as_str(), 10)
    };
    if radix == 8 && digits.is_empty() {
        return Some(Scalar::Int(0));
    }
    if !all(digits, radix) {
        return None;
    }
    match i128::from_str_radix(digits, radix) {
        Ok(n) => Some(whole(if negative { -n } else { n })),
        Err(_) if radix == 10 => Some(Scalar::BigInt(format!(
            "{}{digits}",
            if negative { "-" } else { "" }
        ))),
        // More than 127 bits of hex, octal or binary: nobody means a number.
        Err(_) => None,
    }
}

fn whole(n: i128) -> Scalar {
    i64::try_from(n).map_or_else(|_| Scalar::BigInt(n.to_string()), Scalar::Int)
}

/// `12:30` is 12*60+30; the first part has no leading zero, the others are 0 to 59.
fn sexagesimal_int(negative: bool, body: &str) -> Option<Scalar> {
    let mut parts = body.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| ('1'..='9').contains(&c))
        || !first.chars().all(|c| c.is_ascii_digit() || c == '_')
    {
        return None;
    }
    let mut sum: i128 = first.replace('_', "").parse().ok()?;
    for part in parts {
        sum = sum.checked_mul(60)?.checked_add(sixtieth(part)?.into())?;
    }
    Some(whole(if negative { -sum } else { sum }))
}

fn sixtieth(part: &str) -> Option<u8> {
    let fits = matches!(part.len(), 1 | 2) && part.chars().all(|c| c.is_ascii_digit());
    part.parse().ok().filter(|n| fits && *n < 60)
}

fn float(source: &str) -> Option<Scalar> {
    let (negative, body) = signed(source);
    let has_sign = body.len() != source.len();
    match body {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Scalar::Float(if negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }));
        }
        ".nan" | ".NaN" | ".NAN" if !has_sign => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    if body.contains(':') {
        return sexagesimal_float(negative, body);
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
    }
    let (before, after) = match mantissa.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (mantissa, None),
    };
    let digits_and_underscores = |part: &str| part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let well_formed = match (before, after) {
        ("", Some(after)) => after.starts_with(|c: char| c.is_ascii_digit()) && !has_sign,
        (before, after) => {
            before.starts_with(|c: char| c.is_ascii_digit())
                && (after.is_some() || exponent.is_some())
        }
    };
    if !well_formed
        || !digits_and_underscores(before)
        || !digits_and_underscores(after.unwrap_or(""))
    {
        return None;
    }
    let number: f64 = body.replace('_', "").parse().ok()?;
    Some(Scalar::Float(if negative { -number } else { number }))
}

/// `1:30.5` is 90.5.
fn sexagesimal_float(negative: bool, body: &str) -> Option<Scalar> {
    let (whole_part, fraction) = body.split_once('.')?;
    if !fraction.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return None;
    }
    let mut parts = whole_part.split(':');
    let first = parts.next()?.replace('_', "");
    if first.is_empty() || !first.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut sum: f64 = first.parse().ok()?;
    for part in parts {
        sum = sum * 60.0 + f64::from(sixtieth(part)?);
    }
    sum += format!("0.{}0", fraction.replace('_', ""))
        .parse::<f64>()
        .ok()?;
    Some(Scalar::Float(if negative { -sum } else { sum }))
}
