//! An answer, read.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        (
            self.status.as_u16(),
            self.body["code"].as_str().unwrap_or_default(),
        )
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// The names of the bad fields.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields: Vec<_> = self.body["errors"]
            .as_object()
            .map_or(Vec::new(), |map| map.keys().map(String::as_str).collect());
        fields.sort_unstable();
        fields
    }

    /// The refresh token in `Set-Cookie`.
    pub fn refresh_token(&self) -> String {
        let cookie = self.headers["set-cookie"].to_str().unwrap();
        cookie
            .strip_prefix("refresh_token=")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    }

    pub fn access_token(&self) -> String {
        self.body["access_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}
