//! One registration's lease, with Eureka's arithmetic.

use mall_eureka::Instance;

/// An instance and how long it may go unseen. Times in milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The instance as registered; its own `lease` field only holds what the client asked for.
    pub holder: Instance,
    /// When this lease began.
    pub registered_at: i64,
    /// When it was cancelled, 0 before.
    pub evicted_at: i64,
    /// When the instance was first `UP`, 0 before; outlives re-registrations.
    pub service_up_at: i64,
    /// Registration, or the last renewal *plus one duration*: see [`Lease::renew`].
    pub last_update: i64,
    /// Length in milliseconds.
    pub duration: i64,
}

impl Lease {
    /// A lease that starts now.
    pub fn new(holder: Instance, service_up_at: i64, now: i64) -> Self {
        let duration = holder.lease.duration_secs.saturating_mul(1000);
        Self {
            holder,
            registered_at: now,
            evicted_at: 0,
            service_up_at,
            last_update: now,
            duration,
        }
    }

    /// As Netflix's: the duration is added here and again in [`Lease::is_expired`], so a silent instance lives for two
    /// durations after its last heartbeat. Clients and operators rely on the time this leaves them; it is kept.
    pub fn renew(&mut self, now: i64) {
        self.last_update = now.saturating_add(self.duration);
    }

    /// Remembers the first time of being `UP`.
    pub fn service_up(&mut self, now: i64) {
        if self.service_up_at == 0 {
            self.service_up_at = now;
        }
    }

    /// Whether the lease has run out; `compensation` (ms) is the time by which the check itself came late.
    pub fn is_expired(&self, now: i64, compensation: i64) -> bool {
        let end = self
            .last_update
            .saturating_add(self.duration)
            .saturating_add(compensation);
        self.evicted_at > 0 || now > end
    }

    /// The instance as shown to clients.
    pub fn shown(&self) -> Instance {
        let mut instance = self.holder.clone();
        instance.lease.registration_timestamp = self.registered_at;
        instance.lease.last_renewal_timestamp = self.last_update;
        instance.lease.eviction_timestamp = self.evicted_at;
        instance.lease.service_up_timestamp = self.service_up_at;
        instance
    }
}
