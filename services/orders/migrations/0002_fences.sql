-- A reservation that must not become an order any more: stock gives it back, or has. Placing looks here after it has written its
-- row, whoever fences looks there after it has written this one, so one of the two sees the other. Kept for ever; there is one
-- only where an order came to nothing half-way.
CREATE TABLE reservation_fence (
    reservation_id CHAR(36)    NOT NULL,
    created_at     DATETIME(6) NOT NULL,
    CONSTRAINT pk_reservation_fence PRIMARY KEY (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
