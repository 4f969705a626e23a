//! Who may call which path. Decided by the decoded path alone, before it is known whether a route exists.

use mall_types::Role;

/// What a path asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No token; one that comes along is not even read.
    Public,
    /// A shopper. An admin is refused here, as in the original.
    User,
    /// A shopper or an admin.
    Anyone,
    /// An admin.
    Admin,
}

impl Access {
    /// The rule for a path, given as its decoded segments.
    pub fn of<'s>(mut segments: impl Iterator<Item = &'s str>) -> Self {
        match (segments.next(), segments.next(), segments.next()) {
            (Some("auth"), Some("logout"), None) => Self::Anyone,
            (Some("cart" | "order" | "wish" | "user"), _, _) => Self::User,
            (Some("admin"), _, _) | (Some("product"), Some("admin"), _) => Self::Admin,
            _ => Self::Public,
        }
    }

    /// Whether a caller with this role may pass.
    pub fn allows(self, role: Role) -> bool {
        match self {
            Self::Public | Self::Anyone => true,
            Self::User => role == Role::User,
            Self::Admin => role == Role::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Access {
        Access::of(path.split('/').filter(|part| !part.is_empty()))
    }

    #[test]
    fn roles_by_path() {
        for (path, access) in [
            ("/auth/logout", Access::Anyone),
            ("/auth/login", Access::Public),
            ("/auth/logoutx", Access::Public),
            ("/auth/refresh", Access::Public),
            ("/cart", Access::User),
            ("/cart/getCart", Access::User),
            ("/cart/findCart", Access::User),
            ("/order/orderlist", Access::User),
            ("/wish/list", Access::User),
            ("/user/mypage", Access::User),
            ("/user", Access::User),
            ("/admin", Access::Admin),
            ("/admin/x", Access::Admin),
            ("/admin/orders/3", Access::Admin),
            ("/product/admin", Access::Admin),
            ("/product/admin/add", Access::Admin),
            ("/product/administration", Access::Public),
            ("/product/allproduct", Access::Public),
            ("/product/detailStock/1", Access::Public),
            ("/payment/webhooks/simulated", Access::Public),
            ("/internal/stock", Access::Public),
            ("/carts", Access::Public),
            ("/", Access::Public),
        ] {
            assert_eq!(of(path), access, "{path}");
        }
    }

    #[test]
    fn roles_matrix() {
        for (access, user, admin) in [
            (Access::Public, true, true),
            (Access::Anyone, true, true),
            (Access::User, true, false),
            (Access::Admin, false, true),
        ] {
            assert_eq!(access.allows(Role::User), user, "{access:?}");
            assert_eq!(access.allows(Role::Admin), admin, "{access:?}");
        }
    }
}
