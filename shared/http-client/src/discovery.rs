use std::collections::HashMap;
use std::sync::Arc;

use mall_eureka::wire::Instance;

/// Where an instance of a service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The instance's id, unique within its service.
    pub id: String,
    /// Host name or address.
    pub host: String,
    /// The plain HTTP port.
    pub port: u16,
}

impl Endpoint {
    /// `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Knows the instances of services.
pub trait Discovery: Send + Sync {
    /// The instances in the last known view that may be called. Never waits; the name in any case.
    fn endpoints(&self, service: &str) -> Vec<Endpoint>;

    /// Which view [`endpoints`](Self::endpoints) would tell now, so that it need not be told for each call; `None`: always ask.
    fn version(&self, _service: &str) -> Option<Version> {
        None
    }
}

/// A view's identity: equal only for the very same view.
#[derive(Clone, Debug)]
pub struct Version(Option<Arc<[Instance]>>);

impl Version {
    /// Of a view that never changes.
    pub fn fixed() -> Self {
        Self(None)
    }

    /// Of the registry's view of a service.
    pub fn of(view: Arc<[Instance]>) -> Self {
        Self(Some(view))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

/// A fixed view by service name: for tests and for programs without a registry.
#[derive(Clone, Debug, Default)]
pub struct StaticDiscovery(pub HashMap<String, Vec<Endpoint>>);

impl Discovery for StaticDiscovery {
    fn endpoints(&self, service: &str) -> Vec<Endpoint> {
        let of_that_name = self
            .0
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(service));
        of_that_name
            .flat_map(|(_, endpoints)| endpoints)
            .cloned()
            .collect()
    }

    fn version(&self, _service: &str) -> Option<Version> {
        Some(Version::fixed())
    }
}
