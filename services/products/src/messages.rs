//! What this service says to people.

use mall_problem::Text;

/// 200 of adding.
pub const ADDED: Text = Text::new("상품이 등록되었습니다.", "The product was added.");
/// 200 of editing.
pub const EDITED: Text = Text::new("상품이 수정되었습니다.", "The product was changed.");
/// 200 of a change of stock.
pub const STOCK_CHANGED: Text = Text::new("재고가 변경되었습니다.", "The stock was changed.");
/// 404 `PRODUCT_NOT_FOUND`.
pub const PRODUCT_NOT_FOUND: Text =
    Text::new("존재하지 않는 상품입니다.", "There is no such product.");
/// 503 `STOCK_NOT_READY`.
pub const STOCK_NOT_READY: Text = Text::new(
    "재고가 아직 준비되지 않았습니다. 잠시 후 다시 시도해 주세요.",
    "The stock of this product is not set up yet; try again.",
);

/// 400, a text.
pub const TOO_LONG: Text = Text::new("255자를 넘을 수 없습니다.", "must have at most 255 letters");
/// 400, field `name`.
pub const EMPTY: Text = Text::new("비어 있을 수 없습니다.", "must not be empty");
/// 400, field `price`.
pub const NEGATIVE: Text = Text::new("0 이상이어야 합니다.", "must be at least 0");
/// 400, field `stock`.
pub const BAD_STOCK: Text = Text::new(
    "0 이상 1조 이하여야 합니다.",
    "must be from 0 to 1 000 000 000 000",
);
/// 400, field `purchaseLimit`.
pub const BAD_LIMIT: Text = Text::new(
    "1 이상 1조 이하여야 합니다. 0은 변경하지 않습니다.",
    "must be from 1 to 1 000 000 000 000, or 0 for nothing",
);
/// 400, field `change`.
pub const BAD_CHANGE: Text = Text::new(
    "0이 아니어야 하고 1조를 넘을 수 없습니다.",
    "must not be 0, nor beyond 1 000 000 000 000",
);
/// 400, field `openDateTime`.
pub const BAD_TIME: Text = Text::new(
    "시각 형식이 올바르지 않습니다. 예: 2027-05-01T10:00",
    "is no time such as 2027-05-01T10:00",
);
/// 400, field `openDateTime`.
pub const NEEDS_OPENING: Text = Text::new(
    "한정판 상품에는 오픈 시각이 필요합니다.",
    "is required for a limited edition",
);
/// 400, field `stock`.
pub const STOCK_OR_CHANGE: Text = Text::new(
    "stock과 change 중 하나만 필요합니다.",
    "give exactly one of stock and change",
);
/// 400, parameter `ids`.
pub const BAD_IDS: Text = Text::new(
    "쉼표로 구분된 숫자 1000개까지여야 합니다.",
    "must be at most 1000 numbers with commas between",
);
