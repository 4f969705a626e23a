//! What the server is made of, and its two operations: finding an environment, and the key.

use std::sync::Arc;

use mall_clock::SharedClock;
use mall_spring_config::cipher::PREFIX;
use mall_spring_config::{Encryptor, Scalar};

use crate::environment::{Environment, Place, Source, Value};
use crate::environment_repository::{NativeRepository, StoreError};
use crate::login::Login;
use crate::request::Wanted;

/// Everything the server knows.
pub struct ServerSettings {
    pub repository: NativeRepository,
    /// `None` without `encrypt.key`.
    pub encryptor: Option<Encryptor>,
    /// Whether `{cipher}` values are decrypted here.
    pub decrypt: bool,
    pub overrides: Vec<(String, String)>,
    pub accept_empty: bool,
    pub version: Option<String>,
    /// Without it, everybody may read, and nobody may encrypt or decrypt.
    pub login: Option<Login>,
    pub clock: SharedClock,
}

/// Shared by all requests.
#[derive(Clone)]
pub struct State(pub Arc<ServerSettings>);

impl State {
    pub fn new(settings: ServerSettings) -> Self {
        Self(Arc::new(settings))
    }

    /// What is answered to `wanted`; `None` when there is nothing and that is not accepted.
    pub async fn find(&self, wanted: Wanted) -> Result<Option<Environment>, StoreError> {
        let server = Arc::clone(&self.0);
        let found = tokio::task::spawn_blocking(move || server.find(wanted)).await;
        match found {
            Ok(found) => found,
            // The runtime ends, or the reader panicked: either way there is no answer.
            Err(error) => Err(StoreError::Read {
                path: "the store".into(),
                source: std::io::Error::other(error),
            }),
        }
    }
}

impl ServerSettings {
    fn find(&self, wanted: Wanted) -> Result<Option<Environment>, StoreError> {
        let mut sources = self.repository.find(&wanted)?;
        if self.decrypt {
            sources.iter_mut().for_each(|source| self.decrypt(source));
        }
        if !self.overrides.is_empty() {
            sources.insert(0, self.overrides_source());
        }
        if sources.is_empty() && !self.accept_empty {
            return Ok(None);
        }
        Ok(Some(Environment {
            name: wanted.name,
            profiles: wanted.profiles,
            label: wanted.label,
            version: self.version.clone(),
            sources,
        }))
    }

    fn overrides_source(&self) -> Source {
        let values = self
            .overrides
            .iter()
            .map(|(key, value)| Value {
                key: key.clone(),
                value: Scalar::Text(value.clone()),
                place: Place::Overrides,
            })
            .collect();
        Source {
            name: "overrides".to_owned(),
            values,
        }
    }

    /// Decrypted values move to the end; one that cannot be decrypted leaves `invalid.<key>` there instead.
    fn decrypt(&self, source: &mut Source) {
        let is_cipher =
            |value: &Value| matches!(&value.value, Scalar::Text(text) if text.starts_with(PREFIX));
        let (ciphers, mut kept): (Vec<Value>, Vec<Value>) =
            source.values.drain(..).partition(is_cipher);
        for cipher in ciphers {
            let text = cipher.value.to_text();
            let plain = self
                .encryptor
                .as_ref()
                .and_then(|encryptor| encryptor.decrypt_setting(&text));
            let (key, value) = match plain {
                Some(Ok(plain)) => (cipher.key, plain),
                Some(Err(error)) => {
                    tracing::warn!(key = cipher.key, source = source.name, %error, "cannot decrypt");
                    (format!("invalid.{}", cipher.key), "<n/a>".to_owned())
                }
                None => {
                    tracing::warn!(
                        key = cipher.key,
                        source = source.name,
                        "cannot decrypt: encrypt.key is not set"
                    );
                    (format!("invalid.{}", cipher.key), "<n/a>".to_owned())
                }
            };
            kept.retain(|value| value.key != key);
            kept.push(Value {
                key,
                value: Scalar::Text(value),
                place: Place::Nowhere,
            });
        }
        source.values = kept;
    }
}
