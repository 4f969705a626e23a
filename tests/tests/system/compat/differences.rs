//! Which recorded exchange is answered otherwise, under which rules, and how exactly.

use super::rules::Difference;
use super::rules::Instead::{self, Json, Labelled, NoSuchState, NoSuchStateJson, Problem};

const fn d(exchange: &'static str, rules: &'static [&'static str], instead: Instead) -> Difference {
    Difference {
        exchange,
        rules,
        instead,
    }
}

const DONE: &str = r#"{"statusCode":200,"success":true,"message":"x"}"#;

pub const DIFFERENCES: &[Difference] = &[
    d(
        "unknown e-mail: text body; all headers",
        &["enumeration"],
        Problem(401, "LOGIN_FAILED"),
    ),
    d(
        "signup, mail server down: account is saved all the same",
        &["mail-follows"],
        Json(DONE),
    ),
    d(
        "signup, empty e-mail passes the check, mail fails, account is saved",
        &["optional"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "signup, password 16 long (e-mail is bad too, so that nothing is stored)",
        &["password"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "signup without an optional field: 500, nothing stored",
        &["optional"],
        Json(DONE),
    ),
    d(
        "verification with the key of another Redis entry",
        &["key-once", "not-500"],
        Problem(401, "VERIFICATION_FAILED"),
    ),
    d(
        "verification, same key again within its 10 minutes",
        &["key-once"],
        Problem(401, "VERIFICATION_FAILED"),
    ),
    d("resend, unknown e-mail", &["enumeration"], Json(DONE)),
    d(
        "login, wrong password",
        &["enumeration"],
        Problem(401, "LOGIN_FAILED"),
    ),
    d(
        "login, empty object",
        &["not-500", "strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "login, numbers are read as text",
        &["strict"],
        Problem(400, "INVALID_BODY"),
    ),
    d(
        "login, text after the JSON is ignored",
        &["strict"],
        Problem(400, "INVALID_JSON"),
    ),
    d(
        "login, e-mail is case-sensitive",
        &["optional"],
        Json(
            r#"{"access_token":"x","roles":"USER","http_status":"200 OK","message":"x","token_type":"Bearer"}"#,
        ),
    ),
    d(
        "text answer under Accept with application/json: labelled JSON, body is bare text",
        &["enumeration"],
        Problem(401, "LOGIN_FAILED"),
    ),
    d(
        "text answer under Accept: application/xml",
        &["enumeration"],
        Problem(401, "LOGIN_FAILED"),
    ),
    d(
        "refresh (no new cookie)",
        &["refresh"],
        Labelled("set-cookie"),
    ),
    d(
        "refresh, rubbish in the cookie",
        &["refresh", "not-500"],
        Problem(401, "REFRESH_REFUSED"),
    ),
    d(
        "refresh, expired token",
        &["refresh", "not-500"],
        Problem(401, "REFRESH_REFUSED"),
    ),
    d(
        "refresh with the access token in the cookie",
        &["refresh"],
        Problem(401, "REFRESH_REFUSED"),
    ),
    d(
        "refresh after logout",
        &["refresh"],
        Problem(401, "REFRESH_REFUSED"),
    ),
    d(
        "access token after logout still works",
        &["logout"],
        Problem(401, "SESSION_ENDED"),
    ),
    d(
        "refresh token as access token",
        &["refresh"],
        Problem(401, "TOKEN_INVALID"),
    ),
    d(
        "logout without the X-TOKEN header that the gateway adds (asked of user-service itself)",
        &["internal"],
        Problem(401, "UNAUTHENTICATED"),
    ),
    d(
        "lower-case bearer",
        &["not-500"],
        Json(r#"{"email":"x","address":"x","phonenum":"x"}"#),
    ),
    d(
        "token with alg none",
        &["not-500"],
        Problem(401, "TOKEN_INVALID"),
    ),
    d(
        "token without exp",
        &["not-500"],
        Problem(401, "TOKEN_INVALID"),
    ),
    d(
        "wish add, unknown product is stored",
        &["refused"],
        Problem(404, "PRODUCT_NOT_FOUND"),
    ),
    d(
        "wish list with an unknown product (about 1 s: 3 attempts)",
        &["own-price"],
        Json(r#"[{"productId":1,"name":null,"price":0,"imgUrl":null,"imgName":null}]"#),
    ),
    d(
        "product add, empty object",
        &["product"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "detail of a product added without isLimitedEdition",
        &["product"],
        Json(DETAIL),
    ),
    d(
        "product added from an empty object: null and 0",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "product add, numbers and booleans as text",
        &["strict"],
        Problem(400, "INVALID_BODY"),
    ),
    d(
        "product add, fractions are cut",
        &["strict"],
        Problem(400, "INVALID_BODY"),
    ),
    d(
        "product add, name longer than 255",
        &["product", "not-500"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "product add, offset",
        &["time"],
        Json(r#"{"productId":1,"message":"x"}"#),
    ),
    d(
        "product add, empty time is null",
        &["product"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "its detail: limited without a time",
        &["product"],
        NoSuchState(404, "PRODUCT_NOT_FOUND"),
    ),
    d(
        "product edit, image without isThumbnail",
        &["product"],
        Json(DONE),
    ),
    d(
        "internal: several products",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d("internal: none", &["internal"], Problem(404, "NOT_FOUND")),
    d(
        "internal: for carts",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d("internal: exists", &["internal"], Problem(404, "NOT_FOUND")),
    d(
        "internal: take stock, no token needed",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d("stock after it: name gone", &["product"], Json(STOCK)),
    d(
        "internal: take stock, sold out",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "internal: take 100 of 10",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "stock after it: below zero",
        &["product", "refused"],
        NoSuchStateJson(STOCK),
    ),
    d(
        "internal: take stock of several",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "internal: several, more than there is",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "internal: give back several",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "cart add, negative",
        &["strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d("cart", &["cart-id"], Json(CART)),
    d(
        "cart update, other user's line",
        &["owner"],
        Problem(404, "CART_LINE_NOT_FOUND"),
    ),
    d(
        "cart delete, other user's line",
        &["owner"],
        Problem(404, "CART_LINE_NOT_FOUND"),
    ),
    d(
        "cart with a product that is gone",
        &["own-price", "cart-id"],
        Json(r#"[{"cartId":1,"productId":1,"productName":null,"price":0,"count":1}]"#),
    ),
    d(
        "internal: cart of a user (any user token)",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "internal: empty a cart",
        &["internal"],
        Problem(404, "NOT_FOUND"),
    ),
    d(
        "order, quantity absent is 0",
        &["strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "order, negative quantity adds stock",
        &["strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "order, sold out (stock 0): made, nothing taken",
        &["refused"],
        Problem(409, "SOLD_OUT"),
    ),
    d(
        "order, unknown product",
        &["refused"],
        Problem(404, "PRODUCT_NOT_FOUND"),
    ),
    d(
        "order, empty object",
        &["strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "order, more than there is",
        &["refused"],
        Problem(409, "INSUFFICIENT_STOCK"),
    ),
    d(
        "order, limited edition before its time",
        &["refused"],
        Problem(409, "NOT_YET_OPEN"),
    ),
    d(
        "order without the X-Authorization-Id header that the gateway adds (asked of order-service itself)",
        &["internal"],
        Problem(401, "UNAUTHENTICATED"),
    ),
    d(
        "order while the breaker for products is open: made, stock not taken",
        &["refused"],
        Problem(503, "SERVICE_UNAVAILABLE"),
    ),
    d(
        "cart order, empty cart: an order without lines",
        &["refused"],
        Problem(409, "CART_EMPTY"),
    ),
    d(
        "cart order, one line sold out: made, no stock taken for any line, cart emptied",
        &["refused"],
        Problem(409, "SOLD_OUT"),
    ),
    d(
        "pay, other user's order",
        &["owner"],
        Problem(404, "ORDER_NOT_FOUND"),
    ),
    d(
        "pay, cancelled, state SHIPPING: ORDER_CANCEL, stock returned",
        &["pay-once"],
        Problem(406, "ORDER_NOT_PAYABLE"),
    ),
    d(
        "pay, empty object",
        &["not-500", "strict"],
        Problem(400, "INVALID_FIELDS"),
    ),
    d(
        "pay, text and number as boolean",
        &["strict"],
        Problem(400, "INVALID_BODY"),
    ),
    d(
        "pay under Accept: application/json: labelled JSON, body is bare text",
        &["problem"],
        Labelled("content-type"),
    ),
    d(
        "order list: array of 5, of 7 (microseconds stored by hand), of 6 numbers; order without lines",
        &["time", "refused"],
        NoSuchStateJson(ORDERS),
    ),
    d(
        "order list with an unknown product (about 1.5 s)",
        &["own-price", "time"],
        Json(ORDERS),
    ),
    d(
        "order list while the breaker is open",
        &["own-price", "time"],
        Json(ORDERS),
    ),
    d(
        "order list, none (asked of order-service itself)",
        &["internal"],
        Problem(401, "UNAUTHENTICATED"),
    ),
    d(
        "cancel, other user's order",
        &["owner"],
        Problem(404, "ORDER_NOT_FOUND"),
    ),
    d(
        "matrix parameter on the first segment: no token needed, own X-Authorization-Id believed",
        &["path"],
        Problem(400, "INVALID_PATH"),
    ),
    d(
        "matrix parameter: admin path without token",
        &["path"],
        Problem(400, "INVALID_PATH"),
    ),
    d(
        "matrix parameter: internal path without token",
        &["path"],
        Problem(400, "INVALID_PATH"),
    ),
    d(
        "matrix parameter on the last segment: token needed",
        &["path"],
        Problem(400, "INVALID_PATH"),
    ),
    d(
        "the same with token",
        &["path"],
        Problem(400, "INVALID_PATH"),
    ),
    d(
        "own X-Authorization-Id beside a token: the gateway replaces it",
        &["cart-id"],
        Json(CART),
    ),
    d(
        "admin prefix has no route: 404 before any role check",
        &["admin"],
        Problem(401, "UNAUTHENTICATED"),
    ),
    d(
        "stock of a product that never had any, after five sold-out orders of one piece expired",
        &["refused", "product"],
        NoSuchStateJson(STOCK),
    ),
    d(
        "order list with an order whose productId is null",
        &["strict", "not-500"],
        NoSuchStateJson("[]"),
    ),
];

const DETAIL: &str = r#"{"name":"x","description":"x","stock":1,"price":1,"imglist":[{"imgUrl":"x","imgName":"x"}],
    "isLimitedEdition":false,"openDateTime":null,"isOpen":true}"#;
const STOCK: &str = r#"{"productId":1,"productName":"x","stock":1,"modified":false}"#;
const CART: &str = r#"[{"cartId":1,"productId":1,"productName":"x","price":1,"count":1}]"#;
const ORDERS: &str = r#"[{"orderId":1,"orderDate":"<time>","orderStatus":"x",
    "orderProductList":[{"count":1,"productName":"x","price":1,"productId":1}]}]"#;
