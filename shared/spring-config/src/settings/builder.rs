//! Lays sources over each other, decrypts, and resolves placeholders.

use std::collections::HashMap;

use serde_json::Value;

use super::{Entry, SettingProblem, Settings, SettingsError, text_of};
use crate::cipher::{DEFAULT_SALT, Encryptor, PREFIX};
use crate::names;
use crate::placeholder::{self, Unresolved};
use crate::profiles;
use crate::source::PropertySource;

/// Collects sources, the weakest first.
#[derive(Default)]
pub struct SettingsBuilder {
    layers: Vec<Layer>,
}

struct Layer {
    source: PropertySource,
    environment: bool,
}

impl SettingsBuilder {
    /// Adds a source that wins over all before it.
    // The name is the contract between the crates; nothing here is arithmetic.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, source: PropertySource) -> Self {
        self.layers.push(Layer {
            source,
            environment: false,
        });
        self
    }

    /// Adds sources of which the first is the strongest, as a config server sends them.
    pub fn add_highest_first(self, sources: Vec<PropertySource>) -> Self {
        sources.into_iter().rev().fold(self, Self::add)
    }

    /// Adds a file's documents in their order, leaving out those whose `on-profile` condition does not hold. A condition that
    /// cannot be read leaves its document out too, with a warning in the log.
    pub fn add_documents(self, documents: Vec<PropertySource>, profiles: &[String]) -> Self {
        documents.into_iter().fold(self, |builder, document| {
            match profiles::is_source_active(&document, profiles) {
                Ok(true) => builder.add(document),
                Ok(false) => builder,
                Err(error) => {
                    tracing::warn!(source = document.name, %error, "document left out");
                    builder
                }
            }
        })
    }

    /// Adds environment variables: `MALL_ORDERS_PAYMENTDEADLINE` is `mall.orders.payment-deadline`, `A_0_` is `a[0]`. Names
    /// with dots (`-e server.port=1` of some tools) are taken as they are.
    pub fn add_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut values: Vec<(String, Value)> = variables
            .into_iter()
            .map(|(name, value)| {
                let key = if name.contains('.') {
                    name
                } else {
                    names::from_environment(&name)
                };
                (key, Value::String(value))
            })
            .filter(|(key, _)| !key.is_empty())
            .collect();
        // The operating system gives them in no order; an order keeps messages stable.
        values.sort_by(|a, b| a.0.cmp(&b.0));
        self.layers.push(Layer {
            source: PropertySource::new("environment", values),
            environment: true,
        });
        self
    }

    /// One answer. `{cipher}` values are decrypted with the setting `encrypt.key`; placeholders are resolved, those in environment
    /// variables as far as possible. Every value that cannot be read is named in the error.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let mut settings = overlay(self.layers);
        let mut problems = decrypt(&mut settings);
        problems.extend(resolve(&mut settings));
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError { problems })
        }
    }
}

fn overlay(layers: Vec<Layer>) -> Settings {
    let sources = layers.iter().map(|l| l.source.name.clone()).collect();
    let mut settings = Settings {
        entries: Vec::new(),
        by_name: HashMap::new(),
        sources,
    };
    // Which layer gives the items of a list, or has a plain value where others have a list.
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (number, layer) in layers.into_iter().enumerate().rev() {
        let mut owned = Vec::new();
        let mut last_of_layer: HashMap<String, usize> = HashMap::new();
        for (key, value) in layer.source.values {
            let uniform = names::uniform(&key);
            let lists = list_prefixes(&uniform);
            let hidden = lists
                .iter()
                .any(|list| owners.get(list).is_some_and(|owner| *owner != number));
            if hidden {
                continue;
            }
            owned.extend(lists);
            owned.push(uniform.clone());
            // Two spellings in one source: the later wins, as two lines of one file would.
            if let Some(&at) = last_of_layer.get(&uniform) {
                settings.entries[at].value = value;
                continue;
            }
            if let Some(&at) = settings.by_name.get(&uniform) {
                let winner = &mut settings.entries[at];
                if winner.environment && !layer.environment {
                    // The file's spelling tells more: it keeps the case of map keys.
                    winner.key = key;
                }
                continue;
            }
            let at = settings.entries.len();
            settings.by_name.insert(uniform.clone(), at);
            last_of_layer.insert(uniform.clone(), at);
            settings.entries.push(Entry {
                key,
                uniform,
                value,
                source: number,
                environment: layer.environment,
            });
        }
        for name in owned {
            owners.entry(name).or_insert(number);
        }
    }
    settings
}

/// The lists that a key is an item of: `a` and `a[0].b` for `a[0].b[1]`.
fn list_prefixes(uniform: &str) -> Vec<String> {
    uniform
        .match_indices('[')
        .filter(|(at, _)| *at > 0 && uniform[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
        .map(|(at, _)| uniform[..at].to_owned())
        .collect()
}

fn decrypt(settings: &mut Settings) -> Vec<SettingProblem> {
    let is_cipher =
        |value: &Value| matches!(value, Value::String(text) if text.starts_with(PREFIX));
    if !settings.entries.iter().any(|e| is_cipher(&e.value)) {
        return Vec::new();
    }
    let encryptor = settings
        .get("encrypt.key")
        .filter(|key| !key.is_empty())
        .map(|key| {
            let salt = settings.get("encrypt.salt");
            Encryptor::new(&key, salt.as_deref().unwrap_or(DEFAULT_SALT))
        });
    let mut problems = Vec::new();
    for entry in settings.entries.iter_mut().filter(|e| is_cipher(&e.value)) {
        let text = text_of(&entry.value);
        let decrypted = match &encryptor {
            None => Err("is encrypted, and encrypt.key is not set".to_owned()),
            Some(Err(error)) => Err(format!("cannot be decrypted: encrypt.salt: {error}")),
            Some(Ok(encryptor)) => match encryptor.decrypt_setting(&text) {
                Some(Err(error)) => Err(format!("cannot be decrypted: {error}")),
                Some(Ok(plain)) => Ok(plain),
                None => continue,
            },
        };
        match decrypted {
            Ok(plain) => entry.value = Value::String(plain),
            Err(reason) => problems.push(SettingProblem {
                key: entry.key.clone(),
                reason,
            }),
        }
    }
    problems
}

fn resolve(settings: &mut Settings) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    let mut resolved = Vec::new();
    for (at, entry) in settings.entries.iter().enumerate() {
        let Value::String(text) = &entry.value else {
            continue;
        };
        if !text.contains("${") {
            continue;
        }
        let lookup = |key: &str| settings.get(key);
        match placeholder::resolve(text, Unresolved::Refuse, &lookup) {
            Ok(plain) => resolved.push((at, plain)),
            // Half the environment is not ours: shell prompts and the like stay as they are.
            Err(_) if entry.environment => {}
            Err(error) => problems.push(SettingProblem {
                key: entry.key.clone(),
                reason: error.to_string(),
            }),
        }
    }
    for (at, plain) in resolved {
        settings.entries[at].value = Value::String(plain);
    }
    problems
}
