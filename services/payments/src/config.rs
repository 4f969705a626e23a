//! Settings under `mall.payments`.

use mall_service::Span;
use serde::Deserialize;

/// What is ours in the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PaymentsConfig {
    /// The adapter that moves the money.
    pub provider: ProviderName,
    /// How long a provider may take before its answer counts as unknown.
    pub provider_timeout: Span,
}

/// The adapters that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderName {
    /// Moves no real money; plays what the call's switches say.
    Simulated,
}
