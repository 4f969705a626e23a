//! Who may read, and who may encrypt and decrypt.

use axum::body::Body;
use http::Request;

use crate::support::{BASIC, ask, get, golden_folder, login, serve, settings};

const CIPHER: &str = "101112131415161718191a1b1c1d1e1fd542c769d558ed4d8d966f01469f8e84";

fn post(path: &str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::post(path).header("Content-Type", "text/plain");
    if let Some(value) = authorization {
        request = request.header("Authorization", value);
    }
    request.body(Body::from(CIPHER)).unwrap()
}

#[tokio::test]
async fn without_a_user_everybody_reads_and_nobody_decrypts() {
    let root = golden_folder().join("config-repo");
    let server = serve(settings(&[&root]));
    assert_eq!(get(&server, "/scalar/x").await.status, 200);
    for path in ["/encrypt", "/decrypt", "/decrypt/application-order/dev"] {
        for authorization in [None, Some(BASIC)] {
            let answer = ask(&server, post(path, authorization)).await;
            assert_eq!(answer.status, 403, "{path}");
            assert!(!answer.body.contains("s3cret"), "{path}");
        }
    }
    assert_eq!(get(&server, "/encrypt/status").await.status, 403);
}

#[tokio::test]
async fn with_a_user_everything_asks_for_it() {
    let root = golden_folder().join("config-repo");
    let mut with_login = settings(&[&root]);
    with_login.login = Some(login());
    let server = serve(with_login);
    for path in [
        "/scalar/x",
        "/scalar-x.yml",
        "/encrypt/status",
        "/nothing",
        "/",
    ] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Basic realm=\"Realm\"")
        );
        assert!(!answer.body.contains("redis-pass"));
    }
    let wrong = ask(&server, post("/decrypt", Some("Basic Y29uZmlnOndyb25n"))).await;
    assert_eq!(wrong.status, 401);
    let right = ask(&server, post("/decrypt", Some(BASIC))).await;
    assert_eq!(
        (right.status.as_u16(), right.body.as_str()),
        (200, "s3cret")
    );
}

#[tokio::test]
async fn what_was_encrypted_decrypts_again() {
    let root = golden_folder().join("config-repo");
    let mut with_login = settings(&[&root]);
    with_login.login = Some(login());
    let server = serve(with_login);
    let send = |path: &str, text: String| {
        Request::post(path)
            .header("Authorization", BASIC)
            .header("Content-Type", "text/plain")
            .body(Body::from(text))
            .unwrap()
    };
    let cipher = ask(&server, send("/encrypt", "한글 = 비밀 ".into()))
        .await
        .body;
    let plain = ask(&server, send("/decrypt", cipher)).await;
    assert_eq!(plain.body, "한글 = 비밀 ");
    // A form, as curl -d sends it.
    let form = Request::post("/encrypt")
        .header("Authorization", BASIC)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(Body::from("a%2Bb="))
        .unwrap();
    let cipher = ask(&server, form).await.body;
    assert_eq!(ask(&server, send("/decrypt", cipher)).await.body, "a+b");
}
