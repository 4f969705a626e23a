-- How many pieces one buyer may hold; NULL: no limit.
ALTER TABLE product
    ADD COLUMN purchase_limit BIGINT NULL,
    ADD CONSTRAINT ck_product_limit CHECK (purchase_limit >= 1);

-- Stock refuses what has not opened yet, so it has to hear of the openings that were there before.
INSERT INTO outbox (topic, ordering_key, payload, created_at, next_attempt_at)
SELECT 'product.changed', product_id,
       JSON_OBJECT('productId', product_id, 'name', name, 'openDateTime', DATE_FORMAT(open_date_time, '%Y-%m-%dT%H:%i:%s.%fZ')),
       UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
FROM product WHERE open_date_time IS NOT NULL ORDER BY product_id;
