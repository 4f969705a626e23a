//! The state machine of an order: [`TRANSITIONS`] is all of it.
//!
//! ```text
//!            PAID                  SHIPPED          DELIVERED
//! WAITING ─────────▶ ORDER_COMPLETE ─────▶ SHIPPING ─────────▶ FINISH_SHIPPING
//!  PAYING               │ CANCEL_REQUESTED                       │ REFUND_REQUESTED
//!    │                  ▼                                        ▼
//!    │ declined,     REQ_CANCEL                              REQ_REFUND
//!    │ cancelled,       │ CANCELED                               │ REFUNDED
//!    │ deadline         ▼                                        ▼
//!    └────────────▶ ORDER_CANCEL                            FINISH_REFUND
//! ```

use std::fmt;

/// Where an order stands. The numbers are the original's stored order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    OrderComplete = 0,
    ReqCancel = 1,
    OrderCancel = 2,
    Shipping = 3,
    FinishShipping = 4,
    ReqRefund = 5,
    FinishRefund = 6,
    WaitingPaying = 7,
}

impl Status {
    /// In stored order.
    pub const ALL: [Status; 8] = [
        Status::OrderComplete,
        Status::ReqCancel,
        Status::OrderCancel,
        Status::Shipping,
        Status::FinishShipping,
        Status::ReqRefund,
        Status::FinishRefund,
        Status::WaitingPaying,
    ];

    /// As it is stored.
    pub fn ordinal(self) -> i8 {
        self as i8
    }

    /// From how it is stored.
    pub fn from_ordinal(ordinal: i8) -> Option<Status> {
        usize::try_from(ordinal)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
    }

    /// From how clients write it.
    pub fn parse(text: &str) -> Option<Status> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// As clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::OrderComplete => "ORDER_COMPLETE",
            Status::ReqCancel => "REQ_CANCEL",
            Status::OrderCancel => "ORDER_CANCEL",
            Status::Shipping => "SHIPPING",
            Status::FinishShipping => "FINISH_SHIPPING",
            Status::ReqRefund => "REQ_REFUND",
            Status::FinishRefund => "FINISH_REFUND",
            Status::WaitingPaying => "WAITING_PAYING",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What must happen elsewhere because of a transition; written to the outbox in the transition's own transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The reserved pieces are sold.
    ConfirmStock,
    /// The pieces go back.
    ReleaseStock,
    /// The money goes back.
    RefundPayment,
}

/// Whether the order may, or must, be marked as being paid.
///
/// The mark is what keeps a payment under way and the payment deadline apart: the one needs it, the other its absence, and
/// setting it is a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayMark {
    /// A payment was asked for.
    Set,
    /// None was.
    Clear,
}

/// Who can make a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// What payments says of the payment.
    Payment,
    /// The buyer.
    Buyer,
    /// A job, when the order has stood where it is for long enough.
    Time,
    /// An admin, by hand.
    Admin,
}

/// An allowed change of status.
#[derive(Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: Status,
    pub to: Status,
    /// Why, as the history shows it, unless an admin made it ([`MOVED`]). Unique.
    pub cause: &'static str,
    pub mark: PayMark,
    pub by: &'static [By],
    pub effects: &'static [Effect],
}

/// The cause of an order's first history row.
pub const PLACED: &str = "PLACED";
/// The cause of whatever an admin made.
pub const MOVED: &str = "MOVED_BY_ADMIN";

/// The provider took the money.
pub static PAID: Transition = Transition {
    from: Status::WaitingPaying,
    to: Status::OrderComplete,
    cause: "PAID",
    mark: PayMark::Set,
    by: &[By::Payment],
    effects: &[Effect::ConfirmStock],
};
/// The provider refused.
pub static PAYMENT_DECLINED: Transition = Transition {
    from: Status::WaitingPaying,
    to: Status::OrderCancel,
    cause: "PAYMENT_DECLINED",
    mark: PayMark::Set,
    by: &[By::Payment],
    effects: &[Effect::ReleaseStock],
};
/// The shopper gave up instead of paying.
pub static PAYMENT_CANCELED: Transition = Transition {
    from: Status::WaitingPaying,
    to: Status::OrderCancel,
    cause: "PAYMENT_CANCELED",
    mark: PayMark::Clear,
    by: &[By::Buyer, By::Admin],
    effects: &[Effect::ReleaseStock],
};
/// Nobody paid in time.
pub static PAYMENT_DEADLINE: Transition = Transition {
    from: Status::WaitingPaying,
    to: Status::OrderCancel,
    cause: "PAYMENT_DEADLINE",
    mark: PayMark::Clear,
    by: &[By::Time],
    effects: &[Effect::ReleaseStock],
};
/// The shopper wants to cancel a paid order.
pub static CANCEL_REQUESTED: Transition = Transition {
    from: Status::OrderComplete,
    to: Status::ReqCancel,
    cause: "CANCEL_REQUESTED",
    mark: PayMark::Clear,
    by: &[By::Buyer, By::Admin],
    effects: &[],
};
/// The cancellation is carried out.
pub static CANCELED: Transition = Transition {
    from: Status::ReqCancel,
    to: Status::OrderCancel,
    cause: "CANCELED",
    mark: PayMark::Clear,
    by: &[By::Time, By::Admin],
    effects: &[Effect::RefundPayment, Effect::ReleaseStock],
};
/// The parcel left.
pub static SHIPPED: Transition = Transition {
    from: Status::OrderComplete,
    to: Status::Shipping,
    cause: "SHIPPED",
    mark: PayMark::Clear,
    by: &[By::Time, By::Admin],
    effects: &[],
};
/// The parcel arrived.
pub static DELIVERED: Transition = Transition {
    from: Status::Shipping,
    to: Status::FinishShipping,
    cause: "DELIVERED",
    mark: PayMark::Clear,
    by: &[By::Time, By::Admin],
    effects: &[],
};
/// The shopper sends the goods back.
pub static REFUND_REQUESTED: Transition = Transition {
    from: Status::FinishShipping,
    to: Status::ReqRefund,
    cause: "REFUND_REQUESTED",
    mark: PayMark::Clear,
    by: &[By::Buyer, By::Admin],
    effects: &[],
};
/// The return is carried out.
pub static REFUNDED: Transition = Transition {
    from: Status::ReqRefund,
    to: Status::FinishRefund,
    cause: "REFUNDED",
    mark: PayMark::Clear,
    by: &[By::Time, By::Admin],
    effects: &[Effect::RefundPayment, Effect::ReleaseStock],
};

/// Every change of status that there is. What is not in here can't happen.
pub static TRANSITIONS: [&Transition; 10] = [
    &PAID,
    &PAYMENT_DECLINED,
    &PAYMENT_CANCELED,
    &PAYMENT_DEADLINE,
    &CANCEL_REQUESTED,
    &CANCELED,
    &SHIPPED,
    &DELIVERED,
    &REFUND_REQUESTED,
    &REFUNDED,
];

/// What time alone moves, in the order in which a run of the job looks for it: later states first, so that one run
/// moves an order one step.
pub static BY_AGE: [&Transition; 4] = [&REFUNDED, &DELIVERED, &CANCELED, &SHIPPED];

/// The transition by which an admin moves an order from one state to another, if there is one.
///
/// None leads to ORDER_COMPLETE: only money does.
pub fn by_admin(from: Status, to: Status) -> Option<&'static Transition> {
    let mut found = TRANSITIONS.iter().copied();
    found.find(|t| t.from == from && t.to == to && t.by.contains(&By::Admin))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Status::*;
    use super::*;

    /// Rows: from. Columns: to, in stored order. The original's table, written down a second time.
    const ALLOWED: [(Status, &[Status]); 8] = [
        (OrderComplete, &[ReqCancel, Shipping]),
        (ReqCancel, &[OrderCancel]),
        (OrderCancel, &[]),
        (Shipping, &[FinishShipping]),
        (FinishShipping, &[ReqRefund]),
        (ReqRefund, &[FinishRefund]),
        (FinishRefund, &[]),
        (WaitingPaying, &[OrderComplete, OrderCancel]),
    ];

    #[test]
    fn every_pair_of_states_is_allowed_or_not_as_the_table_says() {
        for (from, targets) in ALLOWED {
            for to in Status::ALL {
                let found = TRANSITIONS.iter().any(|t| t.from == from && t.to == to);
                assert_eq!(found, targets.contains(&to), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn causes_are_unique_and_fit_their_column() {
        let causes: HashSet<_> = TRANSITIONS.iter().map(|t| t.cause).collect();
        assert_eq!(causes.len(), TRANSITIONS.len());
        assert!(causes.iter().all(|cause| cause.len() <= 32));
    }

    #[test]
    fn stock_comes_back_exactly_once_on_every_way_that_ends_without_the_goods() {
        fn ways(from: Status, effects: Vec<Effect>, ends: &mut Vec<(Status, Vec<Effect>)>) {
            let next: Vec<_> = TRANSITIONS.iter().filter(|t| t.from == from).collect();
            if next.is_empty() || from == FinishShipping {
                ends.push((from, effects.clone()));
            }
            for step in next {
                let effects = [effects.as_slice(), step.effects].concat();
                ways(step.to, effects, ends);
            }
        }
        let mut ends = Vec::new();
        ways(WaitingPaying, Vec::new(), &mut ends);
        assert_eq!(ends.len(), 6);
        for (end, effects) in ends {
            let count = |effect| effects.iter().filter(|e| **e == effect).count();
            let keeps_goods = end == FinishShipping;
            assert_eq!(
                count(Effect::ReleaseStock),
                usize::from(!keeps_goods),
                "{end}: {effects:?}"
            );
            // Money goes back exactly where it was taken, and stock was confirmed exactly there.
            let paid = count(Effect::ConfirmStock);
            assert!(paid <= 1);
            assert_eq!(
                count(Effect::RefundPayment),
                if keeps_goods { 0 } else { paid },
                "{end}: {effects:?}"
            );
        }
    }

    #[test]
    fn the_pay_mark_keeps_payment_and_deadline_apart() {
        for t in TRANSITIONS {
            let by_payment =
                std::ptr::eq(t, &raw const PAID) || std::ptr::eq(t, &raw const PAYMENT_DECLINED);
            assert_eq!(t.mark == PayMark::Set, by_payment, "{}", t.cause);
        }
        assert_eq!(PAYMENT_DEADLINE.mark, PayMark::Clear);
    }

    #[test]
    fn who_moves_what() {
        for t in TRANSITIONS {
            let by_age = BY_AGE.contains(&t) || *t == PAYMENT_DEADLINE;
            assert_eq!(t.by.contains(&By::Time), by_age, "{}", t.cause);
            assert_eq!(
                t.by.contains(&By::Payment),
                t.mark == PayMark::Set,
                "{}",
                t.cause
            );
        }
        for from in Status::ALL {
            assert_eq!(by_admin(from, OrderComplete), None, "goods without money");
            for to in Status::ALL {
                let by_hand = ALLOWED
                    .iter()
                    .any(|(at, next)| *at == from && next.contains(&to));
                assert_eq!(
                    by_admin(from, to).is_some(),
                    by_hand && to != OrderComplete,
                    "{from} -> {to}"
                );
            }
        }
    }

    #[test]
    fn a_run_by_age_moves_an_order_one_step() {
        for (index, step) in BY_AGE.iter().enumerate() {
            assert!(
                BY_AGE[index + 1..]
                    .iter()
                    .all(|later| later.from != step.to),
                "{} is moved twice",
                step.cause
            );
        }
    }

    #[test]
    fn states_keep_their_stored_numbers_and_names() {
        let names: Vec<_> = Status::ALL.iter().map(|s| s.as_str()).collect();
        assert_eq!(
            names,
            [
                "ORDER_COMPLETE",
                "REQ_CANCEL",
                "ORDER_CANCEL",
                "SHIPPING",
                "FINISH_SHIPPING",
                "REQ_REFUND",
                "FINISH_REFUND",
                "WAITING_PAYING"
            ]
        );
        for (index, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(usize::try_from(status.ordinal()), Ok(index));
            assert_eq!(Status::from_ordinal(status.ordinal()), Some(status));
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::from_ordinal(8), None);
        assert_eq!(Status::parse("order_complete"), None);
        assert_eq!(Status::from_ordinal(-1), None);
    }
}
