//! Logs, metrics and trace context of every program.
//!
//! - [`init`]: log lines to standard output, JSON or text, with the trace id in every line that belongs to a request.
//! - [`trace`]: W3C trace context of the current task.
//! - [`metrics`]: counters, gauges and timers under Micrometer's names, rendered for Prometheus and the actuator.
//! - [`layer`]: one span, one wide event and one timer per request.
//! - [`process`]: what `/proc` says about this process.
//!
//! What it is not: no exporters, no global metrics recorder. Metrics are instance-scoped; only the log subscriber is global,
//! as `tracing` wants it.

mod http_layer;
mod logs;
pub mod metrics;
pub mod process;
pub mod trace;

pub use http_layer::{RouteName, TelemetryLayer, TelemetryService, layer};
pub use logs::{LogSettings, init};
pub use metrics::Metrics;
