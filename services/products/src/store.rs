//! The tables. One statement per function.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_types::{ProductId, Won};
use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::domain::{Image, NewProduct, Product, ProductEdit, Thumb};

type Row = (
    i64,
    String,
    Option<String>,
    i64,
    Option<NaiveDateTime>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

const COLUMNS: &str = "p.product_id, p.name, p.description, p.price, p.open_date_time, p.purchase_limit, i.img_url, i.img_name \
                       FROM product p LEFT JOIN product_image i ON i.image_id = p.thumbnail_id";

fn product((id, name, description, price, opens, limit, url, image): Row) -> Product {
    Product {
        id: ProductId(id),
        name,
        description,
        price: Won(price),
        opens: opens.map(|time| time.and_utc()),
        limit,
        thumb: url.map(|url| Thumb { url, name: image }),
    }
}

/// Adds a product without pictures.
pub async fn insert(
    conn: &mut MySqlConnection,
    new: &NewProduct,
    now: DateTime<Utc>,
) -> Result<ProductId, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO product (name, description, price, is_limited_edition, open_date_time, purchase_limit, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.price.0)
    .bind(i8::from(new.opens.is_some()))
    .bind(new.opens.map(|time| time.naive_utc()))
    .bind(new.limit)
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(ProductId(done.last_insert_id().cast_signed()))
}

/// Adds a picture.
pub async fn insert_image(
    conn: &mut MySqlConnection,
    id: ProductId,
    image: &Image,
) -> Result<i64, sqlx::Error> {
    let done =
        sqlx::query("INSERT INTO product_image (product_id, img_url, img_name) VALUES (?, ?, ?)")
            .bind(id.0)
            .bind(&image.url)
            .bind(&image.name)
            .execute(conn)
            .await?;
    Ok(done.last_insert_id().cast_signed())
}

/// Lists show this picture from now on.
pub async fn set_thumbnail(
    conn: &mut MySqlConnection,
    id: ProductId,
    image: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE product SET thumbnail_id = ? WHERE product_id = ?")
        .bind(image)
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Changes what is given; `false`: there is no such product.
pub async fn update(
    conn: &mut MySqlConnection,
    id: ProductId,
    edit: &ProductEdit,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE product SET description = COALESCE(?, description), price = COALESCE(?, price), \
         purchase_limit = COALESCE(?, purchase_limit), updated_at = ? \
         WHERE product_id = ?",
    )
    .bind(edit.description.as_deref())
    .bind(edit.price.map(|price| price.0))
    .bind(edit.limit)
    .bind(now.naive_utc())
    .bind(id.0)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The product.
pub async fn find(
    conn: &mut MySqlConnection,
    id: ProductId,
) -> Result<Option<Product>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} WHERE p.product_id = ?");
    let row: Option<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(product))
}

/// Its pictures, in the order in which they were added.
pub async fn images(conn: &mut MySqlConnection, id: ProductId) -> Result<Vec<Image>, sqlx::Error> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT img_url, img_name FROM product_image WHERE product_id = ? ORDER BY image_id",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(url, name)| Image { url, name })
        .collect())
}

/// All products, the oldest first.
pub async fn all(conn: &mut MySqlConnection) -> Result<Vec<Product>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} ORDER BY p.product_id");
    let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(conn).await?;
    Ok(rows.into_iter().map(product).collect())
}

/// Those of the products that there are, in no order.
pub async fn some(
    conn: &mut MySqlConnection,
    ids: &[ProductId],
) -> Result<Vec<Product>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // Of few lengths, so that the statement can be kept: it stands on the way of every order.
    let ids = mall_db::padded(ids);
    let marks = vec!["?"; ids.len()].join(", ");
    let sql = format!("SELECT {COLUMNS} WHERE p.product_id IN ({marks})");
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id.0);
    }
    let rows: Vec<Row> = query.fetch_all(conn).await?;
    Ok(rows.into_iter().map(product).collect())
}
