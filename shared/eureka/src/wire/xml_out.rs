//! Writing XML as Netflix's codecs do: indented by two blanks in full, on one line when compact, no declaration.

use super::{Application, Applications, DataCenter, Detail, Instance, InstanceStatus, Port};

/// `<instance>`. As in Netflix's codec, a lone instance whose status is not known is shown as `DOWN`.
pub fn instance(instance: &Instance) -> String {
    let mut out = Writer::new(Detail::Full);
    let status = match instance.status {
        InstanceStatus::Unknown => InstanceStatus::Down,
        status => status,
    };
    out.full_instance(instance, status);
    out.text
}

/// `<application>`.
pub fn application(application: &Application, detail: Detail) -> String {
    let mut out = Writer::new(detail);
    out.application(application);
    out.text
}

/// `<applications>`.
pub fn applications(applications: &Applications, detail: Detail) -> String {
    let mut out = Writer::new(detail);
    out.open("applications", None);
    if detail == Detail::Full {
        out.marks(applications);
    }
    for application in &applications.applications {
        out.application(application);
    }
    if detail == Detail::Compact {
        out.marks(applications);
    }
    out.close("applications");
    out.text
}

/// An element name from any text (metadata keys): `_` is doubled, `$` becomes `_-`, what XML forbids becomes `_.` and the
/// four hexadecimal digits of its UTF-16 unit.
pub fn element_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        match c {
            '_' => name.push_str("__"),
            '$' => name.push_str("_-"),
            c if c.is_alphabetic() => name.push(c),
            c if index > 0 && (c.is_ascii_digit() || c == '-' || c == '.') => name.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    name.push_str(&format!("_.{unit:04x}"));
                }
            }
        }
    }
    name
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' => out.push(c),
            '\r' => out.push_str("&#xd;"),
            // XML 1.0 has no way to write the other control characters.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

struct Writer {
    text: String,
    detail: Detail,
    depth: usize,
}

impl Writer {
    fn new(detail: Detail) -> Self {
        Self {
            text: String::new(),
            detail,
            depth: 0,
        }
    }

    fn new_line(&mut self) {
        if self.detail == Detail::Full && !self.text.is_empty() {
            self.text.push('\n');
            self.text.push_str(&"  ".repeat(self.depth));
        }
    }

    fn start(&mut self, name: &str, attribute: Option<(&str, &str)>) {
        self.new_line();
        self.text.push('<');
        self.text.push_str(name);
        if let Some((key, value)) = attribute {
            self.text.push_str(&format!(" {key}=\""));
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }

    fn open(&mut self, name: &str, attribute: Option<(&str, &str)>) {
        self.start(name, attribute);
        self.text.push('>');
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.new_line();
        self.text.push_str(&format!("</{name}>"));
    }

    fn leaf(&mut self, name: &str, attribute: Option<(&str, &str)>, value: &str) {
        self.start(name, attribute);
        self.text.push('>');
        escape(value, &mut self.text);
        self.text.push_str(&format!("</{name}>"));
    }

    fn put(&mut self, name: &str, value: &str) {
        self.leaf(name, None, value);
    }

    fn text(&mut self, name: &str, value: &Option<String>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn marks(&mut self, applications: &Applications) {
        self.put("versions__delta", &applications.version);
        self.put("apps__hashcode", &applications.hash);
    }

    fn application(&mut self, application: &Application) {
        self.open("application", None);
        self.put("name", &application.name);
        for instance in &application.instances {
            match self.detail {
                Detail::Full => self.full_instance(instance, instance.status),
                Detail::Compact => self.compact_instance(instance),
            }
        }
        self.close("application");
    }

    fn full_instance(&mut self, instance: &Instance, status: InstanceStatus) {
        let lease = &instance.lease;
        self.open("instance", None);
        self.text("instanceId", &instance.instance_id);
        self.put("hostName", &instance.host_name);
        self.put("app", &instance.app);
        self.put("ipAddr", &instance.ip_addr);
        self.text("sid", &instance.sid);
        self.put("status", status.as_str());
        self.put("overriddenstatus", instance.overridden_status.as_str());
        self.ports(instance);
        self.put("countryId", &instance.country_id.to_string());
        self.data_center(&instance.data_center);
        self.open("leaseInfo", None);
        for (name, value) in [
            ("renewalIntervalInSecs", lease.renewal_interval_secs),
            ("durationInSecs", lease.duration_secs),
            ("registrationTimestamp", lease.registration_timestamp),
            ("lastRenewalTimestamp", lease.last_renewal_timestamp),
            ("evictionTimestamp", lease.eviction_timestamp),
            ("serviceUpTimestamp", lease.service_up_timestamp),
        ] {
            self.put(name, &value.to_string());
        }
        self.close("leaseInfo");
        if instance.metadata.is_empty() {
            self.start(
                "metadata",
                Some(("class", "java.util.Collections$EmptyMap")),
            );
            self.text.push_str("/>");
        } else {
            self.pairs(instance.metadata.iter());
        }
        self.text("appGroupName", &instance.app_group_name);
        self.text("homePageUrl", &instance.home_page_url);
        self.text("statusPageUrl", &instance.status_page_url);
        self.text("healthCheckUrl", &instance.health_check_url);
        self.text("secureHealthCheckUrl", &instance.secure_health_check_url);
        self.text("vipAddress", &instance.vip_address);
        self.text("secureVipAddress", &instance.secure_vip_address);
        self.put(
            "isCoordinatingDiscoveryServer",
            &instance.is_coordinating_discovery_server.to_string(),
        );
        self.put(
            "lastUpdatedTimestamp",
            &instance.last_updated_timestamp.to_string(),
        );
        self.put(
            "lastDirtyTimestamp",
            &instance.last_dirty_timestamp.to_string(),
        );
        self.action(instance);
        self.text("asgName", &instance.asg_name);
        self.close("instance");
    }

    fn compact_instance(&mut self, instance: &Instance) {
        self.open("instance", None);
        self.text("instanceId", &instance.instance_id);
        self.put("app", &instance.app);
        self.put("ipAddr", &instance.ip_addr);
        self.text("vipAddress", &instance.vip_address);
        self.text("secureVipAddress", &instance.secure_vip_address);
        self.data_center(&instance.data_center);
        self.put("hostName", &instance.host_name);
        self.put("status", instance.status.as_str());
        self.put(
            "lastUpdatedTimestamp",
            &instance.last_updated_timestamp.to_string(),
        );
        self.action(instance);
        self.text("asgName", &instance.asg_name);
        self.ports(instance);
        self.close("instance");
    }

    fn ports(&mut self, instance: &Instance) {
        let mut port = |name: &str, port: Port| {
            self.leaf(
                name,
                Some(("enabled", &port.enabled.to_string())),
                &port.number.to_string(),
            );
        };
        port("port", instance.port);
        port("securePort", instance.secure_port);
    }

    fn action(&mut self, instance: &Instance) {
        if let Some(action) = instance.action_type {
            self.put("actionType", action.as_str());
        }
    }

    fn data_center(&mut self, center: &Option<DataCenter>) {
        let Some(center) = center else { return };
        self.open("dataCenterInfo", Some(("class", center.class())));
        self.text("name", &center.name);
        if center.amazon {
            self.pairs(center.metadata.iter().map(|(key, value)| (key, value)));
        }
        self.close("dataCenterInfo");
    }

    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (&'a String, &'a String)>) {
        self.open("metadata", None);
        // An empty key has no name in XML.
        for (key, value) in pairs.filter(|(key, _)| !key.is_empty()) {
            self.put(&element_name(key), value);
        }
        self.close("metadata");
    }
}
