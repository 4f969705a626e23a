-- Placing writes no intents any more: a reservation without an order is found by stock, which asks (0002). What a process of an
-- earlier release left behind when it died - an intent, and in stock perhaps a reservation - is given back here as its job would
-- have: fenced, so that no order can come of it, and stock is told.
--
-- The rename waits for whoever has the table in a transaction, and shuts everybody else out: such a process can't write the order
-- of its intent any more.
RENAME TABLE order_intent TO order_intent_ended;

INSERT INTO reservation_fence (reservation_id, created_at)
SELECT i.reservation_id, UTC_TIMESTAMP(6) FROM order_intent_ended i
ON DUPLICATE KEY UPDATE reservation_id = i.reservation_id;

-- As store/fences.rs does: an order that is being written at this moment is waited for, and stays with its reservation.
INSERT INTO outbox (topic, ordering_key, payload, created_at, next_attempt_at)
SELECT 'stock.release', CONCAT('stock:', i.reservation_id), CONCAT('{"reservationId":"', i.reservation_id, '"}'),
       UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
FROM order_intent_ended i LEFT JOIN orders o ON o.reservation_id = i.reservation_id
WHERE o.id IS NULL
LOCK IN SHARE MODE;

DELETE f FROM reservation_fence f
JOIN order_intent_ended i ON i.reservation_id = f.reservation_id
JOIN orders o ON o.reservation_id = f.reservation_id;

DROP TABLE order_intent_ended;
