//! Few shapes of statements for lists of any length.
//!
//! A statement is prepared once per connection and kept. One that is not kept (`persistent(false)`, or pushed out of the full
//! cache) is closed by a message that has no answer; over TCP the next statement then waits for the server's delayed
//! acknowledgement of it, 40 ms. So a list of ids is filled up to a length that many lists share, and rows are inserted in
//! pieces of such lengths.

use std::iter;

/// The list, filled up with its last element to a power of two: for `IN (...)`, where twice the same does no harm.
pub fn padded<T: Clone>(list: &[T]) -> Vec<T> {
    let Some(last) = list.last() else {
        return Vec::new();
    };
    let length = list.len().next_power_of_two();
    let mut padded = list.to_vec();
    padded.resize(length, last.clone());
    padded
}

/// The rows in order, in pieces that have the length of a power of two, the largest first and none above `most`: 21 rows are 16, 4
/// and 1.
pub fn pieces<T>(rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    iter::from_fn(move || {
        let most = rest.len().min(most.max(1));
        let length = 1 << most.checked_ilog2()?;
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_up() {
        assert_eq!(padded::<i64>(&[]), Vec::<i64>::new());
        assert_eq!(padded(&[1]), [1]);
        assert_eq!(padded(&[1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded(&[1, 2, 3, 4]), [1, 2, 3, 4]);
        assert_eq!(padded(&[7; 33]).len(), 64);
    }

    #[test]
    fn rows_come_in_pieces_in_their_order() {
        for count in 0..200_usize {
            let rows: Vec<usize> = (0..count).collect();
            let parts: Vec<&[usize]> = pieces(&rows, 64).collect();
            assert_eq!(parts.concat(), rows);
            assert!(parts.iter().all(|part| part.len().is_power_of_two()));
            assert!(parts.iter().all(|part| part.len() <= 64));
        }
        let lengths: Vec<usize> = pieces(&[0; 21], 16).map(<[i32]>::len).collect();
        assert_eq!(lengths, [16, 4, 1]);
        assert_eq!(pieces(&[0; 3], 0).count(), 3);
    }
}
