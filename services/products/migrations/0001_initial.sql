CREATE TABLE product (
    product_id         BIGINT       NOT NULL AUTO_INCREMENT,
    name               VARCHAR(255) NOT NULL,
    description        VARCHAR(255) NULL,
    price              BIGINT       NOT NULL,
    is_limited_edition TINYINT      NOT NULL,
    open_date_time     DATETIME(6)  NULL,
    thumbnail_id       BIGINT       NULL,
    created_at         DATETIME(6)  NOT NULL,
    updated_at         DATETIME(6)  NOT NULL,
    CONSTRAINT pk_product PRIMARY KEY (product_id),
    CONSTRAINT ck_product_price CHECK (price >= 0),
    CONSTRAINT ck_product_opening CHECK (is_limited_edition = 0 OR open_date_time IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Pictures, in the order in which they were added; product.thumbnail_id names the one that lists show.
CREATE TABLE product_image (
    image_id   BIGINT       NOT NULL AUTO_INCREMENT,
    product_id BIGINT       NOT NULL,
    img_url    VARCHAR(255) NOT NULL,
    img_name   VARCHAR(255) NULL,
    CONSTRAINT pk_product_image PRIMARY KEY (image_id),
    INDEX ix_product_image_product (product_id, image_id),
    CONSTRAINT fk_product_image_product FOREIGN KEY (product_id) REFERENCES product (product_id)
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
