use http::Method;

use crate::support::{From, TestApp};

#[tokio::test]
async fn bodies_are_read_strictly() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::POST, "/auth/signup"),
        (Method::POST, "/auth/login"),
        (Method::PUT, "/auth/resendEmail"),
    ] {
        for (body, code) in [
            ("", "INVALID_JSON"),
            ("{\"email\":", "INVALID_JSON"),
            ("{\"email\":\"a@b\"} zz", "INVALID_JSON"),
            ("[]", "INVALID_BODY"),
            ("{\"email\":1}", "INVALID_BODY"),
            ("{\"email\":\"a@b\",\"email\":\"c@d\"}", "INVALID_BODY"),
            ("{\"email\":\"a@b\",\"isAdmin\":true}", "INVALID_BODY"),
            ("{\"email\":null}", "INVALID_FIELDS"),
        ] {
            let reply = app.send(From::default(), method.clone(), path, body).await;
            assert_eq!(reply.problem(), (400, code), "{path} {body}");
        }
    }
    let large = format!("{{\"email\":\"{}\"}}", "a".repeat(100_000));
    assert_eq!(
        app.send(From::default(), Method::POST, "/auth/login", large)
            .await
            .problem()
            .0,
        413
    );
    assert_eq!(
        app.send(From::default(), Method::GET, "/auth/login", "")
            .await
            .problem()
            .0,
        405
    );
    assert_eq!(
        app.text("SELECT CAST(COUNT(*) AS CHAR) FROM users")
            .await
            .as_deref(),
        Some("0")
    );
}

#[tokio::test]
async fn problems_speak_the_language_of_the_request() {
    let app = TestApp::start().await;
    let korean = app.verify("bogus").await;
    let from = From {
        language: Some("en"),
        ..From::default()
    };
    let english = app
        .send(
            from,
            Method::GET,
            "/auth/signup/email-verifications?key=bogus",
            "",
        )
        .await;
    assert_eq!(
        korean.body["detail"],
        "인증 링크가 올바르지 않거나 만료되었습니다."
    );
    assert_eq!(
        english.body["detail"],
        "The link is not valid, or not any more."
    );
    assert_eq!(korean.headers["www-authenticate"], "Bearer");
}
