//! Logs, metrics and trace context of every program.
//!
//! - [`init`]: log lines to standard output, JSON or text, with the trace id in every line that belongs to a request.
//! - [`trace`]: W3C trace context of the current task; [`deadline`]: how long its caller still waits.
//! - [`metrics`]: counters, gauges and timers under Micrometer's names, rendered for Prometheus and the actuator.
//! - [`layer`]: one span, one wide event and one timer per request.
//! - [`Spans`]: one span per request to a trace viewer, by OTLP.
//! - [`process`]: what `/proc` says about this process.
//!
//! What it is not: no global metrics recorder. Metrics are instance-scoped; only the log subscriber is global,
//! as `tracing` wants it.

pub mod deadline;
pub mod hex;
mod http_layer;
mod logs;
pub mod metrics;
mod otlp;
pub mod process;
pub mod trace;

pub use http_layer::{RouteName, TelemetryLayer, TelemetryService, layer};
pub use logs::{LogSettings, flush, init};
pub use metrics::Metrics;
pub use otlp::{OtlpSettings, Spans};
