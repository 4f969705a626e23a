//! Writing JSON piece by piece.

use mall_spring_config::Scalar;

pub(crate) fn text(out: &mut String, text: &str) {
    // A string always has a JSON form.
    out.push_str(&serde_json::Value::from(text).to_string());
}

pub(crate) fn text_or_null(out: &mut String, value: Option<&str>) {
    match value {
        Some(value) => text(out, value),
        None => out.push_str("null"),
    }
}

/// A value as Java's JSON writer has it: `1000.0`, `6.02E23`; what JSON cannot say is text.
pub(crate) fn scalar(out: &mut String, value: &Scalar) {
    match value {
        Scalar::Text(value) => text(out, value),
        Scalar::Float(number) if !number.is_finite() => text(out, &value.to_text()),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::BigInt(_) | Scalar::Float(_) => {
            out.push_str(&value.to_text());
        }
        Scalar::EmptyList => out.push_str("[]"),
        Scalar::EmptyMap => out.push_str("{}"),
    }
}

/// Writes every item with commas between them.
pub(crate) fn join<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(out, item);
    }
}
