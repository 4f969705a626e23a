//! The internal contract of the stock service (`application-stock`): the one service that changes stock.
//!
//! Every change carries an id that the caller chose, and is applied at most once under that id: a caller that does not
//! know whether its call arrived simply repeats it. [`HttpStock`] therefore marks all of its calls as repeatable.
//!
//! A reservation lives `HELD` → `SOLD` → `RELEASED` or `HELD` → `RELEASED`; nothing leads out of `RELEASED`.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mall_http_client::{Call, CallClient, CallError};
use mall_types::{ProductId, UserId};
use serde::{Deserialize, Serialize};

/// The registry name of the service.
pub const SERVICE: &str = "application-stock";

/// The circuit breaker that guards calls to stock.
pub const BREAKER: &str = "stockServiceCircuitBreaker";

/// The most lines that one reservation may have.
pub const MAX_LINES: usize = 200;

/// The most ids that one availability question may name; [`HttpStock`] splits longer ones by itself.
pub const MAX_IDS: usize = 1000;

/// The most pieces of one product that can be supplied. Far above any shop, far below where counting gets imprecise in Lua.
pub const MAX_PIECES: i64 = 1_000_000_000_000;

/// Stock waits up to 5 s for a product's lock; whoever asks for a change must be ready to wait a little longer.
const CHANGE_DEADLINE: Duration = Duration::from_secs(8);
const READ_DEADLINE: Duration = Duration::from_secs(3);

/// Stable codes of stock's refusals.
pub mod codes {
    /// 409: nothing is left of `productId` (extra).
    pub const SOLD_OUT: &str = "SOLD_OUT";
    /// 409: something is left (`available`, extra) of `productId`, but fewer than asked.
    pub const INSUFFICIENT_STOCK: &str = "INSUFFICIENT_STOCK";
    /// 409: `productId` opens at `openDateTime` (extras; UTC), not before.
    pub const NOT_YET_OPEN: &str = "NOT_YET_OPEN";
    /// 409: one buyer may hold `limit` pieces of `productId`, this one `remaining` more (extras).
    pub const PURCHASE_LIMIT_EXCEEDED: &str = "PURCHASE_LIMIT_EXCEEDED";
    /// 409: the change would take the available count below zero.
    pub const STOCK_BELOW_ZERO: &str = "STOCK_BELOW_ZERO";
    /// 409: the change would take the available count beyond what can be counted.
    pub const STOCK_TOO_LARGE: &str = "STOCK_TOO_LARGE";
    /// 404: stock knows no such product.
    pub const STOCK_UNKNOWN: &str = "STOCK_UNKNOWN";
    /// 409: the reservation was released, nothing can be done with its id any more.
    pub const RESERVATION_CLOSED: &str = "RESERVATION_CLOSED";
    /// 409: the id is in use for another reservation (other buyer or lines).
    pub const RESERVATION_MISMATCH: &str = "RESERVATION_MISMATCH";
    /// 409: the adjustment id was used for another change.
    pub const ADJUSTMENT_MISMATCH: &str = "ADJUSTMENT_MISMATCH";
    /// 404: no reservation has this id.
    pub const RESERVATION_UNKNOWN: &str = "RESERVATION_UNKNOWN";
    /// 503: the product's lock was not to be had in time; nothing changed.
    pub const LOCK_TIMEOUT: &str = "LOCK_TIMEOUT";
    /// 503: Redis is away; nothing changed, or the change is repeatable under its id.
    pub const STOCK_UNAVAILABLE: &str = "STOCK_UNAVAILABLE";
}

/// Makes a product known to stock, or says anew what it is called, when it opens and how many one buyer may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterItem {
    /// The name that `detailStock` shows.
    pub name: String,
    /// First supply in pieces, >= 0, booked once per `adjustment_id`; `None` changes only the name.
    #[serde(default)]
    pub available: Option<i64>,
    /// The id under which the supply is booked, up to 64 letters.
    pub adjustment_id: String,
    /// Before this (UTC) nothing is reserved; `None`: always open. Replaces what was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_date_time: Option<DateTime<Utc>>,
    /// How many pieces one buyer may hold, >= 1; `None`: no limit. Replaces what was; pieces that were taken without a limit
    /// don't count against a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_limit: Option<i64>,
}

/// Changes what is available of a product: exactly one of `set` and `change`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adjust {
    /// The id under which the change is booked once, up to 64 letters.
    pub adjustment_id: String,
    /// What shall be available, >= 0; booked as the difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<i64>,
    /// By how much to change what is available, signed, not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
}

/// What is available of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Available {
    /// The product.
    pub product_id: ProductId,
    /// Pieces that can be reserved now, >= 0.
    pub available: i64,
}

/// Asks for pieces of one or several products: all lines or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// Chosen by the caller, a UUID as text; the same id never takes twice.
    pub reservation_id: String,
    /// Who buys.
    pub buyer: UserId,
    /// At least one line, each product once, at most [`MAX_LINES`].
    pub lines: Vec<ReserveLine>,
}

/// One line of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, >= 1.
    pub quantity: i64,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReservationState {
    /// The pieces are put aside.
    Held,
    /// The order is paid.
    Sold,
    /// The pieces went back; the end.
    Released,
}

impl ReservationState {
    /// The word on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Sold => "SOLD",
            Self::Released => "RELEASED",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "HELD" => Some(Self::Held),
            "SOLD" => Some(Self::Sold),
            "RELEASED" => Some(Self::Released),
            _ => None,
        }
    }
}

/// Answer to reserve and confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The id that the caller chose.
    pub reservation_id: String,
    /// Where it stands now: a repeated reserve of a confirmed one says `SOLD`.
    pub state: ReservationState,
}

/// Answer to release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The id that the caller chose.
    pub reservation_id: String,
    /// Always `RELEASED`: the id can take nothing any more, also when it never took anything.
    pub state: ReservationState,
    /// Whether this very call gave pieces back.
    pub released: bool,
}

/// A reservation as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationDetail {
    /// The id that the caller chose.
    pub reservation_id: String,
    /// Where it stands.
    pub state: ReservationState,
    /// Who buys; `None` for an id that was released before it ever took anything.
    pub buyer: Option<UserId>,
    /// Its lines by ascending product.
    pub lines: Vec<ReserveLine>,
}

/// What other services ask stock.
///
/// # Errors
/// All calls fail with a [`CallError`]; a refusal is `CallError::Status` with one of [`codes`]. After an error that is not a
/// definite refusal the call may have happened: repeat it with the same id, or release that id.
#[async_trait]
pub trait StockApi: Send + Sync {
    /// Makes a product known (its first supply is booked once per adjustment id), or renames it.
    async fn register(&self, id: ProductId, item: &RegisterItem) -> Result<Available, CallError>;
    /// Changes what is available. 409 `STOCK_BELOW_ZERO`, 404 `STOCK_UNKNOWN`.
    async fn adjust(&self, id: ProductId, change: &Adjust) -> Result<Available, CallError>;
    /// What is available, in the order asked; unknown ids are left out.
    async fn available(&self, ids: &[ProductId]) -> Result<Vec<Available>, CallError>;
    /// Takes all lines or none. 409 `SOLD_OUT`, `INSUFFICIENT_STOCK`, `NOT_YET_OPEN`, `PURCHASE_LIMIT_EXCEEDED`,
    /// `RESERVATION_CLOSED`, 404 `STOCK_UNKNOWN`.
    async fn reserve(&self, reserve: &Reserve) -> Result<Reservation, CallError>;
    /// Gives the pieces back, once; an unknown id is closed so that it can never take anything.
    async fn release(&self, reservation_id: &str) -> Result<Released, CallError>;
    /// `HELD` becomes `SOLD`. 409 `RESERVATION_CLOSED`, 404 `RESERVATION_UNKNOWN`.
    async fn confirm(&self, reservation_id: &str) -> Result<Reservation, CallError>;
    /// The reservation as it stands. 404 `RESERVATION_UNKNOWN`.
    async fn reservation(&self, reservation_id: &str) -> Result<ReservationDetail, CallError>;
}

/// [`StockApi`] over HTTP.
#[derive(Clone)]
pub struct HttpStock {
    client: CallClient,
}

impl HttpStock {
    /// Asks through `client`, which finds, balances and guards.
    #[must_use]
    pub fn new(client: CallClient) -> Self {
        Self { client }
    }
}

/// Reservation ids are UUIDs; anything else is kept out of the path, where it could mean another resource.
fn path_safe(id: &str) -> String {
    id.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
        .collect()
}

fn reservation(id: &str) -> String {
    format!("/internal/stock/reservations/{}", path_safe(id))
}

/// A change that is made once, however often it is asked for.
fn change(path: impl Into<String>) -> Call {
    Call::post(SERVICE, path)
        .idempotent()
        .breaker(BREAKER)
        .deadline(CHANGE_DEADLINE)
}

#[async_trait]
impl StockApi for HttpStock {
    async fn register(&self, id: ProductId, item: &RegisterItem) -> Result<Available, CallError> {
        let call = Call::put(SERVICE, format!("/internal/stock/items/{id}"))
            .json(item)
            .breaker(BREAKER)
            .deadline(CHANGE_DEADLINE);
        self.client.call(call).await?.json()
    }

    async fn adjust(&self, id: ProductId, body: &Adjust) -> Result<Available, CallError> {
        let call = change(format!("/internal/stock/items/{id}/adjust")).json(body);
        self.client.call(call).await?.json()
    }

    async fn available(&self, ids: &[ProductId]) -> Result<Vec<Available>, CallError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(MAX_IDS) {
            let list: Vec<String> = part.iter().map(ToString::to_string).collect();
            let call = Call::get(SERVICE, "/internal/stock")
                .query("ids", list.join(","))
                .breaker(BREAKER)
                .deadline(READ_DEADLINE);
            let items: Vec<Available> = self.client.call(call).await?.json()?;
            found.extend(items);
        }
        Ok(found)
    }

    async fn reserve(&self, reserve: &Reserve) -> Result<Reservation, CallError> {
        let call = change("/internal/stock/reservations").json(reserve);
        self.client.call(call).await?.json()
    }

    async fn release(&self, reservation_id: &str) -> Result<Released, CallError> {
        let path = reservation(reservation_id) + "/release";
        self.client.call(change(path)).await?.json()
    }

    async fn confirm(&self, reservation_id: &str) -> Result<Reservation, CallError> {
        let path = reservation(reservation_id) + "/confirm";
        self.client.call(change(path)).await?.json()
    }

    async fn reservation(&self, reservation_id: &str) -> Result<ReservationDetail, CallError> {
        let call = Call::get(SERVICE, reservation(reservation_id))
            .breaker(BREAKER)
            .deadline(READ_DEADLINE);
        self.client.call(call).await?.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_camel_case_and_ignores_what_it_does_not_know() {
        let reserve: Reserve = serde_json::from_str(
            r#"{"reservationId":"a","buyer":7,"lines":[{"productId":3,"quantity":2,"x":1}],"later":true}"#,
        )
        .unwrap();
        assert_eq!(reserve.buyer, UserId(7));
        assert_eq!(
            reserve.lines,
            [ReserveLine {
                product_id: ProductId(3),
                quantity: 2
            }]
        );
        let answer = Released {
            reservation_id: "a".into(),
            state: ReservationState::Released,
            released: false,
        };
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"reservationId":"a","state":"RELEASED","released":false}"#
        );
    }

    #[test]
    fn an_adjustment_names_only_what_it_changes() {
        let adjust = Adjust {
            adjustment_id: "x".into(),
            set: None,
            change: Some(-2),
        };
        assert_eq!(
            serde_json::to_string(&adjust).unwrap(),
            r#"{"adjustmentId":"x","change":-2}"#
        );
    }

    #[test]
    fn every_state_reads_back() {
        for state in [
            ReservationState::Held,
            ReservationState::Sold,
            ReservationState::Released,
        ] {
            assert_eq!(ReservationState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ReservationState::parse("held"), None);
    }

    #[test]
    fn an_id_never_leaves_its_place_in_the_path() {
        assert_eq!(path_safe("../../x?y"), "xy");
        assert_eq!(path_safe("0190b7c2-aa-bb"), "0190b7c2-aa-bb");
    }
}
