//! The nine programs, in the order in which they are started.

/// One program of the mall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// What people call it, also its schema's and user's name after `mall_`.
    pub name: &'static str,
    /// Package and program.
    pub package: &'static str,
    /// Its id in the registry; none for the two that others are found through.
    pub app: Option<&'static str>,
    /// Whether it has a schema of its own.
    pub schema: bool,
    /// Whether more than one instance makes sense.
    pub replicas: bool,
}

const fn domain(name: &'static str, package: &'static str, app: &'static str) -> Service {
    Service {
        name,
        package,
        app: Some(app),
        schema: true,
        replicas: true,
    }
}

/// All nine. The first two are needed by the rest, which only need each other once they are asked.
pub const SERVICES: [Service; 9] = [
    Service {
        name: "config-server",
        package: "mall-config-server",
        app: None,
        schema: false,
        replicas: false,
    },
    Service {
        name: "registry",
        package: "mall-registry",
        app: None,
        schema: false,
        replicas: false,
    },
    domain("users", "mall-users", "application-user"),
    domain("products", "mall-products", "application-product"),
    domain("carts", "mall-carts", "application-cart"),
    domain("payments", "mall-payments", "application-payment"),
    domain("stock", "mall-stock", "application-stock"),
    domain("orders", "mall-orders", "application-order"),
    Service {
        name: "gateway",
        package: "mall-gateway",
        app: Some("api-gateway"),
        schema: false,
        replicas: true,
    },
];

impl Service {
    /// The service an instance belongs to: `stock-2` is one of stock.
    #[must_use]
    pub fn of_instance(instance: &str) -> Option<&'static Service> {
        SERVICES.iter().find(|service| {
            instance.strip_prefix(service.name).is_some_and(|rest| {
                rest.is_empty()
                    || rest
                        .strip_prefix('-')
                        .is_some_and(|number| number.parse::<u16>().is_ok_and(|number| number > 1))
            })
        })
    }

    /// The name of its `number`th instance, counted from 1.
    #[must_use]
    pub fn instance_name(&self, number: u16) -> String {
        if number <= 1 {
            self.name.to_owned()
        } else {
            format!("{}-{number}", self.name)
        }
    }

    /// Schema and database user.
    #[must_use]
    pub fn schema_name(&self) -> String {
        format!("mall_{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_belong_to_their_service() {
        let of = |instance| Service::of_instance(instance).map(|service| service.name);
        assert_eq!(of("stock"), Some("stock"));
        assert_eq!(of("stock-2"), Some("stock"));
        assert_eq!(of("config-server"), Some("config-server"));
        assert_eq!(of("stock-1"), None);
        assert_eq!(of("stocks"), None);
        assert_eq!(of("mysql"), None);
    }
}
