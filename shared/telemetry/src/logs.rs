//! One line per event on standard output. The fields of the enclosing spans (outer first) go into every line, so that each
//! line of a request carries its trace id.

mod output;

use std::fmt;
use std::io::Write as _;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use output::flush;

/// How to log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The program's name in every line.
    pub service: String,
    /// JSON lines instead of text.
    pub json: bool,
    /// `info`, or directives such as `info,mall_db=debug`; a broken one falls back to `info`.
    pub filter: String,
}

/// Installs the subscriber of the process. Only the first call has an effect.
pub fn init(settings: LogSettings) {
    let filter = EnvFilter::try_new(&settings.filter);
    let broken = filter.as_ref().err().map(ToString::to_string);
    let lines = Lines {
        service: settings.service,
        json: settings.json,
        sink: output::write,
    };
    let subscriber = tracing_subscriber::registry()
        .with(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .with(lines);
    if subscriber.try_init().is_ok()
        && let Some(reason) = broken
    {
        tracing::warn!(filter = %settings.filter, "log filter is not understood, logging at info: {reason}");
    }
}

struct Lines<S> {
    service: String,
    json: bool,
    sink: S,
}

/// What a span or an event says, in its order, each name once. So few that looking through them is quicker than hashing.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    fn take_message(&mut self) -> String {
        let at = self.0.iter().position(|(name, _)| *name == "message");
        match at.map(|at| self.0.remove(at)) {
            Some((_, Value::String(message))) => message,
            _ => String::new(),
        }
    }
}

impl<S, F> Layer<S> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn(&[u8], Level) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let message = own.take_message();
        let metadata = event.metadata();
        let mut line = Line {
            bytes: Vec::with_capacity(512),
            json: self.json,
        };
        // A text line shows the trace in front; the outermost span has it.
        let mut trace = None;
        let mut spans = Vec::new();
        if let Some(scope) = context.event_scope(event) {
            spans.extend(scope.from_root());
        }
        if !self.json {
            trace = spans.iter().find_map(|span| {
                let extensions = span.extensions();
                let fields = extensions.get::<Fields>()?;
                let (_, value) = fields.0.iter().find(|(name, _)| *name == "trace_id")?;
                value.as_str().map(str::to_owned)
            });
        }
        line.begin(
            &self.service,
            *metadata.level(),
            metadata.target(),
            &message,
            trace.as_deref(),
        );
        for (at, span) in spans.iter().enumerate() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<Fields>() else {
                continue;
            };
            for (name, value) in &fields.0 {
                let said_again = own.has(name)
                    || spans[at + 1..].iter().any(|inner| {
                        let extensions = inner.extensions();
                        extensions
                            .get::<Fields>()
                            .is_some_and(|fields| fields.has(name))
                    });
                if !said_again {
                    line.field(name, value);
                }
            }
        }
        for (name, value) in &own.0 {
            line.field(name, value);
        }
        line.end(metadata.target());
        (self.sink)(&line.bytes, *metadata.level());
    }
}

/// A line in the making. Writing into memory can't fail.
struct Line {
    bytes: Vec<u8>,
    json: bool,
}

impl Line {
    fn begin(
        &mut self,
        service: &str,
        level: Level,
        target: &str,
        message: &str,
        trace: Option<&str>,
    ) {
        if self.json {
            self.bytes.extend_from_slice(b"{\"timestamp\":\"");
            self.timestamp();
            let _ = write!(self.bytes, "\",\"level\":\"{level}\",\"service\":");
            self.quoted(service);
            self.bytes.extend_from_slice(b",\"message\":");
            self.quoted(message);
        } else {
            self.timestamp();
            let _ = write!(self.bytes, " {:>5} ", level.as_str());
            if let Some(trace) = trace {
                let _ = write!(self.bytes, "[{trace}] ");
            }
            let _ = write!(self.bytes, "{target}: ");
            self.one_line(message);
        }
    }

    fn field(&mut self, name: &str, value: &Value) {
        if self.json {
            // What the line says by itself nobody may say again.
            if matches!(
                name,
                "timestamp" | "level" | "service" | "message" | "target"
            ) {
                return;
            }
            self.bytes.push(b',');
            self.quoted(name);
            self.bytes.push(b':');
            let _ = serde_json::to_writer(&mut self.bytes, value);
            return;
        }
        if matches!(name, "trace_id" | "span_id") {
            return;
        }
        let _ = write!(self.bytes, " {name}=");
        match value {
            Value::String(text) => self.one_line(text),
            other => {
                let _ = write!(self.bytes, "{other}");
            }
        }
    }

    fn end(&mut self, target: &str) {
        if self.json {
            self.bytes.extend_from_slice(b",\"target\":");
            self.quoted(target);
            self.bytes.push(b'}');
        }
        self.bytes.push(b'\n');
    }

    fn quoted(&mut self, text: &str) {
        let _ = serde_json::to_writer(&mut self.bytes, text);
    }

    /// Text from outside must not look like a line of its own.
    fn one_line(&mut self, text: &str) {
        if !text.chars().any(char::is_control) {
            self.bytes.extend_from_slice(text.as_bytes());
            return;
        }
        for c in text.chars() {
            let _ = if c.is_control() {
                write!(self.bytes, "{}", c.escape_default())
            } else {
                write!(self.bytes, "{c}")
            };
        }
    }

    fn timestamp(&mut self) {
        let mut text = String::with_capacity(32);
        let _ = SystemTime.format_time(&mut Writer::new(&mut text));
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        self.put(field, Value::String(text));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A subscriber for one thread whose lines are kept.
    pub(crate) fn capture(
        json: bool,
    ) -> (tracing::subscriber::DefaultGuard, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&lines);
        let sink = move |line: &[u8], _| {
            let line = String::from_utf8(line.to_vec()).unwrap();
            keep.lock().unwrap().push(line);
        };
        let layer = Lines {
            service: "test".to_owned(),
            json,
            sink,
        };
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new("debug"))
            .with(layer);
        (tracing::subscriber::set_default(subscriber), lines)
    }

    #[test]
    fn json_lines_carry_the_fields_of_their_spans() {
        let (_guard, lines) = capture(true);
        tracing::error_span!("request", trace_id = "abc", code = tracing::field::Empty).in_scope(
            || {
                tracing::Span::current().record("code", "SOLD_OUT");
                tracing::info!(
                    order.id = 7_i64,
                    ok = true,
                    level = "forged",
                    "order {} placed",
                    7
                );
            },
        );
        let line: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        assert_eq!(line["message"], "order 7 placed");
        assert_eq!(
            (&line["trace_id"], &line["code"]),
            (&Value::from("abc"), &Value::from("SOLD_OUT"))
        );
        assert_eq!(
            (&line["order.id"], &line["ok"]),
            (&Value::from(7), &Value::from(true))
        );
        assert_eq!(
            (&line["level"], &line["service"]),
            (&Value::from("INFO"), &Value::from("test"))
        );
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn the_innermost_word_counts_and_is_said_once() {
        for json in [true, false] {
            let (_guard, lines) = capture(json);
            tracing::error_span!("outer", trace_id = "abc", a = 1, b = 1).in_scope(|| {
                tracing::error_span!("inner", b = 2, c = 2).in_scope(|| {
                    tracing::info!(c = 3, target = "forged", "said");
                });
            });
            let line = lines.lock().unwrap()[0].clone();
            let (a, b, c) = if json {
                (r#""a":1"#, r#""b":2"#, r#""c":3"#)
            } else {
                (" a=1", " b=2", " c=3")
            };
            assert!([a, b, c].iter().all(|word| line.contains(word)), "{line}");
            assert_eq!(line.matches("abc").count(), 1, "{line}");
            assert_eq!(line.contains("forged"), !json, "{line}");
            if json {
                let value: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
                assert_eq!(line.matches("\":").count(), value.len(), "{line}");
            }
        }
    }

    #[test]
    fn text_lines_stay_one_line() {
        let (_guard, lines) = capture(false);
        let error = std::io::Error::other("first\nsecond");
        tracing::error_span!("request", trace_id = "abc").in_scope(|| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "forged\n2024 INFO line"
            );
        });
        let line = lines.lock().unwrap()[0].clone();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(
            line.contains(" WARN [abc] ")
                && line.contains("forged\\n2024")
                && line.contains("error=first\\nsecond")
        );
    }

    #[test]
    fn a_second_init_is_harmless() {
        for filter in ["warn", "this is no filter ==="] {
            init(LogSettings {
                service: "test".to_owned(),
                json: true,
                filter: filter.to_owned(),
            });
        }
    }
}
