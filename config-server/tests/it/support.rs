//! A server over a folder, and asking it.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mall_config_server::environment_repository::{Location, NativeRepository};
use mall_config_server::login::Login;
use mall_config_server::{ServerSettings, State, router};
use mall_spring_config::Encryptor;
use secrecy::SecretString;
use tower::ServiceExt;

pub const KEY: &str = "whatever-mall-test-key";
pub const USER: &str = "config";
pub const PASSWORD: &str = "pass";
/// `config:pass`.
pub const BASIC: &str = "Basic Y29uZmlnOnBhc3M=";

pub fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub fn login() -> Login {
    Login {
        user: USER.to_owned(),
        password: SecretString::from(PASSWORD),
    }
}

/// A server over these folders with the test key and everything else as by default.
pub fn settings(folders: &[&Path]) -> ServerSettings {
    let locations = folders
        .iter()
        .map(|folder| Location::parse(&folder.display().to_string(), Path::new("/")).unwrap())
        .collect();
    ServerSettings {
        repository: NativeRepository {
            locations,
            default_label: "master".to_owned(),
            add_label_locations: true,
        },
        encryptor: Some(Encryptor::new(KEY, "deadbeef").unwrap()),
        decrypt: true,
        overrides: Vec::new(),
        accept_empty: true,
        version: None,
        login: None,
        clock: mall_clock::system(),
    }
}

pub fn serve(settings: ServerSettings) -> Router {
    router(State::new(settings)).split_for_parts().0
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub async fn ask(server: &Router, request: Request<Body>) -> Answer {
    let response = server.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub async fn get(server: &Router, path: &str) -> Answer {
    ask(server, Request::get(path).body(Body::empty()).unwrap()).await
}
