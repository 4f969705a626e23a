//! The settings under `mall.products`.

use mall_outbox::RelaySettings;
use mall_service::Span;
use serde::Deserialize;

/// `mall.products`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProductsConfig {
    /// How new products reach the stock service.
    pub outbox: OutboxConfig,
}

/// `mall.products.outbox`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutboxConfig {
    /// How often it is looked for messages of other replicas.
    pub poll: Span,
    /// How many are delivered at a time.
    pub batch: u32,
    /// How long a message is one replica's.
    pub lease: Span,
    /// The longest pause between two tries.
    pub max_backoff: Span,
}

impl ProductsConfig {
    /// Names every senseless value.
    pub fn check(&self, bad: &mut Vec<String>) {
        let outbox = &self.outbox;
        if outbox.poll.get().is_zero() {
            bad.push("mall.products.outbox.poll: must be longer than 0".into());
        }
        if outbox.batch == 0 {
            bad.push("mall.products.outbox.batch: must be at least 1".into());
        }
        if outbox.lease < Span::secs(12) {
            bad.push(
                "mall.products.outbox.lease: must be at least 12s, longer than a delivery takes"
                    .into(),
            );
        }
    }
}

impl OutboxConfig {
    /// For the relay.
    pub fn relay(&self) -> RelaySettings {
        RelaySettings {
            poll: self.poll.get(),
            batch: self.batch,
            lease: self.lease.get(),
            max_backoff: self.max_backoff.get(),
        }
    }
}
