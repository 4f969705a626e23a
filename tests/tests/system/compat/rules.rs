//! Where we differ from the original on purpose: the one list, from which `docs/differences.md` is made.
//!
//! [`RULES`] are the reasons. `DIFFERENCES` (in `differences.rs`) says which recorded exchange is answered otherwise, under which rules, and how
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
               one, or one of an ended session, is 401; of two windows that refresh at once the later is told so (409). Access and refresh tokens don't stand in for each other.",
        why: "In the original any token of the user worked as either, for as long as some session existed.",
    },
    Rule {
        id: "logout",
        what: "After logout the access token is refused at once (401), also when Redis is emptied meanwhile: MySQL knows which \
               sessions have ended.",
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
    "A count is at most 999 (`mall.carts.max-count`), a cart has at most 200 lines, a wish list 500 products (409 `CART_FULL`, \
     `WISH_LIST_FULL`); all three are settings.",
    "`purchaseLimit` (at least 1, optional in add and edit) is how many pieces one buyer may hold; the detail shows it only where \
     there is one, and an order above it is 409 `PURCHASE_LIMIT_EXCEEDED` with `limit` and `remaining`.",
    "New: `PUT /product/admin/stock/{productId}` with `{stock}` or `{change}`; `GET /order/{orderId}` with the order's history.",
];
