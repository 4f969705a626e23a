//! Who was refused what: a line in the log under the target `audit`, for whoever looks into a dispute or an attack.

use mall_problem::Problem;
use mall_types::{OrderId, UserId};

/// A request that changed nothing because it was not allowed, or made no sense. What failed for our own sake is not told here.
pub fn refused(action: &'static str, user: UserId, order: Option<OrderId>, problem: &Problem) {
    let status = problem.kind().status().as_u16();
    if !(400..500).contains(&status) {
        return;
    }
    tracing::warn!(
        target: "audit", action, user.id = user.0, order.id = order.map(|order| order.0),
        http.status = status, code = problem.code(),
        "{action} by user {user} refused: {}", problem.code()
    );
}
