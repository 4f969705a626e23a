//! Reading JSON, liberally: what Java, Python and JavaScript clients really send.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    ActionType, Application, Applications, DataCenter, Instance, InstanceStatus, LeaseInfo, Port,
    WireError,
};

/// Reads `{"instance":{...}}`. `now` (milliseconds since 1970) stands in for timestamps left out.
pub fn registration(body: &[u8], now: i64) -> Result<Instance, WireError> {
    let root: Value =
        serde_json::from_slice(body).map_err(|_| WireError::new("body", "is not JSON"))?;
    let value = root
        .get("instance")
        .ok_or_else(|| WireError::new("instance", "is missing"))?;
    instance(value, now)
}

/// Reads the answer to a fetch, whole or delta. An application or instance that stands alone instead of in a list is
/// accepted, as old servers write it.
pub fn applications(body: &[u8], now: i64) -> Result<Applications, WireError> {
    let root: Value =
        serde_json::from_slice(body).map_err(|_| WireError::new("body", "is not JSON"))?;
    let root = object(
        root.get("applications")
            .ok_or_else(|| WireError::new("applications", "is missing"))?,
        "applications",
    )?;
    let mut applications = Vec::new();
    for value in one_or_many(root.get("application")) {
        let application = object(value, "application")?;
        let name = text(application, "name")?
            .unwrap_or_default()
            .to_uppercase();
        let instances = one_or_many(application.get("instance"))
            .iter()
            .map(|value| instance(value, now))
            .collect::<Result<_, _>>()?;
        applications.push(Application { name, instances });
    }
    Ok(Applications {
        version: text(root, "versions__delta")?.unwrap_or_default(),
        hash: text(root, "apps__hashcode")?.unwrap_or_default(),
        applications,
    })
}

/// Reads one bare instance object.
pub fn instance(value: &Value, now: i64) -> Result<Instance, WireError> {
    let fields = object(value, "instance")?;
    // Stock's codec fails on a missing `app` before its validation can name it: a parse error, not "Missing appName".
    let app = text(fields, "app")?
        .ok_or_else(|| WireError::new("app", "is missing"))?
        .to_uppercase();
    let host_name = text(fields, "hostName")?.unwrap_or_default();
    let metadata = metadata(fields.get("metadata"))?;
    let instance_id = match text(fields, "instanceId")? {
        Some(id) => Some(id),
        None => metadata.get("instanceId").map(|id| {
            if id.starts_with(&host_name) {
                id.clone()
            } else {
                format!("{host_name}:{id}")
            }
        }),
    };
    let overridden = match text(fields, "overriddenStatus")? {
        Some(status) => Some(status),
        None => text(fields, "overriddenstatus")?,
    };
    Ok(Instance {
        instance_id,
        host_name,
        app,
        ip_addr: text(fields, "ipAddr")?.unwrap_or_default(),
        sid: text(fields, "sid")?.filter(|sid| sid != "na" && sid != "unknown"),
        status: match fields.get("status") {
            None => InstanceStatus::Up,
            Some(_) => InstanceStatus::lenient(&text(fields, "status")?.unwrap_or_default()),
        },
        overridden_status: overridden.map_or(InstanceStatus::Unknown, |status| {
            InstanceStatus::lenient(&status)
        }),
        port: port(fields, "port", 7001, true)?,
        secure_port: port(fields, "securePort", 7002, false)?,
        country_id: number(fields, "countryId")?.unwrap_or(1),
        data_center: data_center(fields.get("dataCenterInfo"))?,
        lease: lease(fields.get("leaseInfo"))?,
        metadata,
        app_group_name: text(fields, "appGroupName")?.map(|name| name.to_uppercase()),
        home_page_url: text(fields, "homePageUrl")?,
        status_page_url: text(fields, "statusPageUrl")?,
        health_check_url: text(fields, "healthCheckUrl")?,
        secure_health_check_url: text(fields, "secureHealthCheckUrl")?,
        vip_address: text(fields, "vipAddress")?,
        secure_vip_address: text(fields, "secureVipAddress")?,
        is_coordinating_discovery_server: flag(fields, "isCoordinatingDiscoveryServer")?
            .unwrap_or(false),
        last_updated_timestamp: number(fields, "lastUpdatedTimestamp")?.unwrap_or(now),
        last_dirty_timestamp: number(fields, "lastDirtyTimestamp")?.unwrap_or(now),
        action_type: text(fields, "actionType")?.and_then(|action| ActionType::parse(&action)),
        asg_name: text(fields, "asgName")?,
    })
}

fn object<'a>(value: &'a Value, field: &str) -> Result<&'a Map<String, Value>, WireError> {
    value
        .as_object()
        .ok_or_else(|| WireError::new(field, "is not an object"))
}

fn one_or_many(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        Some(single) => std::slice::from_ref(single),
    }
}

fn scalar(value: &Value, field: &str) -> Result<Option<String>, WireError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Array(_) | Value::Object(_) => Err(WireError::new(field, "is not a plain value")),
    }
}

fn text(fields: &Map<String, Value>, field: &str) -> Result<Option<String>, WireError> {
    fields
        .get(field)
        .map_or(Ok(None), |value| scalar(value, field))
}

fn number(fields: &Map<String, Value>, field: &str) -> Result<Option<i64>, WireError> {
    text(fields, field)?
        .map(|text| {
            text.trim()
                .parse()
                .map_err(|_| WireError::new(field, "is not a whole number"))
        })
        .transpose()
}

fn flag(fields: &Map<String, Value>, field: &str) -> Result<Option<bool>, WireError> {
    Ok(text(fields, field)?.map(|text| text.eq_ignore_ascii_case("true")))
}

fn port(
    fields: &Map<String, Value>,
    field: &str,
    number: u16,
    enabled: bool,
) -> Result<Port, WireError> {
    let parse = |text: String| {
        text.trim()
            .parse()
            .map_err(|_| WireError::new(field, "is not a port"))
    };
    match fields.get(field) {
        None | Some(Value::Null) => Ok(Port { number, enabled }),
        Some(Value::Object(fields)) => Ok(Port {
            number: text(fields, "$")?.map_or(Ok(number), parse)?,
            enabled: flag(fields, "@enabled")?.unwrap_or(enabled),
        }),
        // Netflix's codec refuses a bare number; the JavaScript client's own documentation shows one.
        Some(value) => Ok(Port {
            number: scalar(value, field)?.map_or(Ok(number), parse)?,
            enabled: true,
        }),
    }
}

fn data_center(value: Option<&Value>) -> Result<Option<DataCenter>, WireError> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => object(value, "dataCenterInfo")?,
    };
    let name = text(fields, "name")?.filter(|name| !name.is_empty());
    if let Some(name) = &name
        && !matches!(name.as_str(), "MyOwn" | "Netflix" | "Amazon")
    {
        return Err(WireError::new("dataCenterInfo.name", "is not known"));
    }
    let amazon = match text(fields, "@class")? {
        Some(class) => class.ends_with("AmazonInfo"),
        None => name.as_deref() == Some("Amazon"),
    };
    let mut pairs = Vec::new();
    if let (true, Some(Value::Object(entries))) = (amazon, fields.get("metadata")) {
        for (key, value) in entries.iter().filter(|(key, _)| *key != "@class") {
            pairs.push((key.clone(), scalar(value, key)?.unwrap_or_default()));
        }
    }
    Ok(Some(DataCenter {
        amazon,
        name,
        metadata: pairs,
    }))
}

fn lease(value: Option<&Value>) -> Result<LeaseInfo, WireError> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(LeaseInfo::default()),
        Some(value) => object(value, "leaseInfo")?,
    };
    let default = LeaseInfo::default();
    let positive = |field: &str, default: i64| -> Result<i64, WireError> {
        Ok(number(fields, field)?
            .filter(|value| *value > 0)
            .unwrap_or(default))
    };
    let stamp = |field: &str| -> Result<i64, WireError> { Ok(number(fields, field)?.unwrap_or(0)) };
    Ok(LeaseInfo {
        renewal_interval_secs: positive("renewalIntervalInSecs", default.renewal_interval_secs)?,
        duration_secs: positive("durationInSecs", default.duration_secs)?,
        registration_timestamp: stamp("registrationTimestamp")?,
        last_renewal_timestamp: stamp("lastRenewalTimestamp")?,
        eviction_timestamp: stamp("evictionTimestamp")?,
        service_up_timestamp: stamp("serviceUpTimestamp")?,
    })
}

fn metadata(value: Option<&Value>) -> Result<BTreeMap<String, String>, WireError> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(value) => object(value, "metadata")?,
    };
    let mut pairs = BTreeMap::new();
    for (key, value) in fields {
        // `@class` is how Java marks its empty map; the XML form of the same mark is a `class` with that value.
        let text = scalar(value, key)?.unwrap_or_else(|| "null".to_owned());
        if key == "@class" || (key == "class" && text == "java.util.Collections$EmptyMap") {
            continue;
        }
        pairs.insert(key.clone(), text);
    }
    Ok(pairs)
}
