-- Answers to requests with an Idempotency-Key.
CREATE TABLE idempotency_key (
    caller       BIGINT       NOT NULL,
    key_hash     BINARY(32)   NOT NULL,
    effect       CHAR(36)     NOT NULL,
    fingerprint  BINARY(32)   NOT NULL,
    state        VARCHAR(8)   NOT NULL,
    attempt      CHAR(36)     NOT NULL,
    locked_until DATETIME(6)  NOT NULL,
    status       SMALLINT     NULL,
    content_type VARCHAR(255) NULL,
    body         MEDIUMBLOB   NULL,
    created_at   DATETIME(6)  NOT NULL,
    CONSTRAINT pk_idempotency_key PRIMARY KEY (caller, key_hash),
    CONSTRAINT ck_idempotency_key_state CHECK (state IN ('RUNNING', 'FREE', 'DONE')),
    INDEX ix_idempotency_key_age (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
