//! Settings under `mall.payments`.

use mall_jobs::Schedule;
use mall_service::Span;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// What is ours in the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PaymentsConfig {
    /// The adapter that moves the money of new payments.
    pub provider: ProviderName,
    /// How long a provider may take before its answer counts as unknown.
    pub provider_timeout: Span,
    /// How long after a call without an outcome it is asked about; twice as long each time.
    pub settle_after: Span,
    /// The longest pause between two such questions.
    pub settle_max_backoff: Span,
    /// When unknown payments and refunds are looked for.
    pub settle_schedule: Schedule,
    /// When old webhooks are forgotten.
    pub sweep_schedule: Schedule,
    /// The simulated provider.
    pub simulated: SimulatedConfig,
    /// Toss Payments.
    pub toss: TossConfig,
}

/// `mall.payments.simulated`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SimulatedConfig {
    /// Whether it does what a call's `delayMs` and `lose` say: shoppers can send them.
    pub obey_calls: bool,
    /// How long each call takes.
    pub delay: Span,
    /// Each so many-th charge or refund is lost on its way; 0: none.
    pub lose_request_every: u64,
    /// The answer to each so many-th charge or refund is lost; 0: none.
    pub lose_answer_every: u64,
}

/// `mall.payments.toss`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TossConfig {
    /// Where the API is, without a slash at the end.
    pub base_url: String,
    /// The secret key; the adapter is there only with one.
    #[serde(default)]
    pub secret_key: Option<SecretString>,
    /// How long one call of the API may take.
    pub timeout: Span,
    /// Stands before the order's number in what Toss calls `orderId`.
    pub order_prefix: String,
    /// What webhooks are signed with.
    #[serde(default)]
    pub webhook_key: Option<SecretString>,
    /// Whether webhooks without a signature are let in.
    pub webhook_signature: WebhookSignature,
    /// How old, or how far in the future, a webhook's time may be.
    pub webhook_tolerance: Span,
}

/// Whether webhooks without a signature are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookSignature {
    /// No: 401.
    Required,
    /// Yes; a signature that is there must be right.
    IfPresent,
}

/// The adapters that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderName {
    /// Moves no real money; plays what the call's switches say.
    Simulated,
    /// Toss Payments' core API.
    Toss,
}

impl PaymentsConfig {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        let mut check = |ok: bool, key: &str, why: &str| {
            if !ok {
                bad.push(format!("mall.payments.{key}: {why}"));
            }
        };
        let positive = "must be longer than 0";
        check(
            !self.provider_timeout.get().is_zero(),
            "provider-timeout",
            positive,
        );
        check(!self.settle_after.get().is_zero(), "settle-after", positive);
        check(
            self.settle_after > self.provider_timeout,
            "settle-after",
            "must be longer than provider-timeout: who called is still waiting",
        );
        check(
            self.settle_max_backoff >= self.settle_after,
            "settle-max-backoff",
            "must be at least settle-after",
        );
        if self.provider == ProviderName::Toss || self.toss.secret_key.is_some() {
            self.toss.validate(&mut check);
        }
    }
}

impl TossConfig {
    fn validate(&self, check: &mut impl FnMut(bool, &str, &str)) {
        let set = |secret: &Option<SecretString>| {
            secret
                .as_ref()
                .is_some_and(|secret| !secret.expose_secret().is_empty())
        };
        check(
            set(&self.secret_key),
            "toss.secret-key",
            "provider `toss` needs the secret key of the shop (test_sk... or live_sk...)",
        );
        let scheme = self.base_url.split("://").next().unwrap_or_default();
        check(
            self.base_url.contains("://") && ["http", "https"].contains(&scheme),
            "toss.base-url",
            "must be a URL with http or https",
        );
        check(
            !self.base_url.ends_with('/'),
            "toss.base-url",
            "must not end with a slash",
        );
        check(
            !self.timeout.get().is_zero(),
            "toss.timeout",
            "must be longer than 0",
        );
        // Toss: 6 to 64 letters, digits, `-`, `_`, `=`; a number has one to nineteen digits.
        let fits = (5..=45).contains(&self.order_prefix.len())
            && self
                .order_prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        check(
            fits,
            "toss.order-prefix",
            "must be 5 to 45 letters, digits, `-` or `_`",
        );
        check(
            self.webhook_signature != WebhookSignature::Required || set(&self.webhook_key),
            "toss.webhook-key",
            "is needed where toss.webhook-signature is `required`",
        );
    }
}
