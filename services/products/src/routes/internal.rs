//! What other services ask; its wire types are the crate `mall_products_api`.

pub mod products;
