//! Whether and where the program's spans go: `management.otlp.tracing.endpoint` and `management.tracing.sampling.probability`,
//! which are Spring Boot's names.

use http::Uri;
use http::uri::Scheme;
use mall_spring_config::Settings;
use mall_telemetry::OtlpSettings;

use crate::settings::read;

const ENDPOINT: &str = "management.otlp.tracing.endpoint";
const SAMPLING: &str = "management.tracing.sampling.probability";

/// Spring Boot's default.
const SAMPLED: f64 = 0.1;

/// None: no endpoint is set, nothing is sent.
pub(crate) fn traces(
    settings: &Settings,
    service: &str,
    bad: &mut Vec<String>,
) -> Option<OtlpSettings> {
    let sampling =
        read::<f64>(settings, "management.tracing.sampling.probability", bad).unwrap_or(SAMPLED);
    if !(0.0..=1.0).contains(&sampling) {
        bad.push(format!("{SAMPLING}: {sampling} is not between 0 and 1"));
    }
    let endpoint = read::<String>(settings, "management.otlp.tracing.endpoint", bad)
        .filter(|url| !url.is_empty())?;
    match endpoint.parse::<Uri>() {
        Ok(uri) if uri.scheme() == Some(&Scheme::HTTP) && uri.host().is_some() => {
            Some(OtlpSettings {
                endpoint: uri,
                service: service.to_owned(),
                sampling,
            })
        }
        _ => {
            bad.push(format!(
                "{ENDPOINT}: {endpoint:?} is no http:// address, such as http://viewer:4318/v1/traces"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use mall_spring_config::{PropertySource, Settings};
    use serde_json::json;

    use super::*;

    fn asked(values: &[(&str, serde_json::Value)]) -> (Option<OtlpSettings>, Vec<String>) {
        let source = PropertySource {
            name: "test".to_owned(),
            values: values
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        let settings = Settings::builder().add(source).build().unwrap();
        let mut bad = Vec::new();
        (traces(&settings, "application-order", &mut bad), bad)
    }

    #[test]
    fn an_endpoint_is_taken_with_springs_sampling() {
        let (traces, bad) = asked(&[(ENDPOINT, json!("http://viewer:4318/v1/traces"))]);
        let traces = traces.unwrap();
        assert_eq!((traces.sampling, bad.len()), (0.1, 0));
        assert_eq!(traces.endpoint.port_u16(), Some(4318));
        assert!(asked(&[]).0.is_none());
        assert!(asked(&[(ENDPOINT, json!(""))]).1.is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for wrong in ["viewer:4318", "https://viewer/v1/traces", "/v1/traces"] {
            let (traces, bad) = asked(&[(ENDPOINT, json!(wrong))]);
            assert!(traces.is_none());
            assert!(bad[0].starts_with(ENDPOINT), "{bad:?}");
        }
        let (_, bad) = asked(&[(SAMPLING, json!(1.5))]);
        assert!(bad[0].starts_with(SAMPLING), "{bad:?}");
    }
}
