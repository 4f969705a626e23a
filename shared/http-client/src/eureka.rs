//! The registry's view as endpoints.

use mall_eureka::EurekaClient;

use crate::discovery::{Discovery, Endpoint};

impl Discovery for EurekaClient {
    fn endpoints(&self, service: &str) -> Vec<Endpoint> {
        let instances = self.instances(service);
        let endpoint = |instance: &mall_eureka::wire::Instance| Endpoint {
            id: instance.id().to_owned(),
            host: instance.host_name.clone(),
            port: instance.port.number,
        };
        instances.iter().map(endpoint).collect()
    }
}
