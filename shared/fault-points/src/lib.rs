//! Places between two effects at which a test build can be made to stop or to die.
//!
//! A point stands where everything before it is durable and nothing after it has begun, never inside a transaction: dying
//! there is what a crash at the worst moment is. Only builds with `debug_assertions` have them; elsewhere
//! [`FaultPoints::reach`] is empty.

#[cfg(not(debug_assertions))]
mod absent;
#[cfg(debug_assertions)]
mod armed;
#[cfg(debug_assertions)]
mod order;
#[cfg(debug_assertions)]
mod script;

#[cfg(not(debug_assertions))]
pub use absent::FaultPoints;
#[cfg(debug_assertions)]
pub use armed::{FaultPoints, Hook};
#[cfg(debug_assertions)]
pub use script::Script;

/// The environment's variable that names the point at which the process dies: `name`, or `name:3` for the third time.
pub const VARIABLE: &str = "MALL_FAULT_POINT";

/// The environment's variable that names a file with an order, which is read at each passage: `die name`, `die name:3`, or
/// `hold name` for waiting there as long as the order stands. Who dies takes the file away first, so that its successor lives.
pub const FILE_VARIABLE: &str = "MALL_FAULT_FILE";
