//! The registry's model and its wire forms.
//!
//! Input is read liberally ([`json_in`], [`xml_in`]): numbers as texts, booleans as texts, both spellings of
//! `overriddenStatus`, single elements instead of arrays. Output ([`json_out`], [`xml_out`]) is exact, field by field and in
//! order, because Spring's own client refuses any instance with a field it does not know. Extensions go to `metadata`.

pub mod json_in;
pub mod json_out;
pub mod xml_in;
pub mod xml_out;

use std::collections::BTreeMap;

/// What could not be read from a registration or an answer. The registry answers it with Eureka's one parse error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct WireError {
    /// Name of the field, as on the wire.
    pub field: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl WireError {
    pub(crate) fn new(field: impl Into<String>, why: &'static str) -> Self {
        Self {
            field: field.into(),
            why,
        }
    }
}

/// State of an instance. Ordered by name, which is the order in the registry's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceStatus {
    /// Registered, but not to be called.
    Down,
    /// Taken out of traffic by an operator.
    OutOfService,
    /// Registered, not ready yet.
    Starting,
    /// Not known; also the value of "no override".
    Unknown,
    /// Ready for traffic.
    Up,
}

impl InstanceStatus {
    /// Every status, in the order of the hash.
    pub const ALL: [Self; 5] = [
        Self::Down,
        Self::OutOfService,
        Self::Starting,
        Self::Unknown,
        Self::Up,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::OutOfService => "OUT_OF_SERVICE",
            Self::Starting => "STARTING",
            Self::Unknown => "UNKNOWN",
            Self::Up => "UP",
        }
    }

    /// The status with exactly this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// As clients write it in a registration: any case, and any unknown text is `UNKNOWN`.
    pub fn lenient(text: &str) -> Self {
        Self::parse(&text.to_ascii_uppercase()).unwrap_or(Self::Unknown)
    }
}

impl std::fmt::Display for InstanceStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What last happened to an instance: clients apply a delta by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionType {
    /// Registered (or registered again).
    Added,
    /// Its status or override changed.
    Modified,
    /// Cancelled or evicted.
    Deleted,
}

impl ActionType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }

    /// The action with exactly this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Added, Self::Modified, Self::Deleted]
            .into_iter()
            .find(|action| action.as_str() == text)
    }
}

/// A port and whether it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The TCP port.
    pub number: u16,
    /// Whether clients may use it.
    pub enabled: bool,
}

/// Where the instance runs. Only Amazon's carries metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataCenter {
    /// Written with Amazon's class name; every other kind is written as Netflix's default class.
    pub amazon: bool,
    /// `MyOwn`, `Netflix` or `Amazon`; `None` only in a registration that the registry will refuse.
    pub name: Option<String>,
    /// Amazon's metadata, in the order received.
    pub metadata: Vec<(String, String)>,
}

impl DataCenter {
    /// The data center of everybody who is not in one.
    pub fn my_own() -> Self {
        Self {
            amazon: false,
            name: Some("MyOwn".to_owned()),
            metadata: Vec::new(),
        }
    }

    pub(crate) fn class(&self) -> &'static str {
        if self.amazon {
            "com.netflix.appinfo.AmazonInfo"
        } else {
            "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"
        }
    }
}

/// The lease as shown on the wire. Intervals in seconds, timestamps in milliseconds since 1970, 0 for "not yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseInfo {
    /// How often the client wants to renew.
    pub renewal_interval_secs: i64,
    /// How long the lease lasts without a renewal.
    pub duration_secs: i64,
    /// When this lease began.
    pub registration_timestamp: i64,
    /// Last renewal (Eureka shows it one duration late, as it stores it).
    pub last_renewal_timestamp: i64,
    /// When it was cancelled or evicted.
    pub eviction_timestamp: i64,
    /// When the instance was `UP` for the first time.
    pub service_up_timestamp: i64,
}

impl Default for LeaseInfo {
    fn default() -> Self {
        Self {
            renewal_interval_secs: 30,
            duration_secs: 90,
            registration_timestamp: 0,
            last_renewal_timestamp: 0,
            eviction_timestamp: 0,
            service_up_timestamp: 0,
        }
    }
}

/// One registered instance. Texts that clients may leave out and that are then never shown are `Option`; host, address and
/// name are empty when missing (the registry refuses such a registration).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The id as registered; see [`Instance::id`] for the one that counts.
    pub instance_id: Option<String>,
    /// Host name or, with `prefer-ip-address`, the address: what clients call.
    pub host_name: String,
    /// Application name in upper case.
    pub app: String,
    /// IP address.
    pub ip_addr: String,
    /// Only when it says something (never `na`).
    pub sid: Option<String>,
    /// Effective status.
    pub status: InstanceStatus,
    /// The operator's override, `UNKNOWN` for none.
    pub overridden_status: InstanceStatus,
    /// Plain port.
    pub port: Port,
    /// TLS port.
    pub secure_port: Port,
    /// Always 1 in practice.
    pub country_id: i64,
    /// `None` only in a registration that the registry will refuse.
    pub data_center: Option<DataCenter>,
    /// The lease.
    pub lease: LeaseInfo,
    /// Free key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// Upper case.
    pub app_group_name: Option<String>,
    /// Home page.
    pub home_page_url: Option<String>,
    /// Page with information about the instance.
    pub status_page_url: Option<String>,
    /// Health endpoint.
    pub health_check_url: Option<String>,
    /// Health endpoint over TLS.
    pub secure_health_check_url: Option<String>,
    /// Virtual address, several separated by commas.
    pub vip_address: Option<String>,
    /// Virtual address for TLS.
    pub secure_vip_address: Option<String>,
    /// True only on a registry's own entry.
    pub is_coordinating_discovery_server: bool,
    /// Last change seen by the registry, milliseconds since 1970.
    pub last_updated_timestamp: i64,
    /// Last change made by the client, milliseconds since 1970: the newer one wins.
    pub last_dirty_timestamp: i64,
    /// What last happened to it.
    pub action_type: Option<ActionType>,
    /// Amazon auto-scaling group.
    pub asg_name: Option<String>,
}

impl Instance {
    /// An instance with Eureka's defaults: status `UP`, data center `MyOwn`, lease 30/90 s, TLS port off.
    pub fn new(app: &str, instance_id: &str, host: &str, ip: &str, port: u16) -> Self {
        Self {
            instance_id: Some(instance_id.to_owned()),
            host_name: host.to_owned(),
            app: app.to_uppercase(),
            ip_addr: ip.to_owned(),
            sid: None,
            status: InstanceStatus::Up,
            overridden_status: InstanceStatus::Unknown,
            port: Port {
                number: port,
                enabled: true,
            },
            secure_port: Port {
                number: 443,
                enabled: false,
            },
            country_id: 1,
            data_center: Some(DataCenter::my_own()),
            lease: LeaseInfo::default(),
            metadata: BTreeMap::new(),
            app_group_name: None,
            home_page_url: None,
            status_page_url: None,
            health_check_url: None,
            secure_health_check_url: None,
            vip_address: Some(app.to_owned()),
            secure_vip_address: Some(app.to_owned()),
            is_coordinating_discovery_server: false,
            last_updated_timestamp: 0,
            last_dirty_timestamp: 0,
            action_type: None,
            asg_name: None,
        }
    }

    /// The id that identifies it within its application: `instanceId`, else Amazon's, else the host name.
    pub fn id(&self) -> &str {
        if let Some(id) = &self.instance_id {
            return id;
        }
        let amazon = self
            .data_center
            .as_ref()
            .and_then(|center| {
                center
                    .metadata
                    .iter()
                    .find(|(key, _)| center.amazon && key == "instance-id")
            })
            .map(|(_, value)| value.as_str());
        amazon.unwrap_or(&self.host_name)
    }
}

/// All instances of one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Upper case.
    pub name: String,
    /// Its instances.
    pub instances: Vec<Instance>,
}

/// A registry or a delta of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applications {
    /// `1` for a whole registry, a counter for a delta, `-1` for a virtual address.
    pub version: String,
    /// Hash of the whole registry, see [`hash`]; also in a delta.
    pub hash: String,
    /// The applications.
    pub applications: Vec<Application>,
}

/// Eureka's registry hash: `STATUS_count_` for each status present, by name. Empty for an empty registry.
pub fn hash<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> String {
    let mut counts: BTreeMap<InstanceStatus, usize> = BTreeMap::new();
    for instance in instances {
        *counts.entry(instance.status).or_default() += 1;
    }
    counts
        .iter()
        .map(|(status, count)| format!("{status}_{count}_"))
        .collect()
}

/// How much of an instance is written: everything, or what `X-Eureka-Accept: compact` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All fields.
    Full,
    /// What a load balancer needs.
    Compact,
}

#[cfg(test)]
mod tests;
