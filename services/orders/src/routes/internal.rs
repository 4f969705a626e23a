//! What other services ask; its wire types are the crate `mall_orders_api`.

pub mod reservations;
