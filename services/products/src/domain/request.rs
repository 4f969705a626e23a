//! What an admin may send, checked as a whole: every bad field is named at once.

use chrono::{DateTime, Datelike, Utc};
use mall_clock::Zone;
use mall_problem::{FieldErrors, Problem, Text};
use mall_stock_api::MAX_PIECES;
use mall_types::Won;
use serde::Deserialize;
use serde_json::Value;

use super::{Image, NewImage, ProductEdit};
use crate::messages;

const LONGEST: usize = 255;

/// A new product, as it is sent.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AddProduct {
    /// Required, 1 to 255 letters.
    pub name: Option<String>,
    /// Required, >= 0.
    pub price: Option<i64>,
    /// >= 0; absent is 0.
    pub stock: Option<i64>,
    /// Up to 255 letters.
    pub description: Option<String>,
    /// The first picture; absent or empty is none.
    pub image_url: Option<String>,
    /// Its name.
    pub image_name: Option<String>,
    /// Absent is false.
    pub is_limited_edition: Option<bool>,
    /// Required for a limited edition: `2027-05-01T10:00`, with seconds, fraction or offset, or an array of 5 to 7 numbers.
    #[schema(value_type = Option<String>)]
    pub open_date_time: Option<Value>,
    /// How many pieces one buyer may hold, >= 1; absent, null and 0 are no limit.
    pub purchase_limit: Option<i64>,
}

/// An edit, as it is sent: absent, null and 0 leave things as they are.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EditProduct {
    /// One more picture.
    pub image_url: Option<String>,
    /// Its name.
    pub image_name: Option<String>,
    /// Whether lists shall show it.
    pub is_thumbnail: Option<bool>,
    /// A new price.
    pub price: Option<i64>,
    /// A new description.
    pub description: Option<String>,
    /// What shall be available.
    pub stock: Option<i64>,
    /// How many pieces one buyer may hold from now on.
    pub purchase_limit: Option<i64>,
}

/// A change of stock, as it is sent: exactly one of the two.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StockRequest {
    /// What shall be available, >= 0.
    pub stock: Option<i64>,
    /// By how much to change what is available, signed, not 0.
    pub change: Option<i64>,
}

/// A checked new product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// Its price.
    pub price: Won,
    /// Its first supply.
    pub stock: i64,
    /// A description.
    pub description: Option<String>,
    /// Its first picture, which lists show.
    pub image: Option<Image>,
    /// When it opens; makes it a limited edition.
    pub opens: Option<DateTime<Utc>>,
    /// How many pieces one buyer may hold.
    pub limit: Option<i64>,
}

/// A checked change of stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockChange {
    /// So many shall be available.
    Set(i64),
    /// So many more or fewer shall be available.
    By(i64),
}

fn check_length(errors: &mut FieldErrors, field: &str, text: Option<&String>) {
    let short = text.is_none_or(|text| text.chars().count() <= LONGEST);
    errors.check(short, field, messages::TOO_LONG);
}

/// A picture is its address; a name without one is none. A client that sends every field sends empty ones too.
fn image(url: Option<String>, name: Option<String>) -> Option<Image> {
    let url = url.filter(|url| !url.is_empty())?;
    Some(Image { url, name })
}

impl AddProduct {
    /// Checks it; times without an offset are read in `zone`.
    pub fn check(self, zone: &Zone) -> Result<NewProduct, Problem> {
        let mut errors = FieldErrors::new();
        let name = errors.required("name", self.name);
        errors.check(
            name.as_ref().is_none_or(|name| !name.trim().is_empty()),
            "name",
            messages::EMPTY,
        );
        check_length(&mut errors, "name", name.as_ref());
        let price = errors.required("price", self.price);
        errors.check(
            price.is_none_or(|price| price >= 0),
            "price",
            messages::NEGATIVE,
        );
        let stock = self.stock.unwrap_or(0);
        errors.check(
            (0..=MAX_PIECES).contains(&stock),
            "stock",
            messages::BAD_STOCK,
        );
        check_length(&mut errors, "description", self.description.as_ref());
        check_length(&mut errors, "imageUrl", self.image_url.as_ref());
        check_length(&mut errors, "imageName", self.image_name.as_ref());
        let limited = self.is_limited_edition.unwrap_or(false);
        let opens = opening(&mut errors, zone, self.open_date_time.as_ref(), limited);
        errors.check(
            self.purchase_limit
                .is_none_or(|limit| (0..=MAX_PIECES).contains(&limit)),
            "purchaseLimit",
            messages::BAD_LIMIT,
        );
        match name.zip(price) {
            Some((name, price)) if errors.is_empty() => Ok(NewProduct {
                name,
                price: Won(price),
                stock,
                description: self.description,
                image: image(self.image_url, self.image_name),
                opens,
                limit: self.purchase_limit.filter(|limit| *limit != 0),
            }),
            _ => Err(errors.problem()),
        }
    }
}

/// Also the time of a product that is not limited must be one, although it is not kept.
fn opening(
    errors: &mut FieldErrors,
    zone: &Zone,
    value: Option<&Value>,
    limited: bool,
) -> Option<DateTime<Utc>> {
    let read = value.map_or(Ok(None), |value| zone.read(value));
    match read {
        Err(_) => errors.add("openDateTime", messages::BAD_TIME),
        // What the database can hold, in every zone.
        Ok(Some(time)) if !(1001..=9998).contains(&time.year()) => {
            errors.add("openDateTime", messages::BAD_TIME)
        }
        Ok(None) if limited => errors.add("openDateTime", messages::NEEDS_OPENING),
        Ok(opens) => return opens.filter(|_| limited),
    }
    None
}

impl EditProduct {
    /// Checks it: what changes of the product, and what shall be available.
    pub fn check(self) -> Result<(ProductEdit, Option<StockChange>), Problem> {
        let mut errors = FieldErrors::new();
        check_length(&mut errors, "imageUrl", self.image_url.as_ref());
        check_length(&mut errors, "imageName", self.image_name.as_ref());
        check_length(&mut errors, "description", self.description.as_ref());
        errors.check(
            self.price.is_none_or(|price| price >= 0),
            "price",
            messages::NEGATIVE,
        );
        let fits = self
            .stock
            .is_none_or(|stock| (0..=MAX_PIECES).contains(&stock));
        errors.check(fits, "stock", messages::BAD_STOCK);
        errors.check(
            self.purchase_limit
                .is_none_or(|limit| (0..=MAX_PIECES).contains(&limit)),
            "purchaseLimit",
            messages::BAD_LIMIT,
        );
        errors.finish()?;
        let thumbnail = self.is_thumbnail.unwrap_or(false);
        let edit = ProductEdit {
            description: self.description,
            price: self.price.filter(|price| *price != 0).map(Won),
            image: image(self.image_url, self.image_name)
                .map(|image| NewImage { image, thumbnail }),
            limit: self.purchase_limit.filter(|limit| *limit != 0),
        };
        Ok((
            edit,
            self.stock.filter(|stock| *stock != 0).map(StockChange::Set),
        ))
    }
}

impl StockRequest {
    /// Checks it.
    pub fn check(&self) -> Result<StockChange, Problem> {
        let one = |ok: bool, field: &str, text: Text, change| {
            let mut errors = FieldErrors::new();
            errors.check(ok, field, text);
            errors.finish().map(|()| change)
        };
        match (self.stock, self.change) {
            (Some(stock), None) => {
                let fits = (0..=MAX_PIECES).contains(&stock);
                one(fits, "stock", messages::BAD_STOCK, StockChange::Set(stock))
            }
            (None, Some(by)) => {
                let fits = by != 0 && (-MAX_PIECES..=MAX_PIECES).contains(&by);
                one(fits, "change", messages::BAD_CHANGE, StockChange::By(by))
            }
            _ => one(
                false,
                "stock",
                messages::STOCK_OR_CHANGE,
                StockChange::By(0),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
