//! Where we differ from the original on purpose: the one list, from which `docs/differences.md` is made.
//!
//! [`RULES`] are the reasons. [`DIFFERENCES`] says which recorded exchange is answered otherwise, under which rules, and how
//! exactly. Two further rules apply by themselves wherever they fit: `problem` to every error, `time` to every time.

/// A reason to differ.
pub struct Rule {
    pub id: &'static str,
    pub what: &'static str,
    pub why: &'static str,
}

/// What we answer instead.
pub enum Instead {
    /// A problem with this status and code.
    Problem(u16, &'static str),
    /// A JSON body of this shape (an example of it), with 200.
    Json(&'static str),
    /// The same status and shape but for the content type or a header, which the rule explains.
    Labelled(&'static str),
    /// The state in the exchange's name can't come about; asked as far as it can, we answer this problem.
    NoSuchState(u16, &'static str),
    /// The state can't come about, and what is asked is answered with this shape.
    NoSuchStateJson(&'static str),
}

/// One exchange that we answer otherwise.
pub struct Difference {
    pub exchange: &'static str,
    pub rules: &'static [&'static str],
    pub instead: Instead,
}

pub const RULES: &[Rule] = &[
    Rule {
        id: "internal",
        what: "Calls between services live under `/internal/**` of each service: never routed by the gateway, 401 without a \
               service's signed word. The original's paths for them are 404 (under `/cart` after the role check), identity headers \
               from outside are dropped, and a service that is asked directly believes none (401).",
        why: "In the original anybody on the internet could change stock and be anybody.",
    },
    Rule {
        id: "owner",
        what: "Carts, orders, payments, wish lists and profiles are read and changed by their owner alone; somebody else's id \
               answers 404, as an unknown one.",
        why: "In the original any user could pay, cancel and change what belongs to another.",
    },
    Rule {
        id: "enumeration",
        what: "Unknown e-mail and wrong password are one and the same 401; that an account is not verified is told only to the \
               right password; resend is 200 for every e-mail.",
        why: "The original told strangers which addresses have accounts, and echoed the encrypted one.",
    },
    Rule {
        id: "strict",
        what: "Input is read strictly: 400, with the fields named, for a number in quotes or with a fraction, a number or text as \
               boolean, a number as text, a needed field absent or null, anything after the JSON. Quantities and counts are at \
               least 1.",
        why: "A negative quantity added stock; text as number hid mistakes of clients.",
    },
    Rule {
        id: "refused",
        what: "No refusal is swallowed: sold out or too little left is 409, an unknown product 404, an empty cart 409, a limited \
               edition before it opens 409, and a service that is away 503. No order is made then, and the cart stays.",
        why: "The original made the order all the same, took no stock for it, and gave that stock \"back\" when it expired.",
    },
    Rule {
        id: "own-price",
        what: "An order keeps the name and price that held when it was placed, so its list needs no other service. A product that \
               is gone costs only its own line: cart and wish list show it with null name and price 0.",
        why: "In the original one product that was gone broke the whole list for good.",
    },
    Rule {
        id: "refresh",
        what: "Refresh tokens rotate: each refresh sets a new cookie, reuse of an old one ends the session; a bad, expired or used \
               one, or one of an ended session, is 401. Access and refresh tokens don't stand in for each other.",
        why: "In the original any token of the user worked as either, for as long as some session existed.",
    },
    Rule {
        id: "logout",
        what: "After logout the access token is refused at once (401).",
        why: "The original meant to, but looked under another key.",
    },
    Rule {
        id: "time",
        what: "Times out are ISO-8601 texts with the mall's offset, not arrays. Times in are taken in the original's forms, and an \
               offset or `Z` is honoured.",
        why: "An array without a zone means something else to each reader.",
    },
    Rule {
        id: "problem",
        what: "Errors are RFC 9457 `application/problem+json` with `code`, `detail`, `status`, and `errors` for fields; 401 has \
               `WWW-Authenticate: Bearer`. `Accept` changes neither them nor the rest: JSON is JSON, and text is `text/plain`.",
        why: "The original has four shapes of errors, one of them empty and one labelled with whatever was asked for.",
    },
    Rule {
        id: "password",
        what: "The password's upper bound is lifted; its other rules stay.",
        why: "A limit of 15 letters only makes passwords worse.",
    },
    Rule {
        id: "optional",
        what: "`address`, `name`, `phoneNum` and the registration number may be absent or null at sign-up; an empty e-mail is 400; \
               e-mails are compared without regard to case.",
        why: "The original answered 500 without them, stored accounts for an empty address, and had two accounts for one mailbox.",
    },
    Rule {
        id: "mail-follows",
        what: "A mail server that is away fails neither sign-up nor resend: 200, and the mail follows.",
        why: "The original answered 409 and kept the account.",
    },
    Rule {
        id: "key-once",
        what: "A verification key works once; a used, unknown, expired or foreign one is the same 401.",
        why: "In the original any entry of Redis was tried as a key.",
    },
    Rule {
        id: "not-500",
        what: "Never 500 for a client's fault: 401 where it is about a token or key, else 400. `Bearer` is read in any case.",
        why: "A 500 alarms the wrong people.",
    },
    Rule {
        id: "product",
        what: "A product needs `name` and `price`; texts have up to 255 letters; `stock` absent is 0, `isLimitedEdition` and \
               `isThumbnail` false; a limited edition needs `openDateTime`. `detailStock` always has the name, and its `modified` is \
               false, since nothing waits to be written.",
        why: "Products without them could be added but not shown (500).",
    },
    Rule {
        id: "pay-once",
        what: "Only WAITING_PAYING can be paid or cancelled by payOrder, else 406. Cancelled (200) and limit exceeded (409) both end \
               in ORDER_CANCEL, and the stock comes back once.",
        why: "In the original each call gave the stock back again, from any state.",
    },
    Rule {
        id: "path",
        what: "A path with `;`, a dot segment, or an encoded slash, backslash or percent sign is 400 before any check.",
        why: "`/cart;x=1/getCart` passed the original's gateway without a token.",
    },
    Rule {
        id: "admin",
        what: "`/admin/**` holds the admins' own endpoints: 401 and 403 before 404.",
        why: "The original had no such endpoints.",
    },
    Rule {
        id: "cart-id",
        what: "A cart line also shows its `cartId`.",
        why: "Without it no client could change or delete the line.",
    },
];

/// What is new or invisible in the exchanges; `docs/differences.md` lists it after the rules.
pub const BESIDES: &[&str] = &[
    "The refresh cookie is `HttpOnly; SameSite=Lax; Path=/auth`, and `Secure` outside the profile `local`.",
    "Sign-up, resend and login are rate limited (429 with `Retry-After`); the limits are settings.",
    "The resident registration number is neither needed nor stored unless a setting turns it on.",
    "Stock and payments are services of their own; the public paths stay as they are.",
    "Cancelling and refunding give the money back through payments, at the step to ORDER_CANCEL or FINISH_REFUND.",
    "A cart order takes every line or none; a cart line is ordered at most once, however often the button is pressed.",
    "Admins can log out too; all other USER paths stay 403 for them.",
    "In a product edit absent, null and 0 stay \"unchanged\"; another `stock` sets what is available, booked as the difference.",
    "A count is at most 999 (`mall.carts.max-count`), a cart has at most 500 lines, a wish list 500 products (409 `CART_FULL`, \
     `WISH_LIST_FULL`); all three are settings.",
    "New: `PUT /product/admin/stock/{productId}` with `{stock}` or `{change}`; `GET /order/{orderId}` with the order's history.",
];

use Instead::{Json, Labelled, NoSuchState, NoSuchStateJson, Problem};

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
