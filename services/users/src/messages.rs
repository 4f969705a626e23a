//! What we say to people.

use mall_problem::{Lang, Text};

pub const SIGNED_UP: Text = Text::new(
    "회원가입이 완료되었습니다. 메일함에서 인증 메일을 확인해 주세요.",
    "You are signed up. Please open the link in the mail that we sent you.",
);
pub const VERIFIED: Text = Text::new(
    "이메일 인증이 완료되었습니다.",
    "Your e-mail address is verified.",
);
pub const MAIL_SENT: Text = Text::new(
    "가입된 주소라면 인증 메일을 다시 보냅니다.",
    "If the address has an account to verify, a new mail is on its way.",
);
pub const LOGGED_IN: Text = Text::new("로그인되었습니다.", "You are logged in.");
pub const LOGGED_OUT: Text = Text::new("로그아웃되었습니다.", "You are logged out.");
pub const PROFILE_UPDATED: Text =
    Text::new("회원 정보를 수정했습니다.", "Your details were changed.");
pub const WISH_ADDED: Text = Text::new("위시리스트에 추가했습니다.", "Added to the wish list.");
pub const WISH_DELETED: Text = Text::new(
    "위시리스트에서 삭제했습니다.",
    "Removed from the wish list.",
);

pub const EMAIL_TAKEN: Text = Text::new(
    "이미 가입된 이메일입니다.",
    "The e-mail address has an account already.",
);
pub const LOGIN_FAILED: Text = Text::new(
    "이메일 또는 비밀번호가 올바르지 않습니다.",
    "The e-mail address or the password is wrong.",
);
pub const EMAIL_NOT_VERIFIED: Text = Text::new(
    "이메일 인증이 필요합니다.",
    "The e-mail address has to be verified first.",
);
pub const VERIFICATION_FAILED: Text = Text::new(
    "인증 링크가 올바르지 않거나 만료되었습니다.",
    "The link is not valid, or not any more.",
);
pub const KEY_MISSING: Text = Text::new("인증 키가 필요합니다.", "A key is needed.");
pub const REFRESH_COOKIE_MISSING: Text = Text::new(
    "refresh_token 쿠키가 필요합니다.",
    "The cookie refresh_token is needed.",
);
pub const REFRESH_REFUSED: Text = Text::new("다시 로그인해 주세요.", "Please log in again.");
pub const REFRESH_RACED: Text = Text::new(
    "방금 다른 창에서 갱신되었습니다. 다시 시도해 주세요.",
    "Another window has refreshed just now; try again with the cookie that it was given.",
);
pub const TOO_MANY_MAILS: Text = Text::new(
    "이 주소로 메일을 너무 많이 요청했습니다. 나중에 다시 시도해 주세요.",
    "Too many mails to this address were asked for; try again later.",
);
pub const USER_NOT_FOUND: Text =
    Text::new("존재하지 않는 회원입니다.", "There is no such account.");
pub const PRODUCT_NOT_FOUND: Text =
    Text::new("존재하지 않는 상품입니다.", "There is no such product.");
pub const ALREADY_WISHED: Text = Text::new(
    "이미 위시리스트에 있는 상품입니다.",
    "The product is on the wish list already.",
);
pub const WISH_NOT_FOUND: Text = Text::new(
    "위시리스트에 없는 상품입니다.",
    "The product is not on the wish list.",
);
pub const WISH_LIST_FULL: Text = Text::new("위시리스트가 가득 찼습니다.", "The wish list is full.");
pub const BUSY: Text = Text::new(
    "잠시 후 다시 시도해 주세요.",
    "Too busy for the moment; try again.",
);

pub const BAD_EMAIL: Text = Text::new("이메일 형식이 올바르지 않습니다.", "is no e-mail address");
pub const BAD_PASSWORD: Text = Text::new(
    "8자 이상이며 연속된 영문자 6자 이상, 숫자, 특수문자(@$!%*?&)를 포함해야 하고 그 밖의 문자는 쓸 수 없습니다.",
    "needs at least 8 characters: six letters in a row, a digit, one of @$!%*?&, and no others",
);
pub const BAD_REGISTRATION: Text = Text::new(
    "000000-0000000 형식이어야 합니다.",
    "must look like 000000-0000000",
);
pub const BAD_PHONE: Text = Text::new(
    "010-000-0000 또는 010-0000-0000 형식이어야 합니다.",
    "must look like 010-000-0000 or 010-0000-0000",
);
pub const BAD_TEXT: Text = Text::new(
    "제어 문자 없이 255자 이하여야 합니다.",
    "must be at most 255 characters, without control characters",
);

pub fn password_too_long(max: usize) -> Text {
    Text::made(
        format!("{max}자 이하여야 합니다."),
        format!("must be at most {max} characters"),
    )
}

/// The verification mail.
pub struct MailTexts {
    pub subject: &'static str,
    pub greeting: &'static str,
    pub request: &'static str,
    pub button: &'static str,
    pub note: &'static str,
}

pub fn verification_mail(lang: Lang) -> MailTexts {
    match lang {
        Lang::Ko => MailTexts {
            subject: "[Mall] 이메일 주소를 인증해 주세요",
            greeting: "안녕하세요.",
            request: "아래 링크를 열면 회원가입이 완료됩니다.",
            button: "이메일 인증하기",
            note: "링크는 한 번만, 잠시 동안만 쓸 수 있습니다. 가입하신 적이 없다면 이 메일을 무시해 주세요.",
        },
        Lang::En => MailTexts {
            subject: "[Mall] Please verify your e-mail address",
            greeting: "Hello,",
            request: "open this link to complete your registration:",
            button: "Verify my e-mail address",
            note: "The link works once, and for a short while. If you did not sign up, please ignore this mail.",
        },
    }
}
