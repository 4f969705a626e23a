-- One payment per order. The row is written, as UNKNOWN, before the provider is asked.
CREATE TABLE payment (
    id           BIGINT      NOT NULL AUTO_INCREMENT,
    order_id     BIGINT      NOT NULL,
    user_id      BIGINT      NOT NULL,
    amount       BIGINT      NOT NULL,
    state        VARCHAR(16) NOT NULL,
    reason       VARCHAR(64) NULL,
    provider     VARCHAR(32) NOT NULL,
    provider_key CHAR(36)    NOT NULL,
    simulate     TEXT        NOT NULL,
    attempts     INT         NOT NULL DEFAULT 0,
    created_at   DATETIME(6) NOT NULL,
    updated_at   DATETIME(6) NOT NULL,
    CONSTRAINT pk_payment PRIMARY KEY (id),
    CONSTRAINT uq_payment_order UNIQUE (order_id),
    CONSTRAINT uq_payment_provider_key UNIQUE (provider_key),
    CONSTRAINT ck_payment_amount CHECK (amount >= 0),
    CONSTRAINT ck_payment_state CHECK (state IN ('UNKNOWN', 'CAPTURED', 'DECLINED')),
    INDEX ix_payment_state (state, updated_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- At most one refund per payment, always of the whole amount.
CREATE TABLE refund (
    id           BIGINT      NOT NULL AUTO_INCREMENT,
    payment_id   BIGINT      NOT NULL,
    refund_id    VARCHAR(64) NOT NULL,
    amount       BIGINT      NOT NULL,
    state        VARCHAR(16) NOT NULL,
    provider_key CHAR(36)    NOT NULL,
    attempts     INT         NOT NULL DEFAULT 0,
    created_at   DATETIME(6) NOT NULL,
    updated_at   DATETIME(6) NOT NULL,
    CONSTRAINT pk_refund PRIMARY KEY (id),
    CONSTRAINT uq_refund_payment UNIQUE (payment_id),
    CONSTRAINT uq_refund_provider_key UNIQUE (provider_key),
    CONSTRAINT fk_refund_payment FOREIGN KEY (payment_id) REFERENCES payment (id),
    CONSTRAINT ck_refund_state CHECK (state IN ('UNKNOWN', 'REFUNDED'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The books of the simulated provider: what a real one would keep on its side. Only its adapter reads or writes them.
CREATE TABLE simulated_charge (
    provider_key CHAR(36)    NOT NULL,
    amount       BIGINT      NOT NULL,
    reason       VARCHAR(64) NULL,
    charged_at   DATETIME(6) NOT NULL,
    refund_key   CHAR(36)    NULL,
    refunded_at  DATETIME(6) NULL,
    CONSTRAINT pk_simulated_charge PRIMARY KEY (provider_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
