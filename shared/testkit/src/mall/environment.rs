//! The settings that a mall on one machine hands to its services by environment; all else they find in `config-repo/`.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::service::Service;

/// Where everything listens, decided before anything starts.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub mysql: u16,
    pub redis: u16,
    pub mail: u16,
    pub config_server: u16,
    pub registry: u16,
    pub gateway: u16,
}

/// The database password of a service's user. Known to all, like everything of a mall on one machine: only loopback reaches it.
pub(super) fn database_password(service: &Service) -> String {
    format!("demo-{}", service.name)
}

/// Environment of one instance.
pub(super) fn of_instance(
    plan: &Plan,
    at: &Addresses,
    service: &Service,
    instance: &str,
    port: u16,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        env.insert(name.to_owned(), value);
    };
    set("SPRING_PROFILES_ACTIVE", "local".into());
    set("SERVER_PORT", port.to_string());
    set("SERVER_ADDRESS", "127.0.0.1".into());
    set(
        "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE",
        format!("http://127.0.0.1:{}/eureka/", at.registry),
    );
    set("EUREKA_INSTANCE_IPADDRESS", "127.0.0.1".into());
    set("EUREKA_INSTANCE_HOSTNAME", "127.0.0.1".into());
    if service.name == "config-server" {
        // No CONFIG_SERVER_URL: it can't ask itself.
        set(
            "SPRING_CLOUD_CONFIG_SERVER_NATIVE_SEARCHLOCATIONS",
            plan.root.join("config-repo").display().to_string(),
        );
    } else {
        set(
            "CONFIG_SERVER_URL",
            format!("http://127.0.0.1:{}", at.config_server),
        );
    }
    if service.schema {
        let schema = service.schema_name();
        set(
            "SPRING_DATASOURCE_URL",
            format!("mysql://127.0.0.1:{}/{schema}", at.mysql),
        );
        set("SPRING_DATASOURCE_USERNAME", schema);
        set("SPRING_DATASOURCE_PASSWORD", database_password(service));
    }
    if service.schema || service.name == "gateway" {
        set(
            "SPRING_DATA_REDIS_URL",
            format!("redis://127.0.0.1:{}/", at.redis),
        );
    }
    if service.name == "users" {
        set("SPRING_MAIL_HOST", "127.0.0.1".into());
        set("SPRING_MAIL_PORT", at.mail.to_string());
        set(
            "API_GATEWAY_URL",
            format!("http://127.0.0.1:{}", at.gateway),
        );
        set("MALL_USERS_ADMIN_EMAIL", plan.admin.email.clone());
        set("MALL_USERS_ADMIN_PASSWORD", plan.admin.password.clone());
    }
    for whose in ["*", service.name, instance] {
        env.extend(plan.env.get(whose).cloned().unwrap_or_default());
    }
    env
}

/// What one of its programs needs to work on a running mall's data without being part of it, such as for its own commands.
///
/// `mysql` is `mysql://user@host:port`, as the mall tells it.
pub fn beside(
    service: &Service,
    mysql: &str,
    redis: &str,
    config_server: &str,
) -> BTreeMap<String, String> {
    let schema = service.schema_name();
    let address = mysql.rsplit(['@', '/']).find(|part| !part.is_empty());
    let url = format!("mysql://{}/{schema}", address.unwrap_or_default());
    [
        ("SPRING_PROFILES_ACTIVE", "local".to_owned()),
        ("CONFIG_SERVER_URL", config_server.to_owned()),
        ("SPRING_DATASOURCE_URL", url),
        ("SPRING_DATASOURCE_USERNAME", schema),
        ("SPRING_DATASOURCE_PASSWORD", database_password(service)),
        ("SPRING_DATA_REDIS_URL", redis.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Run by MariaDB at every start: a schema and a user for each service, with rights on that schema only.
pub(super) fn schemas_and_users<'a>(services: impl Iterator<Item = &'a Service>) -> Vec<String> {
    let mut statements = Vec::new();
    for service in services.filter(|service| service.schema) {
        let name = service.schema_name();
        let password = database_password(service);
        statements.push(format!(
            "CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4;"
        ));
        statements.push(format!(
            "CREATE USER IF NOT EXISTS '{name}'@'127.0.0.1' IDENTIFIED BY '{password}';"
        ));
        statements.push(format!("GRANT ALL ON {name}.* TO '{name}'@'127.0.0.1';"));
    }
    statements
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::service::SERVICES;
    use super::*;

    #[test]
    fn overrides_win_and_the_instance_wins_over_its_service() {
        let mut plan = Plan::new(
            Path::new("/clone"),
            Path::new("/home"),
            Path::new("/programs"),
        );
        for (whose, value) in [("*", "all"), ("stock", "service"), ("stock-2", "instance")] {
            plan.env
                .entry(whose.into())
                .or_default()
                .insert("X".into(), value.into());
        }
        plan.env
            .entry("stock".into())
            .or_default()
            .insert("SERVER_ADDRESS".into(), "127.0.0.2".into());
        let at = Addresses {
            mysql: 1,
            redis: 2,
            mail: 3,
            config_server: 4,
            registry: 5,
            gateway: 6,
        };
        let stock = SERVICES
            .iter()
            .find(|service| service.name == "stock")
            .unwrap();
        let first = of_instance(&plan, &at, stock, "stock", 9);
        let second = of_instance(&plan, &at, stock, "stock-2", 9);
        assert_eq!(
            (first["X"].as_str(), second["X"].as_str()),
            ("service", "instance")
        );
        assert_eq!(first["SERVER_ADDRESS"], "127.0.0.2");
        assert_eq!(
            first["SPRING_DATASOURCE_URL"],
            "mysql://127.0.0.1:1/mall_stock"
        );
        assert_eq!(first["CONFIG_SERVER_URL"], "http://127.0.0.1:4");
        let gateway = of_instance(&plan, &at, &SERVICES[8], "gateway", 6);
        assert_eq!(gateway["X"], "all");
        assert!(!gateway.contains_key("SPRING_DATASOURCE_URL"));
    }

    #[test]
    fn only_services_with_a_schema_get_one() {
        let statements = schemas_and_users(SERVICES.iter());
        assert_eq!(statements.len(), 6 * 3);
        assert!(
            statements
                .iter()
                .all(|statement| statement.ends_with(';') && !statement.contains('\n'))
        );
    }
}
