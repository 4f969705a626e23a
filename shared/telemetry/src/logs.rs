//! One line per event on standard output. The fields of the enclosing spans (outer first) go into every line, so that each
//! line of a request carries its trace id.

use std::fmt;
use std::io::Write as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

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
        sink: to_stdout,
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

fn to_stdout(line: &str) {
    // Nobody is left to tell when standard output is gone.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

struct Lines<S> {
    service: String,
    json: bool,
    sink: S,
}

/// What a span has collected.
struct SpanFields(Map<String, Value>);

impl<S, F> Layer<S> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Map::new();
            attributes.record(&mut Collect(&mut fields));
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(fields)) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(&mut Collect(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Map::new();
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                if let Some(SpanFields(of_span)) = span.extensions().get::<SpanFields>() {
                    fields.extend(of_span.clone());
                }
            }
        }
        event.record(&mut Collect(&mut fields));
        let message = match fields.remove("message") {
            Some(Value::String(message)) => message,
            _ => String::new(),
        };
        let metadata = event.metadata();
        let line = if self.json {
            self.json_line(
                metadata.level().as_str(),
                metadata.target(),
                message,
                fields,
            )
        } else {
            text_line(
                metadata.level().as_str(),
                metadata.target(),
                &message,
                fields,
            )
        };
        (self.sink)(&line);
    }
}

impl<F> Lines<F> {
    fn json_line(
        &self,
        level: &str,
        target: &str,
        message: String,
        fields: Map<String, Value>,
    ) -> String {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Value::String(timestamp()));
        line.insert("level".to_owned(), Value::from(level));
        line.insert("service".to_owned(), Value::from(self.service.as_str()));
        line.insert("message".to_owned(), Value::String(message));
        for (key, value) in fields {
            line.entry(key).or_insert(value);
        }
        line.insert("target".to_owned(), Value::from(target));
        format!("{}\n", Value::Object(line))
    }
}

fn text_line(level: &str, target: &str, message: &str, mut fields: Map<String, Value>) -> String {
    use fmt::Write;
    let mut line = format!("{} {level:>5} ", timestamp());
    if let Some(Value::String(trace_id)) = fields.remove("trace_id") {
        let _ = write!(line, "[{trace_id}] ");
    }
    fields.remove("span_id");
    let _ = write!(line, "{target}: {}", one_line(message));
    for (key, value) in fields {
        let _ = match value {
            Value::String(text) => write!(line, " {key}={}", one_line(&text)),
            other => write!(line, " {key}={other}"),
        };
    }
    line.push('\n');
    line
}

/// Text from outside must not look like a line of its own.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

fn timestamp() -> String {
    let mut text = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        self.0
            .insert(name.strip_prefix("r#").unwrap_or(name).to_owned(), value);
    }
}

impl Visit for Collect<'_> {
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
        let sink = move |line: &str| keep.lock().unwrap().push(line.to_owned());
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
