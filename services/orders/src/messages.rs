//! What we say to people.

use mall_problem::Text;

pub const PAID: Text = Text::new("결제가 완료되었습니다.", "The order is paid.");
pub const PAYMENT_CANCELED: Text =
    Text::new("결제가 취소되었습니다.", "The payment was cancelled.");
pub const CANCEL_NOTED: Text = Text::new(
    "결제 결과를 확인하는 대로 주문을 취소합니다.",
    "The order is cancelled as soon as it is known what became of the payment.",
);
pub const CANCEL_REQUESTED: Text = Text::new(
    "주문 취소를 요청했습니다.",
    "The cancellation was requested.",
);
pub const REFUND_REQUESTED: Text = Text::new("환불을 요청했습니다.", "The refund was requested.");

pub const ORDER_NOT_FOUND: Text = Text::new("존재하지 않는 주문입니다.", "There is no such order.");
pub const PRODUCT_NOT_FOUND: Text =
    Text::new("존재하지 않는 상품입니다.", "There is no such product.");
pub const NOT_YET_OPEN: Text = Text::new(
    "아직 판매가 시작되지 않은 상품입니다.",
    "This limited edition is not on sale yet.",
);
pub const SOLD_OUT: Text = Text::new("품절된 상품입니다.", "This product is sold out.");
pub const ORDER_TOO_EXPENSIVE: Text = Text::new(
    "주문 금액이 너무 큽니다.",
    "The sum of the order is too large.",
);
pub const CART_EMPTY: Text = Text::new("장바구니가 비어 있습니다.", "The cart is empty.");
pub const CART_TOO_LARGE: Text = Text::new(
    "한 번에 주문할 수 있는 항목 수를 넘었습니다.",
    "The cart has more lines than one order may have.",
);
pub const ORDER_NOT_PAYABLE: Text = Text::new(
    "결제 대기 중인 주문이 아닙니다.",
    "Only an order that waits for its payment can be paid or cancelled here.",
);
pub const ORDER_NOT_CANCELABLE: Text = Text::new(
    "취소할 수 없는 주문 상태입니다.",
    "An order can't be cancelled in this state.",
);
pub const ORDER_NOT_REFUNDABLE: Text = Text::new(
    "환불할 수 없는 주문 상태입니다.",
    "An order can't be refunded in this state.",
);
pub const ORDER_NOT_MOVABLE: Text = Text::new(
    "이 상태로 옮길 수 없는 주문입니다.",
    "The order can't be moved to that state by hand.",
);
pub const DEAD_LETTER_NOT_FOUND: Text = Text::new(
    "그런 미처리 메시지가 없습니다.",
    "There is no such dead letter.",
);
pub const DEAD_LETTER_RETRIED: Text = Text::new(
    "미처리 메시지를 다시 보냅니다.",
    "The dead letter is tried again.",
);
pub const UNKNOWN_STATE: Text = Text::new("알 수 없는 주문 상태입니다.", "There is no such state.");
pub const BAD_NUMBER: Text = Text::new(
    "1 이상의 정수여야 합니다.",
    "must be a whole number from 1 on",
);
pub const BAD_TIME: Text = Text::new(
    "날짜와 시각이 아닙니다.",
    "is no date and time; 2027-05-01T10:00:00, with or without an offset",
);
pub const REASON_TOO_LONG: Text =
    Text::new("200자까지 쓸 수 있습니다.", "must have at most 200 letters");
pub const BAD_PAYMENT_KEY: Text = Text::new(
    "영문자, 숫자, _, - 200자까지 쓸 수 있습니다.",
    "must be 1 to 200 letters, digits, _ and -",
);
pub const DELAY_TOO_LONG: Text = Text::new("10000까지 쓸 수 있습니다.", "must be at most 10000");
pub const BAD_LOSE: Text = Text::new(
    "REQUEST 또는 ANSWER여야 합니다.",
    "must be REQUEST or ANSWER",
);
pub const PAYMENT_IN_PROGRESS: Text = Text::new(
    "결제가 진행 중인 주문입니다.",
    "A payment for this order is under way.",
);
pub const PAYMENT_AMOUNT_MISMATCH: Text = Text::new(
    "결제 금액이 주문 금액과 다릅니다.",
    "The amount is not the order's total.",
);
pub const PAYMENT_DECLINED: Text = Text::new(
    "한도 초과로 결제가 거절되어 주문이 취소되었습니다.",
    "The payment was declined; the order is cancelled.",
);
pub const PAYMENT_UNSETTLED: Text = Text::new(
    "결제 결과를 확인하고 있습니다. 잠시 후 주문 내역을 확인해 주세요.",
    "The payment's outcome is not known yet; look at the order again shortly.",
);
pub const PLACING_TOOK_TOO_LONG: Text = Text::new(
    "주문이 지연되어 취소되었습니다. 다시 시도해 주세요.",
    "Placing the order took too long; try again.",
);
pub const BAD_RESERVATION_IDS: Text = Text::new(
    "UUID 형식의 예약 번호를 1000개까지 보낼 수 있습니다.",
    "Up to 1000 reservation ids, each a UUID.",
);
pub const STOCK_AWAY: Text = Text::new(
    "잠시 후 다시 시도해 주세요.",
    "Stock can't be asked at the moment; try again.",
);

pub fn quantity(max: i64) -> Text {
    Text::made(
        format!("1 이상 {max} 이하의 정수여야 합니다."),
        format!("must be a whole number from 1 to {max}"),
    )
}

pub fn limit(max: u32) -> Text {
    Text::made(
        format!("1 이상 {max} 이하의 정수여야 합니다."),
        format!("must be a whole number from 1 to {max}"),
    )
}
