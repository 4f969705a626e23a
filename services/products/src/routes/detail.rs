//! `GET /product/detail/{productId}`: one product. Original: `ProductController.getProductDetail`.

use axum::Json;
use axum::extract::State;
use mall_clock::Zone;
use mall_problem::{Answer, Path};
use mall_types::{ProductId, Won};
use serde::Serialize;

use crate::app::read;
use crate::domain::Image;
use crate::state::Products;

/// A product's page.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    name: String,
    description: Option<String>,
    /// Pieces that can be ordered; a limited edition does not show them (0).
    stock: i64,
    price: Won,
    // Spelled as in the original.
    imglist: Vec<Picture>,
    is_limited_edition: bool,
    /// When a limited edition opens, with the mall's offset; null for others.
    open_date_time: Option<String>,
    /// Whether it can be ordered now.
    is_open: bool,
    /// How many pieces one buyer may hold; absent where there is no limit, as in the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_limit: Option<i64>,
}

/// A picture.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    img_url: String,
    img_name: Option<String>,
}

impl From<Image> for Picture {
    fn from(image: Image) -> Self {
        Self {
            img_url: image.url,
            img_name: image.name,
        }
    }
}

/// Shows a product.
#[utoipa::path(
    get,
    path = "/product/detail/{productId}",
    tag = "products",
    params(("productId" = i64, Path, description = "The product")),
    responses(
        (status = 200, body = Detail),
        (status = 400, description = "The id is no number"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 503, description = "The stock service is away; limited editions are shown all the same"),
    ),
)]
pub async fn detail(
    State(products): State<Products>,
    Path(product_id): Path<ProductId>,
) -> Answer<Json<Detail>> {
    let detail = products.detail(product_id).await?;
    Ok(Json(page(detail, &products.zone)))
}

fn page(detail: read::Detail, zone: &Zone) -> Detail {
    Detail {
        stock: detail.stock,
        is_open: detail.open,
        purchase_limit: detail.product.limit,
        is_limited_edition: detail.product.is_limited(),
        open_date_time: detail.product.opens.map(|time| zone.show(time)),
        imglist: detail.images.into_iter().map(Picture::from).collect(),
        name: detail.product.name,
        description: detail.product.description,
        price: detail.product.price,
    }
}
