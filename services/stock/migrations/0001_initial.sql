-- What there is of each product. The truth: Redis only mirrors `available`.
CREATE TABLE stock_item (
    product_id BIGINT       NOT NULL,
    name       VARCHAR(255) NOT NULL,
    supplied   BIGINT       NOT NULL DEFAULT 0,
    available  BIGINT       NOT NULL DEFAULT 0,
    held       BIGINT       NOT NULL DEFAULT 0,
    sold       BIGINT       NOT NULL DEFAULT 0,
    updated_at DATETIME(6)  NOT NULL,
    CONSTRAINT pk_stock_item PRIMARY KEY (product_id),
    CONSTRAINT ck_stock_available CHECK (available >= 0),
    CONSTRAINT ck_stock_held CHECK (held >= 0),
    CONSTRAINT ck_stock_sold CHECK (sold >= 0),
    CONSTRAINT ck_stock_conserved CHECK (supplied = available + held + sold)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- One row per reservation id, for ever. A reservation of one product, the common case in a drop, is this row alone; one of
-- several has its lines in reservation_line and no product here; an id that was released before it took anything has neither.
CREATE TABLE reservation (
    reservation_id BINARY(16)                         NOT NULL,
    state          VARCHAR(8) CHARACTER SET ascii     NOT NULL,
    buyer          BIGINT                             NULL,
    product_id     BIGINT                             NULL,
    quantity       BIGINT                             NULL,
    created_at     DATETIME(6)                        NOT NULL,
    updated_at     DATETIME(6)                        NOT NULL,
    CONSTRAINT pk_reservation PRIMARY KEY (reservation_id),
    CONSTRAINT ck_reservation_state CHECK (state IN ('HELD', 'SOLD', 'RELEASED')),
    CONSTRAINT ck_reservation_quantity CHECK (quantity > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE reservation_line (
    reservation_id BINARY(16) NOT NULL,
    product_id     BIGINT     NOT NULL,
    quantity       BIGINT     NOT NULL,
    CONSTRAINT pk_reservation_line PRIMARY KEY (reservation_id, product_id),
    CONSTRAINT ck_reservation_line_quantity CHECK (quantity > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Each change of supply, once per id. `amount` is what was asked, `delta` what it came to.
CREATE TABLE stock_adjustment (
    adjustment_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    product_id    BIGINT                         NOT NULL,
    kind          VARCHAR(8) CHARACTER SET ascii NOT NULL,
    amount        BIGINT                         NOT NULL,
    delta         BIGINT                         NOT NULL,
    created_at    DATETIME(6)                    NOT NULL,
    CONSTRAINT pk_stock_adjustment PRIMARY KEY (adjustment_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The ledger, only ever appended to: the sums of a product's rows are its row in stock_item. A batch of reservations that
-- commits together is one row.
CREATE TABLE stock_movement (
    id           BIGINT                             NOT NULL AUTO_INCREMENT,
    product_id   BIGINT                             NOT NULL,
    kind         VARCHAR(8) CHARACTER SET ascii     NOT NULL,
    supplied     BIGINT                             NOT NULL,
    available    BIGINT                             NOT NULL,
    held         BIGINT                             NOT NULL,
    sold         BIGINT                             NOT NULL,
    reservations INT                                NOT NULL,
    reference    VARCHAR(64)                        NOT NULL,
    created_at   DATETIME(6)                        NOT NULL,
    CONSTRAINT pk_stock_movement PRIMARY KEY (id),
    CONSTRAINT ck_movement_conserved CHECK (supplied = available + held + sold)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE job_lease (
    name    VARCHAR(64) NOT NULL,
    holder  VARCHAR(64) NOT NULL,
    until   DATETIME(6) NOT NULL,
    running TINYINT     NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_lease PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
