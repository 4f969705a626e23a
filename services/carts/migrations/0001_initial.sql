CREATE TABLE cart (
    cart_id    BIGINT      NOT NULL AUTO_INCREMENT,
    user_id    BIGINT      NOT NULL,
    product_id BIGINT      NOT NULL,
    count      INT         NOT NULL,
    created_at DATETIME(6) NOT NULL,
    CONSTRAINT pk_cart PRIMARY KEY (cart_id),
    CONSTRAINT uq_cart_user_product UNIQUE (user_id, product_id),
    CONSTRAINT ck_cart_count CHECK (count >= 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
