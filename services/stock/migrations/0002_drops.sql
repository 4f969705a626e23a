-- When a product opens, and how many pieces one buyer may hold of it. NULL: always open, no limit.
ALTER TABLE stock_item
    ADD COLUMN opens_at DATETIME(6) NULL,
    ADD COLUMN purchase_limit BIGINT NULL,
    ADD CONSTRAINT ck_stock_limit CHECK (purchase_limit >= 1);

-- What each buyer holds of a product with a limit; kept in the transactions that take and give back.
CREATE TABLE allowance (
    product_id BIGINT NOT NULL,
    buyer      BIGINT NOT NULL,
    taken      BIGINT NOT NULL,
    CONSTRAINT pk_allowance PRIMARY KEY (product_id, buyer),
    CONSTRAINT ck_allowance_taken CHECK (taken >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Whether the pieces count in `allowance`: the product had a limit when they were taken. Only then a release gives it back.
ALTER TABLE reservation
    ADD COLUMN counted TINYINT NOT NULL DEFAULT 0;

ALTER TABLE reservation_line
    ADD COLUMN counted TINYINT NOT NULL DEFAULT 0;
