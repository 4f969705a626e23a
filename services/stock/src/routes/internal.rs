//! What other services ask; its wire types are the crate `mall_stock_api`.

pub mod adjust;
pub mod available;
pub mod confirm;
pub mod register;
pub mod release;
pub mod reservation;
pub mod reserve;

use mall_problem::{FieldErrors, Problem};
use uuid::Uuid;

use crate::domain::{BadOrder, read_id};
use crate::messages;

/// A reservation id in a path.
fn id(text: &str) -> Result<Uuid, Problem> {
    read_id(text).ok_or_else(|| BadOrder::Id.into())
}

fn check_adjustment_id(errors: &mut FieldErrors, id: &str) {
    errors.check(
        (1..=64).contains(&id.chars().count()),
        "adjustmentId",
        messages::BAD_ADJUSTMENT_ID,
    );
}
