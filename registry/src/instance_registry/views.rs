//! What clients may ask: everything, what changed lately, or a part.

use mall_eureka::wire;
use mall_eureka::{Application, Applications, Instance};

use super::{Change, InstanceRegistry};
use crate::lease::Lease;

impl InstanceRegistry {
    /// The whole registry.
    pub fn all(&self) -> Applications {
        let applications = self
            .applications
            .iter()
            .map(|(name, leases)| Application {
                name: name.clone(),
                instances: leases.values().map(Lease::shown).collect(),
            })
            .collect();
        Applications {
            version: "1".to_owned(),
            hash: self.hash(),
            applications,
        }
    }

    /// Recent changes in order, each instance once with its current state, and the hash of the whole registry.
    pub fn delta(&mut self) -> Applications {
        self.delta_version += 1;
        let mut applications: Vec<Application> = Vec::new();
        for (_, change) in &self.changes {
            let (app, id, lease) = match change {
                Change::Current { app, id } => (app, id.as_str(), self.lease(app, id)),
                Change::Gone(lease) => (&lease.holder.app, lease.holder.id(), Some(lease.as_ref())),
            };
            let place = applications
                .iter()
                .position(|application| application.name == *app);
            let place = place.unwrap_or_else(|| {
                applications.push(Application {
                    name: app.clone(),
                    instances: Vec::new(),
                });
                applications.len() - 1
            });
            let application = &mut applications[place];
            application.instances.retain(|instance| instance.id() != id);
            // Without a lease it was cancelled since, which is a later change.
            application.instances.extend(lease.map(Lease::shown));
        }
        Applications {
            version: self.delta_version.to_string(),
            hash: self.hash(),
            applications,
        }
    }

    /// One application, if it has instances.
    pub fn application(&self, app: &str) -> Option<Application> {
        self.applications.get(app).map(|leases| Application {
            name: app.to_owned(),
            instances: leases.values().map(Lease::shown).collect(),
        })
    }

    /// One instance.
    pub fn instance(&self, app: &str, id: &str) -> Option<Instance> {
        self.lease(app, id).map(Lease::shown)
    }

    /// The first instance with this id in any application.
    pub fn instance_anywhere(&self, id: &str) -> Option<Instance> {
        self.applications
            .values()
            .find_map(|leases| leases.get(id))
            .map(Lease::shown)
    }

    /// All instances with this virtual address (or secure one), which may list several, separated by commas.
    pub fn by_virtual_address(&self, address: &str, secure: bool) -> Applications {
        let has = |instance: &Instance| {
            let addresses = if secure {
                &instance.secure_vip_address
            } else {
                &instance.vip_address
            };
            addresses
                .as_ref()
                .is_some_and(|list| list.split(',').any(|one| one == address))
        };
        let applications: Vec<Application> = self
            .all()
            .applications
            .into_iter()
            .map(|mut application| {
                application.instances.retain(has);
                application
            })
            .filter(|application| !application.instances.is_empty())
            .collect();
        Applications {
            version: "-1".to_owned(),
            hash: wire::hash(
                applications
                    .iter()
                    .flat_map(|application| &application.instances),
            ),
            applications,
        }
    }

    fn hash(&self) -> String {
        wire::hash(self.leases().map(|(_, _, lease)| &lease.holder))
    }
}
