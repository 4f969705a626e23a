use http::Method;
use serde_json::json;

use mall_users::MailEncryption;

use crate::support::{From, Options, PASSWORD, TestApp};

#[tokio::test]
async fn a_mail_server_that_is_away_fails_nothing_and_the_mail_follows() {
    let app = TestApp::with(Options {
        mail_is_there: false,
        ..Options::default()
    })
    .await;
    app.sign_up("kim@mall.example").await.ok();
    let body = json!({"email": "kim@mall.example"}).to_string();
    app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
        .await
        .ok();
    assert!(app.pending().await >= 1);
    // The clock of the backoff stands still in this test: move it, as the waiting would.
    app.start_mail_server();
    mall_testkit::eventually(crate::support::SOON, || async {
        // Not while a mail is on its way: jump after jump would end the lease under a slow delivery, and it would go out again.
        let leased = "SELECT CAST(COUNT(*) AS CHAR) FROM outbox WHERE locked_by IS NOT NULL";
        if app.text(leased).await.as_deref() == Some("0") {
            app.clock.advance(chrono::Duration::seconds(11));
            app.state.relay().kick();
        }
        match app.mails_now("kim@mall.example").len() {
            2 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    app.outbox_is_empty().await;
    assert_eq!(app.mails_now("kim@mall.example").len(), 2);
    let key = app.key_of("kim@mall.example", 2).await;
    app.verify(&key).await.ok();
}

#[tokio::test]
async fn a_server_without_tls_is_used_only_if_that_is_allowed() {
    let app = TestApp::with(Options {
        mail_encryption: MailEncryption::Offered,
        ..Options::default()
    })
    .await;
    app.sign_up("kim@mall.example").await.ok();
    app.key_of("kim@mall.example", 1).await;

    let strict = TestApp::with(Options {
        mail_encryption: MailEncryption::Required,
        ..Options::default()
    })
    .await;
    strict.sign_up("lee@mall.example").await.ok();
    mall_testkit::eventually(crate::support::SOON, || async {
        match strict.text("SELECT last_error FROM outbox").await {
            None => Err("not tried yet"),
            Some(error) if error.contains("could not be reached") => Ok(()),
            Some(error) => panic!("{error}"),
        }
    })
    .await;
    assert_eq!(strict.mails_now("lee@mall.example").len(), 0);
}

#[tokio::test]
async fn resend_says_the_same_to_everybody_and_makes_the_earlier_key_void() {
    let app = TestApp::start().await;
    app.sign_up("kim@mall.example").await.ok();
    let first = app.key_of("kim@mall.example", 1).await;
    let mut bodies = Vec::new();
    for email in ["kim@mall.example", "none@mall.example", "nope", ""] {
        let body = json!({"email": email}).to_string();
        bodies.push(
            app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
                .await
                .ok(),
        );
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let second = app.key_of("kim@mall.example", 2).await;
    assert_ne!(first, second);
    app.outbox_is_empty().await;
    assert_eq!(
        app.verify(&first).await.problem(),
        (401, "VERIFICATION_FAILED")
    );
    app.verify(&second).await.ok();
    assert_eq!(app.mails_now("none@mall.example").len(), 0);
}

#[tokio::test]
async fn a_verified_account_gets_no_mail() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let body = json!({"email": "kim@mall.example"}).to_string();
    app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
        .await
        .ok();
    app.outbox_is_empty().await;
    assert_eq!(app.mails_now("kim@mall.example").len(), 1);
}

#[tokio::test]
async fn mails_speak_the_shoppers_language() {
    let app = TestApp::start().await;
    for (email, language) in [
        ("kim@mall.example", None),
        ("joe@mall.example", Some("en-US,en;q=0.9")),
    ] {
        let body = json!({"email": email, "password": PASSWORD}).to_string();
        let from = From {
            language,
            ..From::default()
        };
        app.send(from, Method::POST, "/auth/signup", body)
            .await
            .ok();
    }
    let korean = app.mails("kim@mall.example", 1).await.remove(0);
    let english = app.mails("joe@mall.example", 1).await.remove(0);
    assert!(
        korean.contains("<html lang=\"ko\">") && !korean.contains("Hello"),
        "{korean}"
    );
    assert!(
        english.contains("<html lang=\"en\">") && english.contains("Hello"),
        "{english}"
    );
}

#[tokio::test]
async fn an_address_is_sent_only_so_many_mails_whether_it_has_an_account_or_not() {
    let app = TestApp::start().await;
    app.sign_up("kim@mall.example").await.ok();
    app.key_of("kim@mall.example", 1).await;
    let ask = |email: &str| {
        let body = json!({"email": email}).to_string();
        app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
    };
    for email in ["kim@mall.example", "none@mall.example"] {
        for _ in 0..5 {
            ask(email).await.ok();
        }
        let refused = ask(&email.to_uppercase()).await;
        assert_eq!(refused.problem(), (429, "RATE_LIMITED"));
        let wait: u64 = refused.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
    }
    app.outbox_is_empty().await;
    assert_eq!(app.mails_now("kim@mall.example").len(), 6);
}
