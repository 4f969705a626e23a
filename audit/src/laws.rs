//! What must hold in MySQL when the mall is quiet. Each law is a query that finds what breaks it, one text a row.

use std::time::Duration;

/// Most lines of one kind in a report.
pub const MOST: usize = 20;

/// One thing that must hold.
#[derive(Debug)]
pub struct Law {
    pub name: &'static str,
    pub query: String,
}

/// The numbers of a report, in the order of its fields.
pub const COUNTS: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(supplied), 0) AS SIGNED), \
    CAST(COALESCE(SUM(available), 0) AS SIGNED), CAST(COALESCE(SUM(held), 0) AS SIGNED), \
    CAST(COALESCE(SUM(sold), 0) AS SIGNED), (SELECT COUNT(*) FROM mall_stock.reservation), \
    (SELECT COUNT(*) FROM mall_orders.orders), \
    (SELECT COUNT(*) FROM mall_payments.payment WHERE state = 'CAPTURED'), \
    (SELECT COUNT(*) FROM mall_payments.refund) FROM mall_stock.stock_item";

/// Reservation, product and pieces, whichever way they are stored.
const RESERVED: &str = "(SELECT reservation_id, product_id, quantity, counted FROM mall_stock.reservation WHERE product_id IS NOT NULL \
    UNION ALL SELECT reservation_id, product_id, quantity, counted FROM mall_stock.reservation_line)";

/// Product, buyer, what counts against the buyer's limit and is not given back, and when the last of it was taken.
const COUNTED: &str = "(SELECT l.product_id, r.buyer, SUM(l.quantity) AS quantity, MAX(r.created_at) AS latest FROM \
    (SELECT reservation_id, product_id, quantity, counted FROM mall_stock.reservation WHERE product_id IS NOT NULL \
     UNION ALL SELECT reservation_id, product_id, quantity, counted FROM mall_stock.reservation_line) l \
    JOIN mall_stock.reservation r ON r.reservation_id = l.reservation_id \
    WHERE l.counted <> 0 AND r.state <> 'RELEASED' GROUP BY l.product_id, r.buyer)";

/// The same from the orders' side.
const ORDERED: &str = "(SELECT o.reservation_id, l.product_id, SUM(l.quantity) AS quantity FROM mall_orders.orders o \
    JOIN mall_orders.order_line l ON l.order_id = o.id GROUP BY o.reservation_id, l.product_id)";

/// `reservation_id` of stock as orders writes it.
const AS_TEXT: &str = "INSERT(INSERT(INSERT(INSERT(LOWER(HEX(r.reservation_id)), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')";

/// `reservation_id` of orders as stock stores it: so the join runs on stock's key.
const AS_BYTES: &str = "UNHEX(REPLACE(o.reservation_id, '-', ''))";

/// Orders' numbers of states: see `services/orders/migrations`.
const STATE_NAMES: &str = "ELT(o.status + 1, 'ORDER_COMPLETE', 'REQ_CANCEL', 'ORDER_CANCEL', 'SHIPPING', 'FINISH_SHIPPING', \
    'REQ_REFUND', 'FINISH_REFUND', 'WAITING_PAYING')";

/// Nothing is on its way to stock about this order's reservation.
const STOCK_KNOWS: &str = "NOT EXISTS (SELECT 1 FROM mall_orders.outbox b WHERE b.ordering_key = CONCAT('stock:', o.reservation_id))";

/// All of them.
pub fn all(orphan_age: Duration) -> Vec<Law> {
    let mut laws = Vec::new();
    let mut law = |name, query: String| {
        laws.push(Law {
            name,
            query: format!("{query} LIMIT {MOST}"),
        });
    };
    stock(&mut law);
    limits(&mut law);
    orders(&mut law, orphan_age);
    money(&mut law);
    for schema in ["mall_users", "mall_products", "mall_orders"] {
        law(
            "no message is dead",
            format!(
                "SELECT CONCAT('{schema}: ', topic, ' ', ordering_key, ': ', COALESCE(last_error, '')) FROM {schema}.outbox WHERE dead <> 0"
            ),
        );
    }
    laws
}

fn stock(law: &mut impl FnMut(&'static str, String)) {
    law(
        "supplied = available + held + sold",
        "SELECT CONCAT('product ', product_id, ': ', supplied, ' <> ', available, ' + ', held, ' + ', sold) \
         FROM mall_stock.stock_item WHERE supplied <> available + held + sold \
         OR LEAST(supplied, available, held, sold) < 0"
            .into(),
    );
    law(
        "the ledger adds up",
        "SELECT CONCAT('product ', i.product_id, ': ', \
           CONCAT_WS('/', i.supplied, i.available, i.held, i.sold), ', its movements say ', \
           COALESCE(CONCAT_WS('/', m.supplied, m.available, m.held, m.sold), 'nothing')) \
         FROM mall_stock.stock_item i LEFT JOIN (SELECT product_id, SUM(supplied) AS supplied, SUM(available) AS available, \
           SUM(held) AS held, SUM(sold) AS sold FROM mall_stock.stock_movement GROUP BY product_id) m \
           ON m.product_id = i.product_id \
         WHERE i.supplied <> COALESCE(m.supplied, 0) OR i.available <> COALESCE(m.available, 0) \
           OR i.held <> COALESCE(m.held, 0) OR i.sold <> COALESCE(m.sold, 0)"
            .into(),
    );
    law(
        "supply is what was booked as supply",
        "SELECT CONCAT('product ', i.product_id, ': ', i.supplied, ', its adjustments say ', COALESCE(a.delta, 0)) \
         FROM mall_stock.stock_item i LEFT JOIN (SELECT product_id, SUM(delta) AS delta FROM mall_stock.stock_adjustment \
           GROUP BY product_id) a ON a.product_id = i.product_id WHERE i.supplied <> COALESCE(a.delta, 0)"
            .into(),
    );
    law(
        "held and sold are what is reserved",
        format!(
            "SELECT CONCAT('product ', i.product_id, ': held ', i.held, ' and sold ', i.sold, ', reservations say ', \
               COALESCE(x.held, 0), ' and ', COALESCE(x.sold, 0)) \
             FROM mall_stock.stock_item i LEFT JOIN (SELECT l.product_id, SUM(IF(r.state = 'HELD', l.quantity, 0)) AS held, \
               SUM(IF(r.state = 'SOLD', l.quantity, 0)) AS sold FROM {RESERVED} l \
               JOIN mall_stock.reservation r ON r.reservation_id = l.reservation_id GROUP BY l.product_id) x \
               ON x.product_id = i.product_id \
             WHERE i.held <> COALESCE(x.held, 0) OR i.sold <> COALESCE(x.sold, 0)"
        ),
    );
    law(
        "only known products are reserved",
        format!(
            "SELECT CONCAT('product ', l.product_id, ' in ', {AS_TEXT}) FROM {RESERVED} l \
             JOIN mall_stock.reservation r ON r.reservation_id = l.reservation_id \
             LEFT JOIN mall_stock.stock_item i ON i.product_id = l.product_id WHERE i.product_id IS NULL"
        ),
    );
    // The sum over all products says that released pieces went back once, this one that they came from somewhere.
    law(
        "pieces in live orders are never more than supplied",
        "SELECT CONCAT('product ', l.product_id, ': ', SUM(l.quantity), ' ordered, ', COALESCE(MAX(i.supplied), 0), ' supplied') \
         FROM mall_orders.order_line l JOIN mall_orders.orders o ON o.id = l.order_id \
         LEFT JOIN mall_stock.stock_item i ON i.product_id = l.product_id WHERE o.status NOT IN (2, 6) \
         GROUP BY l.product_id HAVING SUM(l.quantity) > COALESCE(MAX(i.supplied), 0)"
            .into(),
    );
}

/// The limit per buyer. It may change: what was taken before stands, and what was taken since is under it.
fn limits(law: &mut impl FnMut(&'static str, String)) {
    law(
        "an allowance is what its buyer holds",
        format!(
            "SELECT CONCAT('product ', k.product_id, ', buyer ', k.buyer, ': the allowance says ', COALESCE(a.taken, 0), \
               ', reservations ', COALESCE(x.quantity, 0)) \
             FROM (SELECT product_id, buyer FROM mall_stock.allowance UNION SELECT product_id, buyer FROM {COUNTED} c) k \
             LEFT JOIN mall_stock.allowance a ON a.product_id = k.product_id AND a.buyer = k.buyer \
             LEFT JOIN {COUNTED} x ON x.product_id = k.product_id AND x.buyer = k.buyer \
             WHERE COALESCE(a.taken, 0) <> COALESCE(x.quantity, 0)"
        ),
    );
    law(
        "nobody holds more than the limit",
        format!(
            "SELECT CONCAT('product ', i.product_id, ', buyer ', x.buyer, ': ', x.quantity, ' pieces, the limit is ', \
               i.purchase_limit) \
             FROM mall_stock.stock_item i JOIN {COUNTED} x ON x.product_id = i.product_id \
             WHERE x.quantity > i.purchase_limit AND (i.limit_since IS NULL OR x.latest >= i.limit_since)"
        ),
    );
    law(
        "nothing is taken past the limit",
        format!(
            "SELECT CONCAT('reservation ', {AS_TEXT}, ' of ', l.quantity, ' of product ', l.product_id, ' does not count') \
             FROM {RESERVED} l JOIN mall_stock.reservation r ON r.reservation_id = l.reservation_id \
             JOIN mall_stock.stock_item i ON i.product_id = l.product_id \
             WHERE l.counted = 0 AND r.state <> 'RELEASED' AND i.purchase_limit IS NOT NULL \
               AND (i.limit_since IS NULL OR r.created_at >= i.limit_since)"
        ),
    );
}

fn orders(law: &mut impl FnMut(&'static str, String), orphan_age: Duration) {
    law(
        "an order's reservation stands as the order does",
        format!(
            "SELECT CONCAT('order ', o.id, ' is ', {STATE_NAMES}, ', its reservation ', COALESCE(r.state, 'is not there')) \
             FROM mall_orders.orders o LEFT JOIN mall_stock.reservation r ON r.reservation_id = {AS_BYTES} \
             WHERE {STOCK_KNOWS} AND COALESCE(r.state, '') <> \
               CASE WHEN o.status = 7 THEN 'HELD' WHEN o.status IN (2, 6) THEN 'RELEASED' ELSE 'SOLD' END"
        ),
    );
    law(
        "a reservation has one order",
        "SELECT CONCAT('reservation ', reservation_id, ': ', COUNT(*), ' orders') FROM mall_orders.orders \
         GROUP BY reservation_id HAVING COUNT(*) > 1"
            .into(),
    );
    law(
        "an order's reservation is its buyer's",
        format!(
            "SELECT CONCAT('order ', o.id, ' of ', o.user_id, ', reserved for ', r.buyer) \
             FROM mall_orders.orders o JOIN mall_stock.reservation r ON r.reservation_id = {AS_BYTES} \
             WHERE r.buyer <> o.user_id"
        ),
    );
    law(
        "an order's lines are reserved",
        format!(
            "SELECT CONCAT('reservation ', o.reservation_id, ', product ', o.product_id, ': ', o.quantity, ' ordered, ', \
               COALESCE(l.quantity, 0), ' reserved') \
             FROM {ORDERED} o LEFT JOIN {RESERVED} l ON l.reservation_id = {AS_BYTES} AND l.product_id = o.product_id \
             JOIN mall_orders.orders w ON w.reservation_id = o.reservation_id \
             WHERE w.status NOT IN (2, 6) AND COALESCE(l.quantity, 0) <> o.quantity"
        ),
    );
    law(
        "nothing is reserved beside an order's lines",
        format!(
            "SELECT CONCAT('reservation ', {AS_TEXT}, ', product ', l.product_id) FROM {RESERVED} l \
             JOIN mall_stock.reservation r ON r.reservation_id = l.reservation_id AND r.state <> 'RELEASED' \
             JOIN mall_orders.orders w ON w.reservation_id = {AS_TEXT} \
             LEFT JOIN mall_orders.order_line o ON o.order_id = w.id AND o.product_id = l.product_id \
             WHERE o.order_id IS NULL"
        ),
    );
    law(
        "a reservation has an order, or soon will",
        format!(
            "SELECT CONCAT('reservation ', x.id, ' is ', x.state, ' since ', x.created_at) FROM \
               (SELECT {AS_TEXT} AS id, r.state, r.created_at FROM mall_stock.reservation r WHERE r.state <> 'RELEASED' \
                AND r.created_at <= UTC_TIMESTAMP(6) - INTERVAL {} MICROSECOND) x \
             LEFT JOIN mall_orders.orders o ON o.reservation_id = x.id \
             LEFT JOIN mall_orders.outbox b ON b.ordering_key = CONCAT('stock:', x.id) \
             WHERE o.id IS NULL AND b.id IS NULL",
            orphan_age.as_micros()
        ),
    );
    law(
        "an order has lines that add up to its total",
        "SELECT CONCAT('order ', o.id, ': total ', o.total, ', lines ', COALESCE(SUM(l.price * l.quantity), 'absent')) \
         FROM mall_orders.orders o LEFT JOIN mall_orders.order_line l ON l.order_id = o.id \
         GROUP BY o.id, o.total HAVING COUNT(l.line_no) = 0 OR SUM(l.price * l.quantity) <> o.total"
            .into(),
    );
    law(
        "a cart line is ordered at most once",
        "SELECT CONCAT('cart line ', cart_id, ' in ', COUNT(*), ' order lines') FROM mall_orders.order_line \
         WHERE cart_id IS NOT NULL GROUP BY cart_id HAVING COUNT(*) > 1"
            .into(),
    );
}

fn money(law: &mut impl FnMut(&'static str, String)) {
    law(
        "money is taken at most once per order",
        "SELECT CONCAT('order ', order_id, ': ', COUNT(*), ' payments') FROM mall_payments.payment WHERE state = 'CAPTURED' \
         GROUP BY order_id HAVING COUNT(*) > 1"
            .into(),
    );
    law(
        "money that was taken is an order's total",
        "SELECT CONCAT('payment of order ', p.order_id, ': ', p.amount, ' of user ', p.user_id, ', the order ', \
           COALESCE(CONCAT(o.total, ' of user ', o.user_id), 'is not there')) \
         FROM mall_payments.payment p LEFT JOIN mall_orders.orders o ON o.id = p.order_id \
         WHERE p.state = 'CAPTURED' AND (o.id IS NULL OR o.total <> p.amount OR o.user_id <> p.user_id)"
            .into(),
    );
    law(
        "a paid order was paid",
        format!(
            "SELECT CONCAT('order ', o.id, ' is ', {STATE_NAMES}, ', its payment ', COALESCE(p.state, 'is not there')) \
             FROM mall_orders.orders o LEFT JOIN mall_payments.payment p ON p.order_id = o.id \
             WHERE o.status NOT IN (2, 7) AND COALESCE(p.state, '') <> 'CAPTURED'"
        ),
    );
    law(
        "who waits for money did not get it unseen",
        "SELECT CONCAT('order ', o.id, ' is not being paid, its payment is captured') \
         FROM mall_orders.orders o JOIN mall_payments.payment p ON p.order_id = o.id \
         WHERE o.status = 7 AND o.paying_since IS NULL AND p.state = 'CAPTURED'"
            .into(),
    );
    law(
        "an order that ended gives the money back",
        format!(
            "SELECT CONCAT('order ', o.id, ' is ', {STATE_NAMES}, ', its refund ', COALESCE(f.state, 'is not there')) \
             FROM mall_orders.orders o JOIN mall_payments.payment p ON p.order_id = o.id AND p.state = 'CAPTURED' \
             LEFT JOIN mall_payments.refund f ON f.payment_id = p.id \
             WHERE o.status IN (2, 6) AND COALESCE(f.state, '') <> 'REFUNDED' \
             AND NOT EXISTS (SELECT 1 FROM mall_orders.outbox b WHERE b.ordering_key = CONCAT('payment:', o.id))"
        ),
    );
    law(
        "only money that was taken is given back, for an order that ended",
        "SELECT CONCAT('refund of ', f.amount, ' of payment ', f.payment_id, ' (', COALESCE(p.state, 'absent'), ', ', \
           COALESCE(p.amount, 0), ')') \
         FROM mall_payments.refund f LEFT JOIN mall_payments.payment p ON p.id = f.payment_id \
         LEFT JOIN mall_orders.orders o ON o.id = p.order_id \
         WHERE COALESCE(p.state, '') <> 'CAPTURED' OR f.amount > p.amount OR COALESCE(o.status, 7) NOT IN (2, 6)"
            .into(),
    );
    law(
        "money is given back at most once",
        "SELECT CONCAT('payment ', payment_id, ': ', COUNT(*), ' refunds') FROM mall_payments.refund \
         GROUP BY payment_id HAVING COUNT(*) > 1"
            .into(),
    );
}
