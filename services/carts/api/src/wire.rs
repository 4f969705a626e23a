//! The JSON of the internal endpoints.

use mall_types::{CartId, ProductId};
use serde::{Deserialize, Serialize};

/// One line of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The line; its id is never used again.
    pub cart_id: CartId,
    /// The product, which may be gone from the catalogue.
    pub product_id: ProductId,
    /// How many pieces; at least 1.
    pub count: i64,
}

/// Which lines to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    /// The lines; those that are gone already, or belong to somebody else, are passed over.
    pub cart_ids: Vec<CartId>,
}

/// What [`Remove`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// How many lines went; 0 when the call is repeated.
    pub removed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire() {
        let line = Line {
            cart_id: CartId(7),
            product_id: ProductId(3),
            count: 2,
        };
        let json = r#"{"cartId":7,"productId":3,"count":2}"#;
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<Line>(r#"{"cartId":7,"productId":3,"count":2,"new":1}"#)
                .unwrap(),
            line
        );
        let remove = Remove {
            cart_ids: vec![CartId(7), CartId(8)],
        };
        assert_eq!(
            serde_json::to_string(&remove).unwrap(),
            r#"{"cartIds":[7,8]}"#
        );
        assert_eq!(
            serde_json::to_string(&Removed { removed: 1 }).unwrap(),
            r#"{"removed":1}"#
        );
    }
}
