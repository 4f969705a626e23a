//! What we say to people.

use mall_problem::Text;

pub const AMOUNT: Text = Text::new("0 이상이어야 합니다.", "must be at least 0");
pub const REFUND_ID: Text = Text::new(
    "1자 이상 64자 이하여야 합니다.",
    "must be 1 to 64 characters long",
);
pub const PAYMENT_MISMATCH: Text = Text::new(
    "이미 다른 금액이나 구매자로 결제된 주문입니다.",
    "This order has a payment with another amount or buyer.",
);
pub const PAYMENT_UNKNOWN: Text = Text::new(
    "결제 내역이 없습니다.",
    "There is no payment for this order.",
);
pub const PAYMENT_NOT_CAPTURED: Text = Text::new(
    "승인된 결제만 환불할 수 있습니다.",
    "Only a payment that was captured can be refunded.",
);
pub const PAYMENT_UNSETTLED: Text = Text::new(
    "결제 결과를 확인하고 있습니다. 잠시 후 다시 시도해 주세요.",
    "The payment's outcome is not known yet; try again shortly.",
);
pub const REFUND_MISMATCH: Text = Text::new(
    "결제와 다른 금액이거나 이미 다른 번호로 환불되었습니다.",
    "The amount differs, or another refund exists.",
);
