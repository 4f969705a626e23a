//! What this service says to people.

use mall_problem::Text;

/// 409 `SOLD_OUT`.
pub const SOLD_OUT: Text = Text::new("품절된 상품입니다.", "This product is sold out.");
/// 409 `INSUFFICIENT_STOCK`.
pub const INSUFFICIENT_STOCK: Text = Text::new(
    "상품의 재고가 부족합니다.",
    "There are fewer pieces left than you asked for.",
);
/// 409 `NOT_YET_OPEN`.
pub const NOT_YET_OPEN: Text = Text::new(
    "아직 판매가 시작되지 않은 상품입니다.",
    "This limited edition is not on sale yet.",
);
/// 409 `PURCHASE_LIMIT_EXCEEDED`.
pub const PURCHASE_LIMIT_EXCEEDED: Text = Text::new(
    "1인당 구매 한도를 넘었습니다.",
    "This is more than one buyer may have of this product.",
);
/// 404 `STOCK_UNKNOWN`.
pub const STOCK_UNKNOWN: Text = Text::new("존재하지 않는 상품입니다.", "There is no such product.");
/// 404 `RESERVATION_UNKNOWN`.
pub const RESERVATION_UNKNOWN: Text =
    Text::new("존재하지 않는 예약입니다.", "There is no such reservation.");
/// 409 `RESERVATION_CLOSED`.
pub const RESERVATION_CLOSED: Text = Text::new(
    "이미 해제된 예약입니다.",
    "This reservation was released and can't be used any more.",
);
/// 409 `RESERVATION_MISMATCH`.
pub const RESERVATION_MISMATCH: Text = Text::new(
    "다른 예약에 사용된 예약 번호입니다.",
    "This reservation id belongs to another reservation.",
);
/// 409 `ADJUSTMENT_MISMATCH`.
pub const ADJUSTMENT_MISMATCH: Text = Text::new(
    "다른 재고 변경에 사용된 번호입니다.",
    "This adjustment id belongs to another change.",
);
/// 409 `STOCK_BELOW_ZERO`.
pub const STOCK_BELOW_ZERO: Text = Text::new(
    "재고는 0보다 작아질 수 없습니다.",
    "The stock can't go below zero.",
);
/// 409 `STOCK_TOO_LARGE`.
pub const STOCK_TOO_LARGE: Text =
    Text::new("재고가 너무 많습니다.", "The stock can't grow that large.");
/// 503 `LOCK_TIMEOUT`.
pub const LOCK_TIMEOUT: Text = Text::new(
    "주문이 몰리고 있습니다. 잠시 후 다시 시도해 주세요.",
    "This product is very busy; try again in a moment.",
);
/// 503 `STOCK_UNAVAILABLE`.
pub const STOCK_UNAVAILABLE: Text = Text::new(
    "재고를 확인할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "Stock is away for the moment; try again.",
);

/// 400, field `reservationId`.
pub const BAD_ID: Text = Text::new("UUID여야 합니다.", "must be a UUID");
/// 400, field `lines`.
pub const BAD_LINES: Text = Text::new(
    "1개에서 200개까지의 항목이 필요합니다.",
    "must have 1 to 200 lines",
);
/// 400, field `lines`.
pub const PRODUCT_TWICE: Text = Text::new("같은 상품이 두 번 나왔습니다.", "names a product twice");
/// 400, field `quantity`.
pub const BAD_QUANTITY: Text = Text::new("1 이상이어야 합니다.", "must be at least 1");
/// 400, field `adjustmentId`.
pub const BAD_ADJUSTMENT_ID: Text =
    Text::new("1자에서 64자까지여야 합니다.", "must have 1 to 64 letters");
/// 400, fields `available`, `set`.
pub const BAD_AVAILABLE: Text = Text::new(
    "0 이상 1조 이하여야 합니다.",
    "must be from 0 to 1 000 000 000 000",
);
/// 400, fields `set`, `change`.
pub const SET_OR_CHANGE: Text = Text::new(
    "set과 change 중 하나만 필요합니다.",
    "give exactly one of set and change",
);
/// 400, field `change`.
pub const BAD_CHANGE: Text = Text::new(
    "0이 아니어야 하고 1조를 넘을 수 없습니다.",
    "must not be 0, nor beyond 1 000 000 000 000",
);
/// 400, field `purchaseLimit`.
pub const BAD_LIMIT: Text = Text::new(
    "1 이상 1조 이하여야 합니다.",
    "must be from 1 to 1 000 000 000 000",
);
/// 400, field `name`.
pub const BAD_NAME: Text = Text::new(
    "1자에서 255자까지여야 합니다.",
    "must have 1 to 255 letters",
);
/// 400, parameter `ids`.
pub const BAD_IDS: Text = Text::new(
    "쉼표로 구분된 숫자 1000개까지여야 합니다.",
    "must be at most 1000 numbers with commas between",
);
