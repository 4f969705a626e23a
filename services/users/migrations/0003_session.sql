-- Who is logged in, and which sessions have ended: what Redis is told again when it has lost it. The good refresh token of a session
-- is in Redis only.
CREATE TABLE session (
    id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id    BIGINT      NOT NULL,
    over_at    DATETIME(6) NOT NULL,
    ended_at   DATETIME(6) NULL,
    CONSTRAINT pk_session PRIMARY KEY (id),
    INDEX ix_session_user (user_id, ended_at),
    INDEX ix_session_ended (ended_at),
    INDEX ix_session_over (over_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
