//! Mails over a real connection, seen through the real routes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use mall_mail_catcher::{Mailbox, router};
use mall_testkit::Scratch;
use mall_testkit::http::{self, Reply};
use mall_testkit::mail::MailCatcher;
use serde_json::Value;

struct World {
    scratch: Scratch,
    catcher: MailCatcher,
    mailbox: Mailbox,
    web: SocketAddr,
}

async fn world(keep: usize) -> World {
    let scratch = Scratch::new("mails").unwrap();
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let catcher = MailCatcher::start(here, scratch.path()).unwrap();
    let mailbox = Mailbox::new(scratch.path().to_owned(), keep);
    let listener = tokio::net::TcpListener::bind(here).await.unwrap();
    let web = listener.local_addr().unwrap();
    let routes = router(mailbox.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    World {
        scratch,
        catcher,
        mailbox,
        web,
    }
}

impl World {
    /// Each answer but the last must be a success.
    fn send(&self, to: &str, mail: &str) {
        let mut out = TcpStream::connect(self.catcher.address()).unwrap();
        let mut lines = BufReader::new(out.try_clone().unwrap()).lines();
        let mut answer = || lines.next().unwrap().unwrap();
        assert!(answer().starts_with("220"));
        for line in [
            "HELO me".to_owned(),
            "MAIL FROM:<mall@mall.example>".to_owned(),
            format!("RCPT TO:<{to}>"),
        ] {
            write!(out, "{line}\r\n").unwrap();
            assert!(answer().starts_with("250"), "{line}");
        }
        write!(out, "DATA\r\n").unwrap();
        assert!(answer().starts_with("354"));
        write!(out, "{mail}\r\n.\r\n").unwrap();
        assert!(answer().starts_with("250"));
    }

    async fn ask(&self, method: &'static str, path: &str) -> Reply {
        let url = format!("http://{}{path}", self.web);
        let asked = move || http::send(method, &url, &[], None, Duration::from_secs(5));
        tokio::task::spawn_blocking(asked).await.unwrap().unwrap()
    }

    async fn mails(&self, query: &str) -> Vec<Value> {
        let reply = self.ask("GET", &format!("/mails{query}")).await;
        assert_eq!(reply.status, 200);
        reply.json().unwrap()["mails"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_mail_is_seen_as_json_as_a_page_and_as_it_came() {
    let world = world(10).await;
    assert!(world.mails("").await.is_empty());
    assert!(world.ask("GET", "/").await.text().contains("None yet"));
    world.send(
        "kim@mall.example",
        "From: Mall <m@mall.example>\r\nSubject: =?utf-8?b?7ZmV7J24?=\r\n\r\nopen http://mall/x?key=1 <b>now</b>",
    );
    world.send("lee@mall.example", "Subject: other\r\n\r\nhello");
    let all = world.mails("").await;
    assert_eq!(all.len(), 2);
    let kim = world.mails("?to=KIM@mall.example").await;
    assert_eq!(kim.len(), 1);
    assert_eq!(
        (&kim[0]["subject"], &kim[0]["to"]),
        (&"확인".into(), &"kim@mall.example".into())
    );
    assert!(
        kim[0]["text"]
            .as_str()
            .unwrap()
            .contains("http://mall/x?key=1")
    );

    let page = world.ask("GET", "/").await;
    assert!(page.text().contains("<a href=\"http://mall/x?key=1\">"));
    assert!(page.text().contains("&lt;b&gt;now") && !page.text().contains("<b>now"));
    let policy = page
        .headers
        .iter()
        .find(|(name, _)| name == "content-security-policy");
    assert!(policy.unwrap().1.contains("default-src 'none'"));

    let id = kim[0]["id"].as_str().unwrap();
    let source = world.ask("GET", &format!("/mails/{id}/source")).await;
    assert!(source.text().contains("Subject: =?utf-8?b?7ZmV7J24?="));
    assert_eq!(world.ask("GET", "/health").await.status, 200);
}

#[tokio::test]
async fn the_oldest_go_and_all_can_be_forgotten() {
    let world = world(3).await;
    for number in 1..=5 {
        world.send("a@b.example", &format!("Subject: {number}\r\n\r\nx"));
    }
    world.mailbox.prune().unwrap();
    let subjects: Vec<_> = world
        .mails("")
        .await
        .iter()
        .map(|mail| mail["subject"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(subjects, ["5", "4", "3"]);
    assert_eq!(world.ask("DELETE", "/mails").await.status, 204);
    assert!(world.mails("").await.is_empty());
}

#[tokio::test]
async fn nothing_but_mails_is_read() {
    let world = world(3).await;
    let outside = world.scratch.path().parent().unwrap().join("outside.eml");
    std::fs::write(&outside, "secret").unwrap();
    for id in ["..%2Foutside", "%2e%2e%2foutside", ".hidden", "unknown"] {
        let reply = world.ask("GET", &format!("/mails/{id}/source")).await;
        assert_eq!(reply.status, 404, "{id}");
    }
    std::fs::remove_file(outside).unwrap();
}
