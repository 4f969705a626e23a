-- Status numbers are the original's stored order: 0 ORDER_COMPLETE, 1 REQ_CANCEL, 2 ORDER_CANCEL, 3 SHIPPING,
-- 4 FINISH_SHIPPING, 5 REQ_REFUND, 6 FINISH_REFUND, 7 WAITING_PAYING.
CREATE TABLE orders (
    id             BIGINT      NOT NULL AUTO_INCREMENT,
    user_id        BIGINT      NOT NULL,
    status         TINYINT     NOT NULL,
    order_date     DATETIME(6) NOT NULL,
    status_since   DATETIME(6) NOT NULL,
    reservation_id CHAR(36)    NOT NULL,
    total          BIGINT      NOT NULL,
    paying_since   DATETIME(6) NULL,
    pay_request    TEXT        NULL,
    CONSTRAINT pk_orders PRIMARY KEY (id),
    CONSTRAINT uq_orders_reservation UNIQUE (reservation_id),
    CONSTRAINT ck_orders_status CHECK (status BETWEEN 0 AND 7),
    CONSTRAINT ck_orders_total CHECK (total >= 0),
    -- Only an order that waits for its payment is being paid.
    CONSTRAINT ck_orders_paying CHECK (paying_since IS NULL OR status = 7),
    INDEX ix_orders_user (user_id, id),
    INDEX ix_orders_due (status, status_since, id),
    INDEX ix_orders_paying (paying_since, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE order_line (
    order_id     BIGINT       NOT NULL,
    line_no      INT          NOT NULL,
    product_id   BIGINT       NOT NULL,
    product_name VARCHAR(255) NOT NULL,
    price        BIGINT       NOT NULL,
    quantity     BIGINT       NOT NULL,
    -- The cart line that this was; a cart line is ordered at most once.
    cart_id      BIGINT       NULL,
    CONSTRAINT pk_order_line PRIMARY KEY (order_id, line_no),
    CONSTRAINT uq_order_line_cart UNIQUE (cart_id),
    CONSTRAINT fk_order_line_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT ck_order_line_quantity CHECK (quantity >= 1),
    CONSTRAINT ck_order_line_price CHECK (price >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE order_history (
    id       BIGINT      NOT NULL AUTO_INCREMENT,
    order_id BIGINT      NOT NULL,
    status   TINYINT     NOT NULL,
    cause    VARCHAR(32) NOT NULL,
    at       DATETIME(6) NOT NULL,
    CONSTRAINT pk_order_history PRIMARY KEY (id),
    CONSTRAINT fk_order_history_order FOREIGN KEY (order_id) REFERENCES orders (id),
    INDEX ix_order_history_order (order_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- A reservation that may exist without an order. Written before stock is asked, taken away by the order's own transaction;
-- whoever takes it away first decides, so an order can't appear after its reservation was given back.
CREATE TABLE order_intent (
    reservation_id CHAR(36)    NOT NULL,
    user_id        BIGINT      NOT NULL,
    created_at     DATETIME(6) NOT NULL,
    CONSTRAINT pk_order_intent PRIMARY KEY (reservation_id),
    INDEX ix_order_intent_created (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE outbox (
    id              BIGINT       NOT NULL AUTO_INCREMENT,
    topic           VARCHAR(64)  NOT NULL,
    ordering_key    VARCHAR(64)  NOT NULL,
    payload         TEXT         NOT NULL,
    created_at      DATETIME(6)  NOT NULL,
    next_attempt_at DATETIME(6)  NOT NULL,
    attempts        INT          NOT NULL DEFAULT 0,
    locked_by       VARCHAR(64)  NULL,
    locked_until    DATETIME(6)  NULL,
    last_error      VARCHAR(255) NULL,
    dead            TINYINT      NOT NULL DEFAULT 0,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    INDEX ix_outbox_due (dead, next_attempt_at, id),
    INDEX ix_outbox_key (ordering_key, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE job_lease (
    name    VARCHAR(64) NOT NULL,
    holder  VARCHAR(64) NOT NULL,
    until   DATETIME(6) NOT NULL,
    running TINYINT     NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_lease PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
