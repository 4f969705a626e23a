-- When the limit per buyer was last changed; NULL: never. Whoever took before holds what he holds, whoever took since is under this limit:
-- without it an audit can't tell a lowered limit from one that was broken.
ALTER TABLE stock_item
    ADD COLUMN limit_since DATETIME(6) NULL;
