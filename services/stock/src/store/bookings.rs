//! The statements that change a product's row: text that ends a transaction, one message to the server together with the commit.
//!
//! Everybody who wants the product waits for that row from its update to the commit. Sent apart from each other, an instance that
//! is frozen in between would keep the row for as long as it is frozen; so, the server alone decides how long. A guard that says no
//! makes the next statement fail (it writes NULL where none may be), and the transaction with it.
//!
//! As text, not prepared: a batch has any length, and a prepared statement for each length would neither fit the server's nor the
//! connection's cache. Only numbers, words of this file, and [`literal`]s of ids and times stand in it.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use mall_db::literal;
use mall_stock_api::ReservationState as State;
use mall_types::{ProductId, UserId};
use uuid::Uuid;

use super::movements::Movement;
use crate::domain::{Line, sums};

/// A reservation of one product, to be booked with others.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// The caller's id.
    pub id: Uuid,
    /// Who buys.
    pub buyer: UserId,
    /// Pieces.
    pub quantity: i64,
}

/// Writes into text; a `String` takes everything.
macro_rules! add {
    ($text:expr, $($what:tt)*) => {{
        let _ = write!($text, $($what)*);
    }};
}

/// The end of a transaction. The order of the calls is the order of the locks: allowances, reservations, products.
#[derive(Debug)]
pub struct Statements {
    text: String,
    now: String,
}

impl Statements {
    /// None yet, of this time.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            text: String::new(),
            now: literal::time(now),
        }
    }

    /// The text.
    pub fn text(self) -> String {
        self.text
    }

    fn next(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
    }

    /// Adds to what the buyers hold of a product with a limit. [`Statements::hold`] looks whether it is too much.
    pub fn count(&mut self, product: ProductId, holds: &[Hold]) {
        self.next();
        self.text
            .push_str("INSERT INTO allowance (product_id, buyer, taken) VALUES ");
        // Each buyer once, ascending, so that transactions queue instead of deadlocking.
        for (number, (buyer, pieces)) in sums(&asked(holds)).into_iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            add!(self.text, "{comma}({},{},{pieces})", product.0, buyer.0);
        }
        self.text
            .push_str(" ON DUPLICATE KEY UPDATE taken = taken + VALUES(taken)");
    }

    /// Books reservations of one product; a duplicate of [`super::reservations::KEY`] when one of the ids is spent.
    pub fn book(&mut self, product: ProductId, holds: &[Hold], counted: bool) {
        self.next();
        self.text.reserve(900 + holds.len() * 128);
        // What all of them have in common is left to the defaults: the server reads every word of every row.
        let (column, value) = if counted {
            (", counted", ",1")
        } else {
            ("", "")
        };
        add!(
            self.text,
            "INSERT INTO reservation (reservation_id, buyer, product_id, quantity{column}) VALUES "
        );
        let product = format!(",{},", product.0);
        for (number, hold) in holds.iter().enumerate() {
            self.text.push_str(if number == 0 { "(" } else { ",(" });
            let (id, buyer) = (literal::bytes(hold.id), hold.buyer.0);
            add!(self.text, "{id},{buyer}{product}{}{value})", hold.quantity);
        }
        self.unattached(holds.iter().map(|hold| hold.id));
    }

    /// Notes that nobody has vouched for these yet, in one row for all.
    fn unattached(&mut self, ids: impl Iterator<Item = Uuid> + Clone) {
        self.next();
        self.text
            .push_str("INSERT INTO unattached (first, ids) VALUES (");
        let first = literal::bytes(ids.clone().next().unwrap_or_default());
        let ids: Vec<u8> = ids.flat_map(Uuid::into_bytes).collect();
        add!(self.text, "{first},{})", literal::bytes(&ids));
    }

    /// Books a reservation of several products, each with whether it counts; a duplicate of [`super::reservations::KEY`] when the id
    /// is spent.
    pub fn book_lines(&mut self, reservation: Uuid, buyer: UserId, lines: &[(Line, bool)]) {
        self.next();
        self.text
            .push_str("INSERT INTO reservation (reservation_id, buyer) VALUES (");
        add!(self.text, "{},{})", literal::bytes(reservation), buyer.0);
        self.text.push_str(
            "; INSERT INTO reservation_line (reservation_id, product_id, quantity, counted) VALUES ",
        );
        for (number, (line, counted)) in lines.iter().enumerate() {
            self.text.push_str(if number == 0 { "(" } else { ",(" });
            let (id, counted) = (literal::bytes(reservation), i8::from(*counted));
            add!(
                self.text,
                "{id},{},{},{counted})",
                line.product_id.0,
                line.quantity
            );
        }
        self.unattached(std::iter::once(reservation));
    }

    /// Available to held, under the guard that nothing oversells, whatever Redis showed; that nothing is sold before it opens, by
    /// MySQL's clock, which all instances share; that
    /// the limit is the one that was counted against; and that nobody holds more than that.
    pub fn hold(&mut self, product: ProductId, holds: &[Hold], limit: Option<i64>) {
        let pieces: i64 = holds.iter().map(|hold| hold.quantity).sum();
        let now = self.now.clone();
        self.next();
        add!(
            self.text,
            "UPDATE stock_item SET available = available - {pieces}, held = held + {pieces}, updated_at = {now} \
             WHERE product_id = {} AND available >= {pieces} AND (opens_at IS NULL OR opens_at <= UTC_TIMESTAMP(6))",
            product.0
        );
        match limit {
            None => self.text.push_str(" AND purchase_limit IS NULL"),
            Some(limit) => {
                add!(
                    self.text,
                    " AND purchase_limit = {limit} AND NOT EXISTS (SELECT 1 FROM allowance WHERE product_id = {} \
                     AND taken > {limit} AND buyer IN (",
                    product.0
                );
                for (number, (buyer, _)) in sums(&asked(holds)).into_iter().enumerate() {
                    let comma = if number == 0 { "" } else { "," };
                    add!(self.text, "{comma}{}", buyer.0);
                }
                self.text.push_str("))");
            }
        }
        let reference = holds.first().map(|hold| hold.id).unwrap_or_default();
        self.movement(product, Movement::Hold(pieces), holds.len(), reference, "");
    }

    /// One reservation from one state to the next, and its pieces of each product with it; the allowances too when it is given
    /// back. All of it has to be there.
    pub fn step(
        &mut self,
        reservation: Uuid,
        (from, to): (State, State),
        counted: Option<(UserId, &[Line])>,
        lines: &[Line],
    ) {
        let now = self.now.clone();
        self.next();
        add!(
            self.text,
            "UPDATE reservation SET state = '{}', updated_at = {now} WHERE reservation_id = {} AND state = '{}'; \
             SET @found = ROW_COUNT()",
            to.as_str(),
            literal::bytes(reservation),
            from.as_str()
        );
        let mut found = 1;
        for (buyer, line) in counted
            .into_iter()
            .flat_map(|(buyer, lines)| lines.iter().map(move |line| (buyer, line)))
        {
            let (product, pieces) = (line.product_id.0, line.quantity);
            add!(
                self.text,
                "; UPDATE allowance SET taken = taken - {pieces} WHERE product_id = {product} AND buyer = {} \
                 AND taken >= {pieces}; SET @found = @found + ROW_COUNT()",
                buyer.0
            );
            found += 1;
        }
        let and = format!(" AND @found = {found}");
        for line in lines {
            let pieces = line.quantity;
            let (leaves, enters) = (column(from), column(to));
            add!(
                self.text,
                "; UPDATE stock_item SET {leaves} = {leaves} - {pieces}, {enters} = {enters} + {pieces}, updated_at = {now} \
                 WHERE product_id = {} AND {leaves} >= {pieces}",
                line.product_id.0
            );
            let movement = match to {
                State::Sold => Movement::Sell(pieces),
                _ => Movement::Return(from, pieces),
            };
            self.movement(line.product_id, movement, 1, reservation, &and);
        }
    }

    /// Appends to the ledger; fails unless the statement before has changed the product's row, `and` so on.
    fn movement(
        &mut self,
        product: ProductId,
        movement: Movement,
        reservations: usize,
        reference: Uuid,
        and: &str,
    ) {
        let [supplied, available, held, sold] = movement.deltas();
        let (kind, now) = (movement.kind(), &self.now);
        add!(
            self.text,
            "; INSERT INTO stock_movement (product_id, kind, supplied, available, held, sold, reservations, reference, created_at) \
             VALUES (IF(ROW_COUNT() = 1{and}, {}, NULL), '{kind}', {supplied}, {available}, {held}, {sold}, {reservations}, \
             '{reference}', {now})",
            product.0
        );
    }
}

/// What each asks for.
fn asked(holds: &[Hold]) -> Vec<(UserId, i64)> {
    holds
        .iter()
        .map(|hold| (hold.buyer, hold.quantity))
        .collect()
}

/// Where a reservation's pieces are.
fn column(state: State) -> &'static str {
    match state {
        State::Held => "held",
        State::Sold => "sold",
        State::Released => "available",
    }
}
