-- Personal texts are sealed (AES-256-GCM, `<key id>:<base64>`); email_index is a keyed hash of the e-mail.
CREATE TABLE users (
    id           BIGINT        NOT NULL AUTO_INCREMENT,
    row_key      CHAR(36)      CHARACTER SET ascii NOT NULL,
    email_index  BINARY(32)    NOT NULL,
    email        VARCHAR(2048) CHARACTER SET ascii NOT NULL,
    name         VARCHAR(2048) CHARACTER SET ascii NULL,
    phone_num    VARCHAR(2048) CHARACTER SET ascii NULL,
    address      VARCHAR(2048) CHARACTER SET ascii NULL,
    registration VARCHAR(2048) CHARACTER SET ascii NULL,
    password     VARCHAR(255)  CHARACTER SET ascii NOT NULL,
    credentials  INT           NOT NULL DEFAULT 1,
    role         VARCHAR(8)    CHARACTER SET ascii NULL,
    created_at   DATETIME(6)   NOT NULL,
    verified_at  DATETIME(6)   NULL,
    updated_at   DATETIME(6)   NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_email UNIQUE (email_index),
    CONSTRAINT ck_users_role CHECK (role IN ('USER', 'ADMIN'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE wish (
    id         BIGINT      NOT NULL AUTO_INCREMENT,
    user_id    BIGINT      NOT NULL,
    product_id BIGINT      NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT pk_wish PRIMARY KEY (id),
    CONSTRAINT uq_wish_user_product UNIQUE (user_id, product_id)
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
