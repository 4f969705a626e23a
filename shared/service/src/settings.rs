//! Where settings come from, and what is refused at start.
//!
//! The later wins: compiled defaults, config server, local file (`MALL_CONFIG_FILE`), environment. Everything that is
//! wrong is told at once, by key, with exit code 64.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context;
use mall_spring_config::{ConfigClient, PropertySource, Settings, profiles, yaml};

use crate::App;

/// Demo values of `cargo mall up` begin like this; outside the profile `local` they are refused.
const DEMO: &str = "demo-";

/// How long a start waits for a config server that does not answer yet.
const CONFIG_WAIT: Duration = Duration::from_secs(30);

/// Settings that the program can't start with.
#[derive(Debug)]
pub(crate) struct BadSettings(pub(crate) Vec<String>);

impl fmt::Display for BadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these settings are missing or senseless:")?;
        for line in &self.0 {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadSettings {}

/// All settings of a program, and which profiles are active.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) profiles: Vec<String>,
    /// Where they came from, for the log and for health: the strongest first.
    pub(crate) sources: Vec<String>,
}

impl Loaded {
    pub(crate) fn local(&self) -> bool {
        self.profiles.iter().any(|profile| profile == "local")
    }
}

/// What the program knows without asking anybody: compiled defaults, local file, environment.
pub(crate) fn early<A: App>() -> anyhow::Result<Settings> {
    let env = environment();
    let defaults = yaml::load("compiled defaults", A::DEFAULTS).context("the compiled defaults")?;
    build(&[defaults, local_file(&env)?].concat(), &env)
}

pub(crate) async fn load<A: App>() -> anyhow::Result<Loaded> {
    let env: Vec<(String, String)> = environment();
    let mut weakest_first = Vec::new();
    let defaults = yaml::load("compiled defaults", A::DEFAULTS).context("the compiled defaults")?;
    let file = local_file(&env)?;

    // What the environment and the file say already decides where the config server is and which profiles are active.
    let early = build(&[defaults.clone(), file.clone()].concat(), &env)?;
    let profiles = active_profiles(&early);
    weakest_first.extend(active(defaults, &profiles)?);
    if A::NEEDS.config_server
        && let Some(url) = early.get("config.server.url").filter(|url| !url.is_empty())
    {
        let mut fetched = fetch(&url, A::NAME, &profiles).await?;
        // On the wire the strongest comes first.
        fetched.reverse();
        weakest_first.extend(fetched);
    }
    weakest_first.extend(active(file, &profiles)?);

    let settings = build(&weakest_first, &env)?;
    let mut sources: Vec<String> = weakest_first
        .into_iter()
        .map(|source| source.name)
        .collect();
    sources.push("environment".to_owned());
    sources.reverse();
    Ok(Loaded {
        settings,
        profiles,
        sources,
    })
}

fn environment() -> Vec<(String, String)> {
    // A name or value that is no UTF-8 is none of ours.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn local_file(env: &[(String, String)]) -> anyhow::Result<Vec<PropertySource>> {
    let Some((_, path)) = env
        .iter()
        .find(|(name, value)| name == "MALL_CONFIG_FILE" && !value.is_empty())
    else {
        return Ok(Vec::new());
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("MALL_CONFIG_FILE: {path}"))?;
    yaml::load(path, &text).with_context(|| format!("MALL_CONFIG_FILE: {path}"))
}

fn build(weakest_first: &[PropertySource], env: &[(String, String)]) -> anyhow::Result<Settings> {
    let builder = weakest_first
        .iter()
        .cloned()
        .fold(Settings::builder(), |builder, source| builder.add(source));
    Ok(builder.add_environment(env.iter().cloned()).build()?)
}

fn active_profiles(settings: &Settings) -> Vec<String> {
    let listed = settings.get("spring.profiles.active").unwrap_or_default();
    let profiles: Vec<String> = listed
        .split(',')
        .map(str::trim)
        .filter(|profile| !profile.is_empty())
        .map(str::to_owned)
        .collect();
    if profiles.is_empty() {
        vec!["default".to_owned()]
    } else {
        profiles
    }
}

fn active(sources: Vec<PropertySource>, names: &[String]) -> anyhow::Result<Vec<PropertySource>> {
    let mut kept = Vec::new();
    for source in sources {
        if profiles::is_source_active(&source, names).with_context(|| source.name.clone())? {
            kept.push(source);
        }
    }
    Ok(kept)
}

/// `optional:` in front of the URL, as in `spring.config.import`, lets a start go on without the config server.
async fn fetch(url: &str, name: &str, profiles: &[String]) -> anyhow::Result<Vec<PropertySource>> {
    let url = url.trim();
    let (optional, url) = match url.strip_prefix("optional:") {
        Some(rest) => (true, rest),
        None => (false, url),
    };
    let url = url.strip_prefix("configserver:").unwrap_or(url);
    let client = ConfigClient::new(url)
        .with_context(|| format!("CONFIG_SERVER_URL: {}", without_password(url)))?;
    let wanted: Vec<&str> = profiles.iter().map(String::as_str).collect();
    let since = Instant::now();
    loop {
        let error = match client.fetch(name, &wanted.join(","), None).await {
            Ok(sources) => return Ok(sources),
            Err(error) => error,
        };
        if optional {
            tracing::warn!(error = %error, "the config server is away, starting without it");
            return Ok(Vec::new());
        }
        if since.elapsed() > CONFIG_WAIT {
            return Err(error).with_context(|| {
                format!(
                    "the config server at {} does not answer",
                    without_password(url)
                )
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

/// Demo values outside the profile `local`, by key.
pub(crate) fn demo_values(loaded: &Loaded, bad: &mut Vec<String>) {
    if loaded.local() {
        return;
    }
    for key in loaded.settings.keys("") {
        if loaded
            .settings
            .get(&key)
            .is_some_and(|value| value.starts_with(DEMO))
        {
            bad.push(format!(
                "{key}: is a demo value, which only the profile `local` may use"
            ));
        }
    }
}

/// Reads one setting of a known form; notes it when it can't be read.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    settings: &Settings,
    key: &str,
    bad: &mut Vec<String>,
) -> Option<T> {
    match settings.get_as::<T>(key) {
        Ok(value) => value,
        Err(error) => {
            bad.push(error.to_string());
            None
        }
    }
}

/// Reads one setting that must be there.
pub(crate) fn need<T: serde::de::DeserializeOwned>(
    settings: &Settings,
    key: &str,
    bad: &mut Vec<String>,
) -> Option<T> {
    let before = bad.len();
    let value = read(settings, key, bad);
    if value.is_none() && bad.len() == before {
        bad.push(format!("{key}: is not set"));
    }
    value
}
