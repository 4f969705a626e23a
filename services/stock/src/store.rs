//! The tables. One statement per function; every change says whether it found what it needed. What changes a product's row for an
//! order is text that ends a transaction: [`bookings`].
//!
//! Transactions touch items last, and allowances and items in ascending order, so that they queue instead of deadlocking.

pub mod adjustments;
pub mod allowances;
pub mod bookings;
pub mod items;
pub mod movements;
pub mod reservations;
pub mod unattached;

/// `(?, ?), (?, ?)`: `rows` times `row`.
fn repeated(row: &str, rows: usize) -> String {
    let mut text = String::with_capacity((row.len() + 2) * rows);
    for index in 0..rows {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(row);
    }
    text
}
