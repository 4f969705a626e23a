//! The registry's view as endpoints.

use mall_eureka::EurekaClient;

use crate::discovery::{Discovery, Endpoint, Version};

impl Discovery for EurekaClient {
    fn endpoints(&self, service: &str) -> Vec<Endpoint> {
        let endpoint = |instance: &mall_eureka::wire::Instance| Endpoint {
            id: instance.id().to_owned(),
            host: instance.host_name.clone(),
            port: instance.port.number,
        };
        self.up_instances(service).iter().map(endpoint).collect()
    }

    fn version(&self, service: &str) -> Option<Version> {
        Some(Version::of(self.up_instances(service)))
    }
}
