//! The rules, without I/O.

mod product;
mod request;

pub use product::{Image, NewImage, Product, ProductEdit, Refusal, Thumb};
pub use request::{AddProduct, EditProduct, NewProduct, StockChange, StockRequest};
