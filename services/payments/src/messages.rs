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
pub const PAYMENT_KEY: Text = Text::new(
    "결제창에서 받은 paymentKey가 필요합니다.",
    "the paymentKey from the payment window is needed",
);
pub const PAYMENT_KEY_REQUIRED: Text = Text::new(
    "결제창에서 결제를 먼저 진행해 주세요.",
    "Go through the payment window first.",
);
pub const PAYMENT_KEY_USED: Text = Text::new(
    "이미 다른 주문에 사용된 결제입니다.",
    "This payment belongs to another order.",
);
pub const WEBHOOK_UNKNOWN: Text = Text::new(
    "이 결제사의 웹훅은 받지 않습니다.",
    "No webhooks are taken from this provider.",
);
pub const WEBHOOK_FORGED: Text = Text::new(
    "웹훅의 서명이 올바르지 않습니다.",
    "The webhook's signature is not right.",
);
pub const WEBHOOK_STALE: Text = Text::new(
    "웹훅의 시각이 허용 범위를 벗어났습니다.",
    "The webhook is too old, or from the future.",
);
pub const WEBHOOK_MALFORMED: Text = Text::new(
    "웹훅을 이해할 수 없습니다.",
    "The webhook can't be understood.",
);
pub const WEBHOOK_TOO_LARGE: Text = Text::new("웹훅이 너무 큽니다.", "The webhook is too large.");
pub const WEBHOOK_REPLAYED: Text =
    Text::new("이미 받은 웹훅입니다.", "This webhook was received before.");
pub const WEBHOOK_TAKEN: Text = Text::new("웹훅을 받았습니다.", "The webhook was received.");
