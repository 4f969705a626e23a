//! Placing an order.
//!
//! Products are asked, then stock, then the order is written, with others that are ready at the same moment (`combine.rs`). Between
//! stock's yes and the order's commit the reservation has no order. Nothing is written down about that here: stock asks about
//! reservations that stay without an order (`fence.rs`), and the answer - a fence, which a late order runs into - is what makes
//! giving them back safe. So a crash at any point leaves the whole order, or a reservation that stock gives back within a minute
//! or so.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use mall_db::TxError;
use mall_http_client::CallError;
use mall_idempotency::Keyed;
use mall_problem::Problem;
use mall_stock_api::{Reserve, ReserveLine};
use mall_types::{OrderId, ProductId, UserId, Won};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::combine::{Placed, Unwritten};
use super::step;
use crate::deliver::STOCK_RELEASE;
use crate::domain::line::{self, Line, Wanted};
use crate::domain::status::PLACED;
use crate::error;
use crate::state::Orders;
use crate::store::fences;
use crate::store::orders::{self, NewOrder};

/// The answer to an order that was placed. With an Idempotency-Key it is stored in the order's own transaction.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedOrder {
    pub order_id: OrderId,
}

/// Why nothing was placed.
#[derive(Debug)]
pub enum NotPlaced {
    /// One of the cart lines is in another order already.
    CartLineOrdered,
    /// Anything else.
    Refused(Problem),
}

impl From<Problem> for NotPlaced {
    fn from(problem: Problem) -> Self {
        NotPlaced::Refused(problem)
    }
}

/// The ids under which an order is placed once: each is a reservation, and what was given back once is lost for good, so there are
/// some.
#[derive(Debug, Clone)]
pub struct Attempt {
    effect: Uuid,
    /// An earlier attempt with these ids began, and nobody knows what became of it.
    pub repeated: bool,
    keyed: Keyed,
}

/// How often a repeated attempt finds that what an earlier one reserved was given back, and reserves anew.
const TURNS: u128 = 4;

impl Attempt {
    /// Of a request with an Idempotency-Key, or of one that nobody repeats.
    pub fn of(keyed: Keyed) -> Self {
        let (effect, repeated) = match &keyed.0 {
            Some(attempt) => (attempt.effect, attempt.repeated),
            // By time: rows that are written together stand together in the indexes.
            None => (Uuid::now_v7(), false),
        };
        Self {
            effect,
            repeated,
            keyed,
        }
    }

    fn id(&self, look: u128, turn: u128) -> String {
        Uuid::from_u128(self.effect.as_u128() ^ (look * TURNS + turn)).to_string()
    }

    /// All that an attempt of so many looks may have used.
    fn ids(&self, looks: u128) -> Vec<String> {
        let each = |look| (0..TURNS).map(move |turn| self.id(look, turn));
        (0..looks).flat_map(each).collect()
    }
}

/// How an attempt failed.
enum Failed {
    /// Nothing is reserved, and nothing can be.
    Clean(Problem),
    /// The reservation is there, or may be, or may come.
    Open(NotPlaced),
    /// The order may be there: touch nothing.
    Unknown(Problem),
    /// The reservation has its order.
    Known,
    /// The reservation was given back, or is another one's.
    Closed(Problem),
}

/// Places an order with these lines, all or none. `look`: which of several attempts of the same request this is.
pub async fn place(
    app: &Orders,
    buyer: UserId,
    wanted: &[Wanted],
    attempt: &Attempt,
    look: u128,
) -> Result<Placed, NotPlaced> {
    if attempt.repeated
        && let Some(order) = earlier(app, buyer, attempt, look + 1).await?
    {
        return Ok(known(order));
    }
    for turn in 0..TURNS {
        let reservation = attempt.id(look, turn);
        let failed = match first_time(app, buyer, wanted, &reservation, attempt).await {
            Ok(placed) => {
                app.relay.kick();
                app.count(PLACED, 1);
                tracing::info!(
                    order.id = placed.order.0,
                    "order {} is placed",
                    placed.order
                );
                return Ok(placed);
            }
            // An earlier attempt may still be on its way: what is said no to must not come to be.
            Err(Failed::Clean(problem)) if attempt.repeated => Failed::Open(problem.into()),
            Err(failed) => failed,
        };
        match failed {
            Failed::Clean(problem) | Failed::Unknown(problem) => return Err(problem.into()),
            Failed::Closed(problem) if !attempt.repeated => return Err(problem.into()),
            Failed::Known => {
                let order = earlier(app, buyer, attempt, look + 1).await?;
                return order.map(known).ok_or(error::too_late().into());
            }
            Failed::Open(refused) => {
                let order = give_back(app, buyer, &reservation).await?;
                return order.map(known).ok_or(refused);
            }
            Failed::Closed(_) => {
                if let Some(order) = give_back(app, buyer, &reservation).await? {
                    return Ok(known(order));
                }
            }
        }
    }
    Err(error::too_late().into())
}

fn known(order: OrderId) -> Placed {
    Placed {
        order,
        cart_remove: None,
    }
}

/// The order that an earlier attempt has come to.
pub async fn earlier(
    app: &Orders,
    buyer: UserId,
    attempt: &Attempt,
    looks: u128,
) -> Result<Option<OrderId>, Problem> {
    let ids = attempt.ids(looks);
    let found = app.db.read("earlier_order", move |conn| {
        let ids = ids.clone();
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(orders::of_reservations(conn, &ids, buyer).await?)
        })
    });
    Ok(found.await?)
}

async fn first_time(
    app: &Orders,
    buyer: UserId,
    wanted: &[Wanted],
    reservation: &str,
    attempt: &Attempt,
) -> Result<Placed, Failed> {
    // A first look: whoever stands at an empty shelf costs nobody a question. One who comes again may have been accepted before.
    let empty = |want: &&Wanted| !attempt.repeated && app.marks.refuses(want.product);
    if let Some(want) = wanted.iter().find(empty) {
        return Err(Failed::Clean(error::sold_out(want.product)));
    }
    let (lines, total) = priced(app, wanted).await.map_err(Failed::Clean)?;
    let reserve = Reserve {
        reservation_id: reservation.to_owned(),
        buyer,
        lines: reserve_lines(&lines),
    };
    let asked = Instant::now();
    if let Err(refusal) = app.peers.stock.reserve(&reserve).await {
        let (nothing, closed) = (is_nothing(&refusal), error::said_closed(&refusal));
        if nothing && let Some(product) = error::said_sold_out(&refusal) {
            app.marks.sold_out(product, asked);
        }
        let problem = error::unreserved(refusal, app.zone);
        return Err(match (nothing, closed) {
            (true, true) => Failed::Closed(problem),
            (true, false) => Failed::Clean(problem),
            // Nobody knows whether stock took them. Giving an unknown reservation back closes its id.
            (false, _) => Failed::Open(problem.into()),
        });
    }
    app.faults.reach("placing.reserved").await;
    let order = NewOrder {
        user: buyer,
        reservation: reservation.to_owned(),
        lines,
        total,
    };
    let written = app.combiner.write(order, attempt.keyed.clone()).await;
    app.faults.reach("placing.written").await;
    written.map_err(|unwritten| match unwritten {
        Unwritten::CartLineOrdered => Failed::Open(NotPlaced::CartLineOrdered),
        Unwritten::Fenced => Failed::Closed(error::too_late()),
        Unwritten::Known => Failed::Known,
        Unwritten::Failed(problem) => Failed::Open(problem.into()),
        Unwritten::Unknown(problem) => Failed::Unknown(problem),
    })
}

/// Asks products for names, prices and opening times, and prices the lines.
async fn priced(app: &Orders, wanted: &[Wanted]) -> Result<(Vec<Line>, Won), Problem> {
    let ids = wanted.iter().map(|want| want.product).collect();
    let offers = app.offers.of(ids).await?;
    line::price(wanted, &offers, app.clock.now())
        .map_err(|refusal| error::unorderable(refusal, app.zone))
}

/// Each product once, in one order for everybody.
fn reserve_lines(lines: &[Line]) -> Vec<ReserveLine> {
    let mut pieces: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in lines {
        let sum = pieces.entry(line.product).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    pieces
        .into_iter()
        .map(|(product_id, quantity)| ReserveLine {
            product_id,
            quantity,
        })
        .collect()
}

/// Stock's own no, or a call that was never sent: nothing is reserved. 401, 403 and the like say nothing about the reservation, and
/// neither does a no to the second attempt when the first was lost: another instance may still be about to take it.
fn is_nothing(error: &CallError) -> bool {
    let said_no = match error {
        CallError::Status { problem, .. } => matches!(problem.status, 404 | 409),
        _ => true,
    };
    said_no && !error.may_have_happened()
}

/// Has the reservation given back, and makes sure that no order comes of it any more. `Some`: it has its order. When this fails,
/// nothing is certain; stock finds a reservation without an order by itself.
async fn give_back(
    app: &Orders,
    buyer: UserId,
    reservation: &str,
) -> Result<Option<OrderId>, Problem> {
    let (now, ids) = (app.clock.now(), [reservation.to_owned()]);
    let given = app.db.run_tx("give_back", move |tx| {
        let ids = ids.clone();
        Box::pin(async move {
            if !fences::fence(tx, now, &ids).await?.is_empty() {
                let order = orders::of_reservations(tx, &ids, buyer).await?;
                return Ok::<_, TxError<Infallible>>(order);
            }
            step::stock(tx, now, STOCK_RELEASE, &ids[0]).await?;
            Ok(None)
        })
    });
    let given = given.await.inspect_err(|error| {
        tracing::warn!(reservation.id = reservation, error = %error, "reservation is left to stock's job");
    })?;
    app.faults.reach("giveback.written").await;
    app.relay.kick();
    Ok(given)
}
