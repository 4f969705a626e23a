-- Whether somebody has vouched for a reservation: its order exists, or it was given back. What is not attached for a while is asked
-- about. Rows that are here already need no question: the releases of orders that made them look after their own.
ALTER TABLE reservation
    ADD COLUMN attached TINYINT NOT NULL DEFAULT 1;

ALTER TABLE reservation
    ALTER COLUMN attached SET DEFAULT 0,
    ADD INDEX ix_reservation_attached (attached, created_at);
