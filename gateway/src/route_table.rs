//! Which service answers which path: the whole list, readable from top to bottom.
//!
//! Matched on whole segments of the decoded path, the longest pattern first. What is not listed here has no route and is
//! 404; above all, no `/internal` path of any service is ever reachable from outside.

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the route in metrics.
    pub id: &'static str,
    /// Segments in front; the route takes everything below.
    prefix: &'static [&'static str],
    /// How many segments may follow, at least and at most.
    following: (usize, usize),
    /// Name of the service in the registry.
    pub service: &'static str,
    /// The service and not the gateway reads `Authorization` (a payment provider's own credentials).
    pub keeps_authorization: bool,
}

const USERS: &str = "APPLICATION-USER";
const PRODUCTS: &str = "APPLICATION-PRODUCT";
const STOCK: &str = "APPLICATION-STOCK";
const CARTS: &str = "APPLICATION-CART";
const ORDERS: &str = "APPLICATION-ORDER";
const PAYMENTS: &str = "APPLICATION-PAYMENT";

/// First match wins: the more special line stands above the more general one.
pub static ROUTES: &[Route] = &[
    route("auth", &["auth"], USERS),
    route("user", &["user"], USERS),
    route("wish", &["wish"], USERS),
    route("detail-stock", &["product", "detailStock"], STOCK),
    route("product", &["product"], PRODUCTS),
    route("cart", &["cart"], CARTS),
    route("order", &["order"], ORDERS),
    webhook("payment-webhooks", &["payment", "webhooks"], PAYMENTS),
    route("admin-orders", &["admin", "orders"], ORDERS),
    route("admin-payments", &["admin", "payments"], PAYMENTS),
];

/// Paths that the original answered to anyone, meant for its own services. Theirs live under `/internal` now; the old
/// ones stay shut whatever a service behind a prefix might come to offer. A `*` ends a name that only begins so.
static CLOSED: &[&[&str]] = &[
    &["product"],
    &["product", "cartProduct"],
    &["product", "isExistProduct*"],
    &["product", "minusStock*"],
    &["product", "plusStock*"],
    &["cart", "findCart"],
    &["cart", "deleteAll"],
];

const fn route(id: &'static str, prefix: &'static [&'static str], service: &'static str) -> Route {
    Route {
        id,
        prefix,
        following: (0, usize::MAX),
        service,
        keeps_authorization: false,
    }
}

const fn webhook(
    id: &'static str,
    prefix: &'static [&'static str],
    service: &'static str,
) -> Route {
    Route {
        id,
        prefix,
        following: (1, 1),
        service,
        keeps_authorization: true,
    }
}

/// The line for a path, given as its decoded segments.
pub fn find<'s>(segments: impl Iterator<Item = &'s str> + Clone) -> Option<&'static Route> {
    if is_closed(segments.clone()) {
        return None;
    }
    ROUTES.iter().find(|route| route.takes(segments.clone()))
}

/// The line for a path template of an OpenAPI document (`/cart/delete/{cartId}`).
pub fn find_template(path: &str) -> Option<&'static Route> {
    find(path.split('/').filter(|part| !part.is_empty()))
}

/// Every service that the table names, each once.
pub fn services() -> Vec<&'static str> {
    let mut names = Vec::new();
    for route in ROUTES {
        if !names.contains(&route.service) {
            names.push(route.service);
        }
    }
    names
}

impl Route {
    /// Place in the table.
    pub fn index(&self) -> usize {
        ROUTES
            .iter()
            .position(|other| std::ptr::eq(other, self))
            .unwrap_or(0)
    }

    fn takes<'s>(&self, mut segments: impl Iterator<Item = &'s str>) -> bool {
        self.prefix
            .iter()
            .all(|wanted| segments.next() == Some(*wanted))
            && {
                let following = segments.count();
                (self.following.0..=self.following.1).contains(&following)
            }
    }
}

fn is_closed<'s>(segments: impl Iterator<Item = &'s str> + Clone) -> bool {
    CLOSED.iter().any(|closed| {
        let mut given = segments.clone();
        for wanted in *closed {
            match (given.next(), wanted.strip_suffix('*')) {
                (Some(part), Some(start)) if part.starts_with(start) => return true,
                (Some(part), None) if part == *wanted => {}
                _ => return false,
            }
        }
        given.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<&'static str> {
        find_template(path).map(|route| route.service)
    }

    #[test]
    fn every_public_path_goes_to_its_owner() {
        for (path, owner) in [
            ("/auth/signup", USERS),
            ("/auth/signup/email-verifications", USERS),
            ("/auth/login", USERS),
            ("/user/mypage", USERS),
            ("/wish/list", USERS),
            ("/wish/add/3", USERS),
            ("/product/allproduct", PRODUCTS),
            ("/product/detail/3", PRODUCTS),
            ("/product/admin/add", PRODUCTS),
            ("/product/admin/stock/3", PRODUCTS),
            ("/product/detailStock/3", STOCK),
            ("/product/detailStock", STOCK),
            ("/cart/getCart", CARTS),
            ("/cart/add/3", CARTS),
            ("/order/orderlist", ORDERS),
            ("/order/payOrder/3", ORDERS),
            ("/order/3", ORDERS),
            ("/payment/webhooks/simulated", PAYMENTS),
            ("/admin/orders", ORDERS),
            ("/admin/orders/3", ORDERS),
            ("/admin/payments/3", PAYMENTS),
        ] {
            assert_eq!(service(path), Some(owner), "{path}");
        }
    }

    #[test]
    fn everything_else_has_no_route() {
        for path in [
            "/",
            "/nope",
            "/internal/stock",
            "/internal/products",
            "/carts/getCart",
            "/cartgetCart",
            "/Cart/getCart",
            "/CART/getCart",
            "/authx/login",
            "/payment",
            "/payment/webhooks",
            "/payment/webhooks/a/b",
            "/payment/x",
            "/admin",
            "/admin/x",
            "/admin/products",
            "/actuator/env",
            "/product",
            "/product/cartProduct",
            "/product/isExistProduct/3",
            "/product/minusStock/3",
            "/product/plusStock/3",
            "/product/minusStockList",
            "/product/plusStockList",
            "/cart/findCart",
            "/cart/deleteAll",
        ] {
            assert_eq!(service(path), None, "{path}");
        }
    }

    #[test]
    fn segments_are_whole() {
        assert_eq!(service("/product/detailStockX/3"), Some(PRODUCTS));
        assert_eq!(service("/product/cartProducts"), Some(PRODUCTS));
        assert_eq!(service("/cart/findCart/1"), Some(CARTS));
    }

    #[test]
    fn a_more_special_line_stands_above_the_general_one() {
        for (at, route) in ROUTES.iter().enumerate() {
            for above in &ROUTES[..at] {
                let shadows = route.prefix.starts_with(above.prefix);
                assert!(
                    !shadows,
                    "{} can't be reached behind {}",
                    route.id, above.id
                );
            }
            assert_eq!(route.index(), at);
        }
    }

    #[test]
    fn services_are_named_once() {
        assert_eq!(
            services(),
            [USERS, STOCK, PRODUCTS, CARTS, ORDERS, PAYMENTS]
        );
    }
}
