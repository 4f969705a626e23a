-- What the shopper brought from the provider's payment window, by what the provider knows the charge, when to ask again
-- while the outcome is unknown. One key of a payment window pays one order.
ALTER TABLE payment
    ADD COLUMN payment_key  VARCHAR(200) NULL,
    ADD COLUMN provider_ref VARCHAR(200) NULL,
    ADD COLUMN next_ask_at  DATETIME(6)  NULL,
    ADD COLUMN settled_at   DATETIME(6)  NULL,
    ADD CONSTRAINT uq_payment_payment_key UNIQUE (payment_key),
    ADD CONSTRAINT uq_payment_id_amount UNIQUE (id, amount),
    ADD INDEX ix_payment_ask (state, next_ask_at, id);

UPDATE payment SET settled_at = updated_at WHERE state <> 'UNKNOWN';

UPDATE payment SET next_ask_at = updated_at WHERE state = 'UNKNOWN';

-- `charged` is the payment's amount, held so by the foreign key: a refund can't be larger than the charge. It may be NULL
-- only because a program of the version before may still write beside this one. `key_round` counts the refusals that the
-- provider answered: the next call has a key of its own, since the old one brings the old answer.
ALTER TABLE refund
    ADD COLUMN charged     BIGINT      NULL,
    ADD COLUMN reason      VARCHAR(64) NULL,
    ADD COLUMN key_round   INT         NOT NULL DEFAULT 0,
    ADD COLUMN next_ask_at DATETIME(6) NULL,
    ADD COLUMN settled_at  DATETIME(6) NULL,
    ADD INDEX ix_refund_ask (state, next_ask_at, id);

UPDATE refund SET charged = (SELECT amount FROM payment WHERE payment.id = refund.payment_id),
    settled_at = IF(state = 'REFUNDED', updated_at, NULL), next_ask_at = IF(state = 'UNKNOWN', updated_at, NULL);

ALTER TABLE refund
    ADD CONSTRAINT fk_refund_charged FOREIGN KEY (payment_id, charged) REFERENCES payment (id, amount),
    ADD CONSTRAINT ck_refund_amount CHECK (amount >= 0 AND amount <= charged);

-- A call of the provider: written before it begins, ended with what it came to. One without an end was cut off by a crash.
CREATE TABLE payment_attempt (
    id              BIGINT      NOT NULL AUTO_INCREMENT,
    payment_id      BIGINT      NOT NULL,
    refund_id       BIGINT      NULL,
    kind            VARCHAR(16) NOT NULL,
    asked_by        VARCHAR(16) NOT NULL,
    idempotency_key VARCHAR(64) NOT NULL,
    started_at      DATETIME(6) NOT NULL,
    ended_at        DATETIME(6) NULL,
    outcome         VARCHAR(16) NULL,
    code            VARCHAR(64) NULL,
    CONSTRAINT pk_payment_attempt PRIMARY KEY (id),
    CONSTRAINT fk_payment_attempt_payment FOREIGN KEY (payment_id) REFERENCES payment (id),
    CONSTRAINT fk_payment_attempt_refund FOREIGN KEY (refund_id) REFERENCES refund (id),
    CONSTRAINT ck_payment_attempt_kind CHECK (kind IN ('CHARGE', 'FIND', 'REFUND', 'FIND_REFUND')),
    INDEX ix_payment_attempt_payment (payment_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Webhooks that were let in. `digest` is of what was signed, body and time: the provider's id of a transmission is not
-- signed, so by itself it would not show a replay.
CREATE TABLE webhook_event (
    provider    VARCHAR(32)  NOT NULL,
    event_id    VARCHAR(128) NOT NULL,
    digest      CHAR(64)     NOT NULL,
    order_id    BIGINT       NOT NULL,
    kind        VARCHAR(64)  NOT NULL,
    status      VARCHAR(32)  NOT NULL,
    received_at DATETIME(6)  NOT NULL,
    done_at     DATETIME(6)  NULL,
    CONSTRAINT pk_webhook_event PRIMARY KEY (provider, event_id),
    CONSTRAINT uq_webhook_event_digest UNIQUE (provider, digest),
    INDEX ix_webhook_event_received (received_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE job_lease (
    name    VARCHAR(64) NOT NULL,
    holder  VARCHAR(64) NOT NULL,
    until   DATETIME(6) NOT NULL,
    running TINYINT     NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_lease PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
