//! Two languages: Korean unless English is asked for.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use http::request::Parts;
use serde::Serialize;

/// The language of a request's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Korean, the default.
    #[default]
    Ko,
    /// English.
    En,
}

tokio::task_local! {
    static OF_THE_REQUEST: Lang;
}

impl Lang {
    /// Runs `work`, such as the handling of a request, in this language: calls to peers made in it ask for the same.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        OF_THE_REQUEST.scope(self, work).await
    }

    /// The language of the request that is being handled; the default outside of any.
    pub fn current() -> Lang {
        OF_THE_REQUEST.try_with(|lang| *lang).unwrap_or_default()
    }

    /// The language's tag, for `Accept-Language`.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Ko => "ko",
            Lang::En => "en",
        }
    }

    /// Reads `Accept-Language`: English when it is wanted more than Korean, else Korean.
    pub fn from_headers(headers: &HeaderMap) -> Lang {
        let Some(wanted) = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
        else {
            return Lang::Ko;
        };
        let mut best = (Lang::Ko, 0.0_f32);
        for range in wanted.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let lang = match tag.split('-').next() {
                Some("ko" | "*") => Lang::Ko,
                Some("en") => Lang::En,
                _ => continue,
            };
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse().ok())
                .unwrap_or(0.0);
            if quality > best.1 {
                best = (lang, quality);
            }
        }
        best.0
    }
}

impl<S: Sync> FromRequestParts<S> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Lang::from_headers(&parts.headers))
    }
}

/// A text for people, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Korean.
    pub ko: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Text {
    /// A fixed text.
    pub const fn new(ko: &'static str, en: &'static str) -> Text {
        Text {
            ko: Cow::Borrowed(ko),
            en: Cow::Borrowed(en),
        }
    }

    /// A text made at run time.
    pub fn made(ko: String, en: String) -> Text {
        Text {
            ko: Cow::Owned(ko),
            en: Cow::Owned(en),
        }
    }

    /// A text that is the same in both languages, such as a peer's.
    pub fn same(text: impl Into<String>) -> Text {
        let text = text.into();
        Text {
            ko: Cow::Owned(text.clone()),
            en: Cow::Owned(text),
        }
    }

    /// The text in one language.
    pub fn pick(&self, lang: Lang) -> &str {
        match lang {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }
}

/// The original's "common body" of a successful change.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// Always 200.
    pub status_code: u16,
    /// Always true.
    pub success: bool,
    /// What was done, for people.
    pub message: String,
}

/// The common body with a message in the language of the request.
pub fn done(lang: Lang, message: &Text) -> Json<Done> {
    Json(Done {
        status_code: 200,
        success: true,
        message: message.pick(lang).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang(header: &str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, header.parse().unwrap());
        Lang::from_headers(&headers)
    }

    #[test]
    fn korean_is_the_default_and_english_is_heard() {
        assert_eq!(Lang::from_headers(&HeaderMap::new()), Lang::Ko);
        assert_eq!(lang("en"), Lang::En);
        assert_eq!(lang("en-US,en;q=0.9"), Lang::En);
        assert_eq!(lang("ko-KR,ko;q=0.9,en;q=0.8"), Lang::Ko);
        assert_eq!(lang("fr, en;q=0.5"), Lang::En);
        assert_eq!(lang("fr"), Lang::Ko);
        assert_eq!(lang("en;q=0"), Lang::Ko);
        assert_eq!(lang("en;q=nonsense"), Lang::Ko);
    }
}
