-- Who made a step (nobody: time, or the payment), why, and on account of which Idempotency-Key: a repetition finds what it did.
ALTER TABLE order_history
    ADD COLUMN effect CHAR(36)     NULL,
    ADD COLUMN actor  BIGINT       NULL,
    ADD COLUMN note   VARCHAR(255) NULL;

-- On account of which key it is being paid, and since when its buyer wants to give it up although a payment of unknown outcome is
-- under way. The indexes are for the admins' search, which reads no more rows than it shows.
ALTER TABLE orders
    ADD COLUMN pay_effect     CHAR(36)    NULL,
    ADD COLUMN give_up_wanted DATETIME(6) NULL,
    ADD INDEX ix_orders_status (status, id),
    ADD INDEX ix_orders_date (order_date, id);

-- A copy of the order's status, changed in the same transaction: without it a search by product and state would have to look at
-- every order of the product.
ALTER TABLE order_line
    ADD COLUMN order_status TINYINT NOT NULL DEFAULT 7,
    ADD INDEX ix_order_line_product (product_id, order_id),
    ADD INDEX ix_order_line_status (product_id, order_status, order_id);

UPDATE order_line l JOIN orders o ON o.id = l.order_id SET l.order_status = o.status;
