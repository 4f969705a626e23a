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
