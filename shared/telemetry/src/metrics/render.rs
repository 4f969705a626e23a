//! The exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0.0.

use std::fmt::Write;

use super::number::text;
use super::{Family, Kind, Labels, Series};

/// One family as a scraper sees it.
struct Exposed<'a> {
    name: String,
    kind: &'static str,
    help: &'a str,
    /// Suffix, labels, value.
    samples: Vec<(&'static str, &'a Labels, f64)>,
}

pub(super) fn render(
    families: &[(String, Family)],
    openmetrics: bool,
    included: &[String],
) -> String {
    let mut out = String::new();
    for (dotted, family) in families {
        for exposed in expose(dotted, family, openmetrics) {
            write_family(&mut out, &exposed, openmetrics, included);
        }
    }
    if openmetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn expose<'a>(dotted: &'a str, family: &'a Family, openmetrics: bool) -> Vec<Exposed<'a>> {
    let help = if family.help.trim().is_empty() {
        dotted
    } else {
        &family.help
    };
    let name = prometheus_name(dotted, family.unit);
    let mut plain = Vec::new();
    let mut longest = Vec::new();
    for (labels, series) in &family.series {
        match series {
            Series::Counter(cell) => plain.push((
                if openmetrics { "_total" } else { "" },
                labels,
                cell.value(),
            )),
            Series::Gauge(cell) => plain.push(("", labels, cell.value())),
            Series::Computed(value) => plain.push(("", labels, value())),
            Series::Timer(cell) => {
                let (count, sum, max) = cell.values();
                plain.push(("_count", labels, count));
                plain.push(("_sum", labels, sum));
                longest.push(("", labels, max));
            }
        }
    }
    match family.kind {
        Kind::Gauge => vec![Exposed {
            name,
            kind: "gauge",
            help,
            samples: plain,
        }],
        Kind::Counter => {
            let stem = name.strip_suffix("_total").unwrap_or(&name).to_owned();
            let name = if openmetrics {
                stem
            } else {
                format!("{stem}_total")
            };
            vec![Exposed {
                name,
                kind: "counter",
                help,
                samples: plain,
            }]
        }
        Kind::Timer => {
            let name = if name.ends_with("_seconds") {
                name
            } else {
                format!("{name}_seconds")
            };
            let max = Exposed {
                name: format!("{name}_max"),
                kind: "gauge",
                help,
                samples: longest,
            };
            vec![
                Exposed {
                    name,
                    kind: "summary",
                    help,
                    samples: plain,
                },
                max,
            ]
        }
    }
}

fn write_family(out: &mut String, family: &Exposed<'_>, openmetrics: bool, included: &[String]) {
    let wanted = |suffix: &str| {
        included.is_empty()
            || included
                .iter()
                .any(|name| name.strip_prefix(&*family.name) == Some(suffix))
    };
    let samples: Vec<_> = family
        .samples
        .iter()
        .filter(|(suffix, ..)| wanted(suffix))
        .collect();
    if samples.is_empty() {
        return;
    }
    let name = &family.name;
    let help = escape(family.help, openmetrics);
    // Writing to a String cannot fail.
    let _ = if openmetrics {
        write!(out, "# TYPE {name} {}\n# HELP {name} {help}\n", family.kind)
    } else {
        write!(out, "# HELP {name} {help}\n# TYPE {name} {}\n", family.kind)
    };
    for (suffix, labels, value) in samples {
        let _ = write!(out, "{name}{suffix}");
        if !labels.is_empty() {
            out.push('{');
            for (at, (key, value)) in labels.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(
                    out,
                    "{comma}{}=\"{}\"",
                    identifier(key),
                    escape(value, true)
                );
            }
            out.push('}');
        }
        let _ = writeln!(out, " {}", text(*value));
    }
}

fn prometheus_name(dotted: &str, unit: Option<&str>) -> String {
    let name = identifier(dotted);
    match unit {
        Some(unit) if !name.ends_with(unit) => format!("{name}_{unit}"),
        _ => name,
    }
}

fn identifier(name: &str) -> String {
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    let mut out: String = name.chars().map(clean).collect();
    if !out.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        out.insert_str(0, "m_");
    }
    out
}

fn escape(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes {
        text.replace('"', "\\\"")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::metrics::Metrics;

    fn sample() -> Metrics {
        let metrics = Metrics::new();
        metrics
            .counter(
                "orders.placed",
                "Orders placed",
                &[("kind", "limited \"A\"\n")],
            )
            .add(3);
        metrics.gauge("stock.left", "", &[]).set(82e9);
        metrics.gauge_fn("process.uptime", "The uptime", &[], || 1.5);
        metrics.unit("process.uptime", "seconds");
        let labels = [("uri", "/product/{productId}"), ("method", "GET")];
        metrics
            .timer("http.server.requests", "Served requests", &labels)
            .record(Duration::from_millis(250));
        metrics
    }

    #[test]
    fn prometheus_text() {
        let expected = r#"# HELP http_server_requests_seconds Served requests
# TYPE http_server_requests_seconds summary
http_server_requests_seconds_count{method="GET",uri="/product/{productId}"} 1.0
http_server_requests_seconds_sum{method="GET",uri="/product/{productId}"} 0.25
# HELP http_server_requests_seconds_max Served requests
# TYPE http_server_requests_seconds_max gauge
http_server_requests_seconds_max{method="GET",uri="/product/{productId}"} 0.25
# HELP orders_placed_total Orders placed
# TYPE orders_placed_total counter
orders_placed_total{kind="limited \"A\"\n"} 3.0
# HELP process_uptime_seconds The uptime
# TYPE process_uptime_seconds gauge
process_uptime_seconds 1.5
# HELP stock_left stock.left
# TYPE stock_left gauge
stock_left 8.2E10
"#;
        assert_eq!(sample().render(false, &[]), expected);
    }

    #[test]
    fn openmetrics_text() {
        let text = sample().render(true, &[]);
        assert!(text.contains(
            "# TYPE orders_placed counter\n# HELP orders_placed Orders placed\norders_placed_total{"
        ));
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn included_names_are_sample_names() {
        let only = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            sample().render(false, &names)
        };
        let count = only(&["http_server_requests_seconds_count"]);
        assert_eq!(count.lines().count(), 3);
        assert!(count.contains("http_server_requests_seconds_count{"));
        assert_eq!(
            only(&["orders_placed_total", "stock_left"]).lines().count(),
            6
        );
        assert_eq!(only(&["nope"]), "");
    }
}
