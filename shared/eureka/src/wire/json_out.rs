//! Writing JSON exactly as Netflix's codec does: names, order, which numbers are texts.

use serde_json::{Map, Value, json};

use super::{Application, Applications, DataCenter, Detail, Instance, Port};

/// `{"instance":{...}}`.
pub fn instance(instance: &Instance) -> Value {
    json!({ "instance": full(instance) })
}

/// `{"application":{...}}`.
pub fn application(application: &Application, detail: Detail) -> Value {
    json!({ "application": application_body(application, detail) })
}

/// `{"applications":{...}}`; in the compact form the list comes first.
pub fn applications(applications: &Applications, detail: Detail) -> Value {
    let list = applications
        .applications
        .iter()
        .map(|application| application_body(application, detail))
        .collect();
    let list = ("application".to_owned(), Value::Array(list));
    let marks = [
        ("versions__delta".to_owned(), json!(applications.version)),
        ("apps__hashcode".to_owned(), json!(applications.hash)),
    ];
    let body: Map<String, Value> = match detail {
        Detail::Full => marks.into_iter().chain([list]).collect(),
        Detail::Compact => [list].into_iter().chain(marks).collect(),
    };
    json!({ "applications": body })
}

fn application_body(application: &Application, detail: Detail) -> Value {
    let instances: Vec<Value> = application
        .instances
        .iter()
        .map(|instance| match detail {
            Detail::Full => full(instance),
            Detail::Compact => compact(instance),
        })
        .collect();
    json!({ "name": application.name, "instance": instances })
}

/// The bare instance object with all its fields; those that are not set are left out.
pub fn full(instance: &Instance) -> Value {
    let lease = &instance.lease;
    let mut out = Fields(Map::new());
    out.text("instanceId", &instance.instance_id);
    out.put("hostName", json!(instance.host_name));
    out.put("app", json!(instance.app));
    out.put("ipAddr", json!(instance.ip_addr));
    out.text("sid", &instance.sid);
    out.put("status", json!(instance.status.as_str()));
    out.put(
        "overriddenStatus",
        json!(instance.overridden_status.as_str()),
    );
    out.put("port", port(instance.port));
    out.put("securePort", port(instance.secure_port));
    out.put("countryId", json!(instance.country_id));
    out.data_center(&instance.data_center);
    out.put(
        "leaseInfo",
        json!({
            "renewalIntervalInSecs": lease.renewal_interval_secs,
            "durationInSecs": lease.duration_secs,
            "registrationTimestamp": lease.registration_timestamp,
            "lastRenewalTimestamp": lease.last_renewal_timestamp,
            "evictionTimestamp": lease.eviction_timestamp,
            "serviceUpTimestamp": lease.service_up_timestamp,
        }),
    );
    out.put(
        "metadata",
        if instance.metadata.is_empty() {
            json!({ "@class": "java.util.Collections$EmptyMap" })
        } else {
            json!(instance.metadata)
        },
    );
    out.text("appGroupName", &instance.app_group_name);
    out.text("homePageUrl", &instance.home_page_url);
    out.text("statusPageUrl", &instance.status_page_url);
    out.text("healthCheckUrl", &instance.health_check_url);
    out.text("secureHealthCheckUrl", &instance.secure_health_check_url);
    out.text("vipAddress", &instance.vip_address);
    out.text("secureVipAddress", &instance.secure_vip_address);
    out.put(
        "isCoordinatingDiscoveryServer",
        json!(instance.is_coordinating_discovery_server.to_string()),
    );
    out.put(
        "lastUpdatedTimestamp",
        json!(instance.last_updated_timestamp.to_string()),
    );
    out.put(
        "lastDirtyTimestamp",
        json!(instance.last_dirty_timestamp.to_string()),
    );
    out.action(instance);
    out.text("asgName", &instance.asg_name);
    Value::Object(out.0)
}

fn compact(instance: &Instance) -> Value {
    let mut out = Fields(Map::new());
    out.text("instanceId", &instance.instance_id);
    out.put("app", json!(instance.app));
    out.put("ipAddr", json!(instance.ip_addr));
    out.text("vipAddress", &instance.vip_address);
    out.text("secureVipAddress", &instance.secure_vip_address);
    out.data_center(&instance.data_center);
    out.put("hostName", json!(instance.host_name));
    out.put("status", json!(instance.status.as_str()));
    out.put(
        "lastUpdatedTimestamp",
        json!(instance.last_updated_timestamp),
    );
    out.action(instance);
    out.text("asgName", &instance.asg_name);
    out.put("port", port(instance.port));
    out.put("securePort", port(instance.secure_port));
    Value::Object(out.0)
}

fn port(port: Port) -> Value {
    json!({ "$": port.number, "@enabled": port.enabled.to_string() })
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn text(&mut self, name: &str, value: &Option<String>) {
        if let Some(value) = value {
            self.put(name, json!(value));
        }
    }

    fn action(&mut self, instance: &Instance) {
        if let Some(action) = instance.action_type {
            self.put("actionType", json!(action.as_str()));
        }
    }

    fn data_center(&mut self, center: &Option<DataCenter>) {
        let Some(center) = center else { return };
        let mut fields = Fields(Map::new());
        fields.put("@class", json!(center.class()));
        fields.text("name", &center.name);
        if center.amazon {
            let pairs: Map<String, Value> = center
                .metadata
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect();
            fields.put("metadata", Value::Object(pairs));
        }
        self.put("dataCenterInfo", Value::Object(fields.0));
    }
}
