//! The other services, in memory. Each keeps the promises of its contract - above all: an id acts once - and sits behind a
//! line that can lose requests and answers, or hold an answer back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use http::HeaderMap;
use mall_carts_api::{CartsApi, Removed};
use mall_http_client::CallError;
use mall_payments_api::{
    PAYMENT_KEY_REQUIRED, PAYMENT_UNKNOWN, Pay, Payment, PaymentState, PaymentsApi, Refund,
    RefundState, Refunded,
};
use mall_problem::{Lang, Problem, RemoteProblem, Text};
use mall_products_api::{ProductView, ProductsApi};
use mall_stock_api::{
    Adjust, Available, RegisterItem, Released, Reservation, ReservationDetail, ReservationState,
    Reserve, ReserveLine, StockApi, codes,
};
use mall_types::{CartId, OrderId, ProductId, UserId};
use tokio::sync::Semaphore;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives.
    LoseRequest,
    /// It is done, and the caller does not hear of it.
    LoseAnswer,
    /// It is done, and the answer waits for [`Line::let_go`].
    HoldAnswer,
    /// Another program has the address now, and does not know the path.
    WrongProgram,
    /// It refuses for good what it should not refuse.
    Conflict,
    /// An instance that lost the caller does it, after another instance refused the second attempt.
    RefuseSecondAttempt,
}

/// The line to a service.
pub struct Line {
    faults: Mutex<VecDeque<Fault>>,
    away: Mutex<bool>,
    held: Semaphore,
    gate: Semaphore,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            faults: Mutex::default(),
            away: Mutex::default(),
            held: Semaphore::new(0),
            gate: Semaphore::new(0),
        }
    }
}

impl Line {
    /// The next calls go wrong like this.
    pub fn faults(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Every call fails before it is sent.
    pub fn away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    /// Until an answer is being held back.
    pub async fn until_held(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    /// Lets a held answer go.
    pub fn let_go(&self) {
        self.gate.add_permits(1);
    }

    async fn through<T>(
        &self,
        work: impl FnOnce() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        if *self.away.lock().unwrap() {
            return Err(CallError::NoInstance {
                service: "fake".into(),
            });
        }
        let fault = self.faults.lock().unwrap().pop_front();
        let lost = || CallError::Timeout {
            service: "fake".into(),
            sent: true,
        };
        match fault {
            None => work(),
            Some(Fault::LoseRequest) => Err(lost()),
            Some(Fault::LoseAnswer) => {
                let _ = work();
                Err(lost())
            }
            Some(Fault::WrongProgram) => {
                Err(refused(Problem::not_found("NOT_FOUND", Text::same("x"))))
            }
            Some(Fault::Conflict) => Err(refused(Problem::conflict("ODD", Text::same("x")))),
            Some(Fault::RefuseSecondAttempt) => {
                let _ = work();
                let mut refusal = refused(Problem::conflict(codes::SOLD_OUT, Text::same("x")));
                if let CallError::Status { problem, .. } = &mut refusal {
                    problem.after_lost_attempt = true;
                }
                Err(refusal)
            }
            Some(Fault::HoldAnswer) => {
                let result = work();
                self.held.add_permits(1);
                self.gate.acquire().await.unwrap().forget();
                result
            }
        }
    }
}

fn refused(problem: Problem) -> CallError {
    let status = problem.kind().status().as_u16();
    let body = problem.body(Lang::En).to_string();
    let problem = RemoteProblem::decode(status, &HeaderMap::new(), body.as_bytes());
    CallError::Status {
        service: "fake".into(),
        problem: Box::new(problem),
    }
}

#[derive(Default)]
pub struct FakeProducts {
    pub line: Line,
    pub views: Mutex<HashMap<ProductId, ProductView>>,
}

#[async_trait]
impl ProductsApi for FakeProducts {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError> {
        let views = self.views.lock().unwrap().clone();
        self.line
            .through(|| Ok(ids.iter().filter_map(|id| views.get(id).cloned()).collect()))
            .await
    }
}

#[derive(Default)]
pub struct FakeCarts {
    pub line: Line,
    pub carts: Mutex<HashMap<UserId, Vec<mall_carts_api::Line>>>,
}

#[async_trait]
impl CartsApi for FakeCarts {
    async fn lines(&self, user: UserId) -> Result<Vec<mall_carts_api::Line>, CallError> {
        self.line
            .through(|| {
                Ok(self
                    .carts
                    .lock()
                    .unwrap()
                    .get(&user)
                    .cloned()
                    .unwrap_or_default())
            })
            .await
    }

    async fn remove(&self, user: UserId, lines: &[CartId]) -> Result<Removed, CallError> {
        self.line
            .through(|| {
                let mut carts = self.carts.lock().unwrap();
                let cart = carts.entry(user).or_default();
                let before = cart.len();
                cart.retain(|line| !lines.contains(&line.cart_id));
                Ok(Removed {
                    removed: (before - cart.len()) as u64,
                })
            })
            .await
    }
}

#[derive(Default)]
pub struct Shelf {
    pub available: HashMap<ProductId, i64>,
    pub reservations: HashMap<String, (ReservationState, Vec<ReserveLine>)>,
    /// Reservations that went back; must never name one twice.
    pub released: Vec<String>,
}

#[derive(Default)]
pub struct FakeStock {
    pub line: Line,
    pub shelf: Mutex<Shelf>,
}

impl FakeStock {
    /// Pieces that are available, held and sold.
    pub fn pieces(&self, product: i64) -> (i64, i64, i64) {
        let shelf = self.shelf.lock().unwrap();
        let sum = |state| {
            let lines = shelf
                .reservations
                .values()
                .filter(|(found, _)| *found == state)
                .flat_map(|(_, lines)| lines);
            lines
                .filter(|line| line.product_id.0 == product)
                .map(|line| line.quantity)
                .sum()
        };
        (
            shelf.available[&ProductId(product)],
            sum(ReservationState::Held),
            sum(ReservationState::Sold),
        )
    }

    /// No reservation went back twice.
    pub fn assert_released_once(&self) {
        let shelf = self.shelf.lock().unwrap();
        let different: HashSet<_> = shelf.released.iter().collect();
        assert_eq!(different.len(), shelf.released.len());
    }

    fn reserve_now(&self, reserve: &Reserve) -> Result<Reservation, CallError> {
        let mut shelf = self.shelf.lock().unwrap();
        let answer = |state| Reservation {
            reservation_id: reserve.reservation_id.clone(),
            state,
        };
        if let Some((state, lines)) = shelf.reservations.get(&reserve.reservation_id) {
            return match state {
                ReservationState::Released => Err(refused(Problem::conflict(
                    codes::RESERVATION_CLOSED,
                    Text::same("x"),
                ))),
                _ if *lines != reserve.lines => Err(refused(Problem::conflict(
                    codes::RESERVATION_MISMATCH,
                    Text::same("x"),
                ))),
                state => Ok(answer(*state)),
            };
        }
        for line in &reserve.lines {
            let Some(available) = shelf.available.get(&line.product_id).copied() else {
                return Err(refused(Problem::not_found(
                    codes::STOCK_UNKNOWN,
                    Text::same("x"),
                )));
            };
            if available < line.quantity {
                let code = if available == 0 {
                    codes::SOLD_OUT
                } else {
                    codes::INSUFFICIENT_STOCK
                };
                let problem = Problem::conflict(code, Text::same("x"))
                    .with_extra("productId", line.product_id.0)
                    .with_extra("available", available);
                return Err(refused(problem));
            }
        }
        for line in &reserve.lines {
            *shelf.available.get_mut(&line.product_id).unwrap() -= line.quantity;
        }
        shelf.reservations.insert(
            reserve.reservation_id.clone(),
            (ReservationState::Held, reserve.lines.clone()),
        );
        Ok(answer(ReservationState::Held))
    }

    fn release_now(&self, id: &str) -> Result<Released, CallError> {
        let mut shelf = self.shelf.lock().unwrap();
        let known = shelf.reservations.get(id).cloned();
        let released = matches!(&known, Some((state, _)) if *state != ReservationState::Released);
        let lines = known.map(|(_, lines)| lines).unwrap_or_default();
        if released {
            for line in &lines {
                *shelf.available.get_mut(&line.product_id).unwrap() += line.quantity;
            }
            shelf.released.push(id.to_owned());
        }
        shelf
            .reservations
            .insert(id.to_owned(), (ReservationState::Released, lines));
        Ok(Released {
            reservation_id: id.to_owned(),
            state: ReservationState::Released,
            released,
        })
    }

    fn confirm_now(&self, id: &str) -> Result<Reservation, CallError> {
        let mut shelf = self.shelf.lock().unwrap();
        match shelf.reservations.get_mut(id) {
            None => Err(refused(Problem::not_found(
                codes::RESERVATION_UNKNOWN,
                Text::same("x"),
            ))),
            Some((ReservationState::Released, _)) => Err(refused(Problem::conflict(
                codes::RESERVATION_CLOSED,
                Text::same("x"),
            ))),
            Some((state, _)) => {
                *state = ReservationState::Sold;
                Ok(Reservation {
                    reservation_id: id.to_owned(),
                    state: *state,
                })
            }
        }
    }
}

#[async_trait]
impl StockApi for FakeStock {
    async fn register(&self, _id: ProductId, _item: &RegisterItem) -> Result<Available, CallError> {
        unreachable!("orders registers nothing")
    }

    async fn adjust(&self, _id: ProductId, _change: &Adjust) -> Result<Available, CallError> {
        unreachable!("orders adjusts nothing")
    }

    async fn available(&self, ids: &[ProductId]) -> Result<Vec<Available>, CallError> {
        let show = || {
            let shelf = self.shelf.lock().unwrap();
            let known = ids.iter().filter_map(|id| {
                let available = *shelf.available.get(id)?;
                Some(Available {
                    product_id: *id,
                    available,
                })
            });
            Ok(known.collect())
        };
        self.line.through(show).await
    }

    async fn reserve(&self, reserve: &Reserve) -> Result<Reservation, CallError> {
        self.line.through(|| self.reserve_now(reserve)).await
    }

    async fn release(&self, reservation_id: &str) -> Result<Released, CallError> {
        self.line.through(|| self.release_now(reservation_id)).await
    }

    async fn confirm(&self, reservation_id: &str) -> Result<Reservation, CallError> {
        self.line.through(|| self.confirm_now(reservation_id)).await
    }

    async fn reservation(&self, _reservation_id: &str) -> Result<ReservationDetail, CallError> {
        unreachable!("orders does not ask")
    }
}

#[derive(Default)]
pub struct Till {
    pub payments: HashMap<OrderId, Payment>,
    /// Orders whose money was taken; must never name one twice.
    pub taken: Vec<OrderId>,
    /// Orders whose money went back; must never name one twice.
    pub given_back: Vec<OrderId>,
    /// What the next payments are answered before they are decided.
    pub undecided: u32,
    /// So many next refunds are made, and answered as not known yet.
    pub undecided_refunds: u32,
    /// Payments wants a key from the provider's window.
    pub wants_key: bool,
}

#[derive(Default)]
pub struct FakePayments {
    pub line: Line,
    pub till: Mutex<Till>,
}

impl FakePayments {
    pub fn taken(&self) -> Vec<i64> {
        self.till
            .lock()
            .unwrap()
            .taken
            .iter()
            .map(|order| order.0)
            .collect()
    }

    pub fn given_back(&self) -> Vec<i64> {
        self.till
            .lock()
            .unwrap()
            .given_back
            .iter()
            .map(|order| order.0)
            .collect()
    }

    /// The provider tells payments that the money of an order went back; nothing more goes back by that.
    pub fn webhook_refunded(&self, order: i64) {
        let mut till = self.till.lock().unwrap();
        if let Some(payment) = till.payments.get_mut(&OrderId(order))
            && payment.refund.is_some()
        {
            payment.refund = Some(RefundState::Refunded);
        }
    }

    fn pay_now(&self, pay: &Pay) -> Result<Payment, CallError> {
        let mut till = self.till.lock().unwrap();
        if let Some(payment) = till.payments.get(&pay.order_id) {
            return Ok(payment.clone());
        }
        if till.wants_key && pay.payment_key.is_none() {
            let problem = Problem::invalid(PAYMENT_KEY_REQUIRED, Text::same("x"));
            return Err(refused(problem));
        }
        let mut payment = Payment {
            order_id: pay.order_id,
            state: PaymentState::Unknown,
            reason: None,
            amount: pay.amount,
            created_at: None,
            refund: None,
        };
        if till.undecided > 0 {
            till.undecided -= 1;
            return Ok(payment);
        }
        if pay.simulate.limit_exceeded {
            payment.state = PaymentState::Declined;
            payment.reason = Some("LIMIT_EXCEEDED".into());
        } else {
            payment.state = PaymentState::Captured;
            till.taken.push(pay.order_id);
        }
        till.payments.insert(pay.order_id, payment.clone());
        Ok(payment)
    }

    fn refund_now(&self, order: OrderId, refund: &Refund) -> Result<Refunded, CallError> {
        let mut till = self.till.lock().unwrap();
        let undecided = till.undecided_refunds > 0;
        till.undecided_refunds = till.undecided_refunds.saturating_sub(1);
        let Some(payment) = till.payments.get_mut(&order) else {
            return Err(refused(Problem::not_found(
                "PAYMENT_UNKNOWN",
                Text::same("x"),
            )));
        };
        if payment.state != PaymentState::Captured || payment.amount != refund.amount {
            return Err(refused(Problem::conflict(
                "REFUND_MISMATCH",
                Text::same("x"),
            )));
        }
        let state = if undecided {
            RefundState::Unknown
        } else {
            RefundState::Refunded
        };
        let first = payment.refund.is_none();
        if payment.refund != Some(RefundState::Refunded) {
            payment.refund = Some(state);
        }
        let state = payment.refund.unwrap_or(state);
        if first {
            till.given_back.push(order);
        }
        Ok(Refunded {
            order_id: order,
            state,
        })
    }
}

#[async_trait]
impl PaymentsApi for FakePayments {
    async fn pay(&self, pay: &Pay) -> Result<Payment, CallError> {
        self.line.through(|| self.pay_now(pay)).await
    }

    async fn refund(&self, order: OrderId, refund: &Refund) -> Result<Refunded, CallError> {
        self.line.through(|| self.refund_now(order, refund)).await
    }

    async fn payment(&self, order: OrderId) -> Result<Payment, CallError> {
        let known = self.till.lock().unwrap().payments.get(&order).cloned();
        let unknown = || refused(Problem::not_found(PAYMENT_UNKNOWN, Text::same("x")));
        self.line.through(|| known.ok_or_else(unknown)).await
    }
}
