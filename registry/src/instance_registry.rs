//! The registry as a state machine: no HTTP, no clock, no threads.
//!
//! Follows Netflix's `AbstractInstanceRegistry` step by step where a client can see it, including what looks like slips (a
//! renewed lease lives twice its duration, an equal status is not "changed"). Times are milliseconds since 1970, handed in.

mod views;

use std::collections::{BTreeMap, HashMap, VecDeque};

use mall_eureka::{ActionType, Instance, InstanceStatus};

use crate::lease::Lease;
use crate::self_preservation::SelfPreservation;

/// An override that nobody asks for is forgotten after an hour.
const OVERRIDE_LIFE: i64 = 3_600_000;

/// What the state machine needs to know, see `crate::config` for the keys.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// Keep instances when too few heartbeats arrive.
    pub self_preservation: bool,
    /// Share of expected heartbeats below which that happens, and of instances that one eviction run leaves alone.
    pub renewal_percent: f64,
    /// How often clients are expected to renew, seconds.
    pub expected_renewal_secs: u32,
    /// Clients taken for granted at the start.
    pub open_for_traffic_count: u32,
    /// With a count of 0: how long fetches are refused after the start, ms.
    pub wait_when_empty: i64,
    /// How long a change is part of the delta, ms.
    pub delta_retention: i64,
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            self_preservation: true,
            renewal_percent: 0.85,
            expected_renewal_secs: 30,
            open_for_traffic_count: 1,
            wait_when_empty: 300_000,
            delta_retention: 180_000,
        }
    }
}

/// What became of a heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub enum Renewal {
    /// The lease goes on.
    Renewed,
    /// No such lease, or the client has newer data: it must register again.
    RegisterAgain,
    /// A peer's heartbeat for a state older than ours, which goes back to it.
    PeerIsBehind(Box<Instance>),
}

/// A heartbeat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heartbeat {
    /// The client's last change, if it says.
    pub dirty: Option<i64>,
    /// The override that a peer holds.
    pub overridden: Option<InstanceStatus>,
    /// Sent by a peer.
    pub from_peer: bool,
}

#[derive(Clone, Debug)]
enum Change {
    /// The lease as it is now.
    Current { app: String, id: String },
    /// A lease that is no more.
    Gone(Box<Lease>),
}

/// All leases, overrides and recent changes.
#[derive(Clone, Debug)]
pub struct InstanceRegistry {
    settings: RegistrySettings,
    started_at: i64,
    applications: BTreeMap<String, BTreeMap<String, Lease>>,
    /// By instance id alone, as Netflix does. With the time of the last access.
    overrides: HashMap<String, (InstanceStatus, i64)>,
    changes: VecDeque<(i64, Change)>,
    preservation: SelfPreservation,
    delta_version: u64,
}

impl InstanceRegistry {
    /// An empty registry that starts now.
    pub fn new(settings: RegistrySettings, now: i64) -> Self {
        let preservation = SelfPreservation::new(
            settings.self_preservation,
            settings.renewal_percent,
            settings.expected_renewal_secs,
            settings.open_for_traffic_count,
            now,
        );
        Self {
            settings,
            started_at: now,
            applications: BTreeMap::new(),
            overrides: HashMap::new(),
            changes: VecDeque::new(),
            preservation,
            delta_version: 0,
        }
    }

    /// Registers an instance, or registers it again.
    pub fn register(&mut self, registrant: Instance, from_peer: bool, now: i64) {
        let app = registrant.app.clone();
        let id = registrant.id().to_owned();
        let existing = self.lease(&app, &id);
        let duration_secs = registrant.lease.duration_secs;
        let mut registrant = match existing {
            // What is held is newer (a registration that was overtaken): keep it, with a new lease.
            Some(lease) if lease.holder.last_dirty_timestamp > registrant.last_dirty_timestamp => {
                lease.holder.clone()
            }
            _ => registrant,
        };
        let before = existing.map(|lease| (lease.holder.status, lease.service_up_at));
        if before.is_none() {
            self.preservation.joined();
        }

        if registrant.overridden_status != InstanceStatus::Unknown
            && self.overridden(&id, now).is_none()
        {
            self.overrides
                .insert(id.clone(), (registrant.overridden_status, now));
        }
        if let Some(overridden) = self.overridden(&id, now) {
            registrant.overridden_status = overridden;
        }
        registrant.status = self.effective_status(
            &registrant,
            before.map(|(status, _)| status),
            from_peer,
            now,
        );
        registrant.action_type = Some(ActionType::Added);
        registrant.last_updated_timestamp = now;

        let service_up_at = before.map_or(0, |(_, service_up_at)| service_up_at);
        let mut lease = Lease::new(registrant, service_up_at, now);
        lease.duration = duration_secs.saturating_mul(1000);
        if lease.holder.status == InstanceStatus::Up {
            lease.service_up(now);
        }
        self.applications
            .entry(app.clone())
            .or_default()
            .insert(id.clone(), lease);
        self.changed(app, id, now);
    }

    /// A heartbeat.
    pub fn renew(&mut self, app: &str, id: &str, heartbeat: Heartbeat, now: i64) -> Renewal {
        let Some(lease) = self.lease(app, id) else {
            return Renewal::RegisterAgain;
        };
        let holder = lease.holder.clone();
        let status = self.effective_status(&holder, Some(holder.status), heartbeat.from_peer, now);
        if status == InstanceStatus::Unknown {
            // After its override was deleted: only the instance itself knows its status.
            return Renewal::RegisterAgain;
        }
        self.preservation.renewed(now);
        if let Some(lease) = self.lease_mut(app, id) {
            lease.holder.status = status;
            lease.renew(now);
        }
        let held = holder.last_dirty_timestamp;
        match heartbeat.dirty {
            Some(dirty) if dirty > held => {
                if let (true, Some(overridden)) = (heartbeat.from_peer, heartbeat.overridden)
                    && overridden != InstanceStatus::Unknown
                {
                    self.store_override(app, id, overridden, now);
                }
                Renewal::RegisterAgain
            }
            Some(dirty) if dirty < held && heartbeat.from_peer => {
                let shown = self.instance(app, id);
                shown.map_or(Renewal::Renewed, |shown| {
                    Renewal::PeerIsBehind(Box::new(shown))
                })
            }
            _ => Renewal::Renewed,
        }
    }

    /// Removes an instance; false when it is not there.
    pub fn cancel(&mut self, app: &str, id: &str, now: i64) -> bool {
        let Some(leases) = self.applications.get_mut(app) else {
            return false;
        };
        let Some(mut lease) = leases.remove(id) else {
            return false;
        };
        if leases.is_empty() {
            self.applications.remove(app);
        }
        self.overrides.remove(id);
        lease.evicted_at = now;
        lease.holder.action_type = Some(ActionType::Deleted);
        lease.holder.last_updated_timestamp = now;
        self.changes.push_back((now, Change::Gone(Box::new(lease))));
        self.preservation.left();
        true
    }

    /// Sets an operator's override; false when the instance is not there. `dirty` raises the instance's own stamp.
    pub fn set_override(
        &mut self,
        app: &str,
        id: &str,
        status: InstanceStatus,
        dirty: Option<i64>,
        now: i64,
    ) -> bool {
        let Some(lease) = self.lease_mut(app, id) else {
            return false;
        };
        lease.renew(now);
        if lease.holder.status == status {
            return true;
        }
        if status == InstanceStatus::Up {
            lease.service_up(now);
        }
        lease.holder.overridden_status = status;
        modify(lease, status, dirty, now);
        self.overrides.insert(id.to_owned(), (status, now));
        self.changed(app.to_owned(), id.to_owned(), now);
        true
    }

    /// Removes an override and sets the status that holds until the instance says its own; false when the instance is not
    /// there. Without an override nothing changes.
    pub fn delete_override(
        &mut self,
        app: &str,
        id: &str,
        status: InstanceStatus,
        dirty: Option<i64>,
        now: i64,
    ) -> bool {
        let overridden = self.overridden(id, now).is_some();
        let Some(lease) = self.lease_mut(app, id) else {
            return false;
        };
        lease.renew(now);
        if overridden {
            lease.holder.overridden_status = InstanceStatus::Unknown;
            modify(lease, status, dirty, now);
            self.overrides.remove(id);
            self.changed(app.to_owned(), id.to_owned(), now);
        }
        true
    }

    /// Adds metadata to an instance, which then counts as registered again; false when it is not there.
    pub fn add_metadata(
        &mut self,
        app: &str,
        id: &str,
        pairs: BTreeMap<String, String>,
        now: i64,
    ) -> bool {
        let Some(lease) = self.lease(app, id) else {
            return false;
        };
        let mut instance = lease.holder.clone();
        instance.metadata.extend(pairs);
        self.register(instance, false, now);
        true
    }

    /// Evicts expired leases, as many as self-preservation allows, chosen by `pick` (an index below its argument). `late` is
    /// the time in ms by which this run is overdue. Returns what was evicted.
    pub fn evict(
        &mut self,
        late: i64,
        now: i64,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Vec<(String, String)> {
        if !self.preservation.allows_expiry(now) {
            return Vec::new();
        }
        let mut expired: Vec<(String, String)> = self
            .leases()
            .filter(|(_, _, lease)| lease.is_expired(now, late.max(0)))
            .map(|(app, id, _)| (app.clone(), id.clone()))
            .collect();
        let size = self.leases().count();
        let keep = (size as f64 * self.settings.renewal_percent) as usize;
        let mut evicted = Vec::new();
        while evicted.len() < size.saturating_sub(keep) && !expired.is_empty() {
            let (app, id) = expired.swap_remove(pick(expired.len()));
            self.cancel(&app, &id, now);
            evicted.push((app, id));
        }
        evicted
    }

    /// Forgets changes older than the delta reaches back, and overrides that nobody asked for.
    pub fn forget_old_changes(&mut self, now: i64) {
        let oldest = now - self.settings.delta_retention;
        while self.changes.front().is_some_and(|(at, _)| *at < oldest) {
            self.changes.pop_front();
        }
        self.overrides
            .retain(|_, (_, used)| now - *used < OVERRIDE_LIFE);
    }

    /// Whether fetches are answered yet: at once, unless no client is expected and none could be copied from a peer.
    pub fn allows_access(&self, now: i64) -> bool {
        self.settings.open_for_traffic_count > 0
            || now - self.started_at > self.settings.wait_when_empty
    }

    /// Number of leases held.
    pub fn size(&self) -> usize {
        self.leases().count()
    }

    /// Heartbeats in the last minute and the number they must exceed for leases to expire.
    pub fn renewals(&mut self, now: i64) -> (u64, u64) {
        let renewals = self.preservation.renewals_last_minute(now);
        (renewals, self.preservation.threshold())
    }

    /// Netflix's rules, the first that matches.
    fn effective_status(
        &mut self,
        instance: &Instance,
        existing: Option<InstanceStatus>,
        from_peer: bool,
        now: i64,
    ) -> InstanceStatus {
        let serving = |status| matches!(status, InstanceStatus::Up | InstanceStatus::OutOfService);
        if !serving(instance.status) {
            return instance.status;
        }
        if let Some(overridden) = self.overridden(instance.id(), now) {
            return overridden;
        }
        match existing {
            Some(existing) if !from_peer && serving(existing) => existing,
            _ => instance.status,
        }
    }

    fn overridden(&mut self, id: &str, now: i64) -> Option<InstanceStatus> {
        let (status, used) = self.overrides.get_mut(id)?;
        if now - *used >= OVERRIDE_LIFE {
            self.overrides.remove(id);
            return None;
        }
        *used = now;
        Some(*status)
    }

    fn store_override(&mut self, app: &str, id: &str, status: InstanceStatus, now: i64) {
        if self.overridden(id, now) == Some(status) {
            return;
        }
        self.overrides.insert(id.to_owned(), (status, now));
        if let Some(lease) = self.lease_mut(app, id) {
            lease.holder.overridden_status = status;
        }
    }

    fn changed(&mut self, app: String, id: String, now: i64) {
        self.changes.push_back((now, Change::Current { app, id }));
    }

    fn leases(&self) -> impl Iterator<Item = (&String, &String, &Lease)> {
        self.applications
            .iter()
            .flat_map(|(app, leases)| leases.iter().map(move |(id, lease)| (app, id, lease)))
    }

    fn lease(&self, app: &str, id: &str) -> Option<&Lease> {
        self.applications.get(app)?.get(id)
    }

    fn lease_mut(&mut self, app: &str, id: &str) -> Option<&mut Lease> {
        self.applications.get_mut(app)?.get_mut(id)
    }
}

fn modify(lease: &mut Lease, status: InstanceStatus, dirty: Option<i64>, now: i64) {
    let holder = &mut lease.holder;
    holder.status = status;
    holder.last_dirty_timestamp = holder.last_dirty_timestamp.max(dirty.unwrap_or(0));
    holder.action_type = Some(ActionType::Modified);
    holder.last_updated_timestamp = now;
}

#[cfg(test)]
mod tests;
