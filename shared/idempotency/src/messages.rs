//! The refusals.

use std::time::Duration;

use mall_problem::{ErrorKind, Problem, Text};

pub fn invalid() -> Problem {
    Problem::invalid(
        "IDEMPOTENCY_KEY_INVALID",
        Text::new(
            "Idempotency-Key는 한 번만, 공백 없는 ASCII 문자 1~255자로 보내야 합니다.",
            "Idempotency-Key must stand there once, with 1 to 255 visible ASCII characters.",
        ),
    )
}

pub fn reused() -> Problem {
    Problem::new(
        ErrorKind::Unprocessable,
        "IDEMPOTENCY_KEY_REUSED",
        Text::new(
            "이 Idempotency-Key는 다른 요청에 이미 사용되었습니다.",
            "This Idempotency-Key was used for another request.",
        ),
    )
}

pub fn in_progress() -> Problem {
    Problem::conflict(
        "REQUEST_IN_PROGRESS",
        Text::new(
            "같은 Idempotency-Key의 요청을 처리하고 있습니다. 잠시 후 다시 시도해 주세요.",
            "A request with this Idempotency-Key is still being handled; try again in a moment.",
        ),
    )
    .retry_after(Duration::from_secs(1))
}

pub fn unreadable() -> Problem {
    Problem::invalid(
        "BODY_UNREADABLE",
        Text::new("본문을 읽을 수 없습니다.", "The body could not be read."),
    )
}

pub fn too_large() -> Problem {
    Problem::new(
        ErrorKind::TooLarge,
        "BODY_TOO_LARGE",
        Text::new("본문이 너무 큽니다.", "The body is too large."),
    )
}
