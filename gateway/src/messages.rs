//! The gateway's texts for people.

use mall_problem::Text;

pub const BAD_PATH: Text = Text::new("올바르지 않은 주소입니다.", "This address can't be read.");
pub const NO_ROUTE: Text = Text::new(
    "존재하지 않는 주소입니다.",
    "There is nothing at this address.",
);
pub const METHOD: Text = Text::new("허용되지 않는 메서드입니다.", "This method is not allowed.");
pub const URI_TOO_LONG: Text = Text::new("주소가 너무 깁니다.", "The address is too long.");
pub const HEADERS_TOO_LARGE: Text = Text::new(
    "요청 헤더가 너무 큽니다.",
    "The request's headers are too large.",
);
pub const BODY_TOO_LARGE: Text = Text::new(
    "요청 본문이 너무 큽니다.",
    "The request's body is too large.",
);
pub const BODY_BROKEN: Text = Text::new(
    "요청 본문을 읽을 수 없습니다.",
    "The request's body can't be read.",
);
pub const BODY_SLOW: Text = Text::new(
    "요청 본문이 제때 도착하지 않았습니다.",
    "The request's body did not arrive in time.",
);
pub const NO_TOKEN: Text = Text::new("로그인이 필요합니다.", "Please log in.");
pub const BAD_TOKEN: Text = Text::new("유효하지 않은 토큰입니다.", "The token is not valid.");
pub const EXPIRED_TOKEN: Text = Text::new("토큰이 만료되었습니다.", "The token has expired.");
pub const SESSION_ENDED: Text = Text::new(
    "이미 로그아웃되었습니다. 다시 로그인해 주세요.",
    "You are logged out. Please log in again.",
);
pub const FORBIDDEN: Text = Text::new("접근 권한이 없습니다.", "You are not allowed to do this.");
pub const SESSIONS_AWAY: Text = Text::new(
    "로그인 상태를 확인할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "The session can't be checked right now. Please try again.",
);
pub const CORS_REFUSED: Text =
    Text::new("허용되지 않은 출처입니다.", "This origin is not allowed.");
pub const TOO_MANY: Text = Text::new(
    "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
    "Too many requests. Please try again later.",
);
pub const SERVICE_AWAY: Text = Text::new(
    "서비스를 일시적으로 사용할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "The service is away right now. Please try again.",
);
pub const SERVICE_SLOW: Text = Text::new(
    "서비스가 제때 응답하지 않았습니다.",
    "The service did not answer in time.",
);
