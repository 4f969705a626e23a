//! Instances that are dead, silent or half-way gone.

use crate::support::{Instance, Setup, endpoint, free_port, instance_that_hangs_up};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const PRODUCTS: &str = "APPLICATION-PRODUCT";

#[tokio::test]
async fn what_was_not_sent_goes_to_the_other_instance_whatever_the_method() {
    let alive = Instance::start().await;
    let setup =
        Setup::new(&alive).instances(PRODUCTS, vec![endpoint(free_port()), alive.endpoint()]);
    let gateway = setup.start().await;
    for round in 0..10 {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = gateway.call(method, "/product/x", &[], "body").await;
            assert_eq!(answer.status, 200, "{method}, round {round}");
            assert_eq!(answer.json()["body"], "body");
        }
    }
    assert_eq!(alive.count(), 40);
}

#[tokio::test]
async fn what_may_have_arrived_is_repeated_only_for_get_and_head() {
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let alive = Instance::start().await;
        let (dying, asked) = instance_that_hangs_up().await;
        let gateway = Setup::new(&alive)
            .instances(PRODUCTS, vec![dying, alive.endpoint()])
            .start()
            .await;
        let mut refused = 0;
        for _ in 0..20 {
            let answer = gateway.call(method, "/product/x", &[], "body").await;
            match answer.status.as_u16() {
                200 => {}
                503 => {
                    assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
                    assert!(answer.headers.contains_key("retry-after"));
                    assert_eq!(answer.json()["service"], PRODUCTS);
                    refused += 1;
                }
                other => panic!("{method}: {other}"),
            }
        }
        let asked = asked.load(Ordering::SeqCst);
        assert!(asked >= 1, "{method}: the dying instance was never asked");
        assert_eq!(
            refused, asked,
            "{method}: every doubtful request is refused, and none is sent twice"
        );
        assert_eq!(
            alive.count() + asked,
            20,
            "{method}: a request was sent twice"
        );
    }
    for method in ["GET", "HEAD"] {
        let alive = Instance::start().await;
        let (dying, asked) = instance_that_hangs_up().await;
        let gateway = Setup::new(&alive)
            .instances(PRODUCTS, vec![dying, alive.endpoint()])
            .start()
            .await;
        for _ in 0..20 {
            assert_eq!(
                gateway.call(method, "/product/x", &[], "").await.status,
                200
            );
        }
        assert!(asked.load(Ordering::SeqCst) >= 1);
        assert_eq!(alive.count(), 20);
    }
}

#[tokio::test]
async fn no_instance_is_a_503_that_names_the_service() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance)
        .instances(PRODUCTS, vec![])
        .start()
        .await;
    // More often than any breaker's window: nobody was asked, so nothing counts against the service.
    for _ in 0..120 {
        let answer = gateway.get("/product/allproduct").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "SERVICE_UNAVAILABLE")
        );
        assert_eq!(answer.json()["service"], PRODUCTS);
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(
        gateway.get("/product/detailStock/1").await.status,
        200,
        "other services answer"
    );
}

#[tokio::test]
async fn all_instances_dead_is_a_503_and_then_an_open_breaker() {
    let instance = Instance::start().await;
    let dead = vec![endpoint(free_port()), endpoint(free_port())];
    let gateway = Setup::new(&instance)
        .instances(PRODUCTS, dead)
        .start()
        .await;
    for _ in 0..120 {
        let answer = gateway.call("POST", "/product/x", &[], "body").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "SERVICE_UNAVAILABLE")
        );
        assert!(answer.headers.contains_key("retry-after"));
    }
    let open = gateway.get("/product/x").await;
    let wait: u64 = open.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        wait > 1,
        "after that many failures the breaker is open and says for how long: {wait}"
    );
}

#[tokio::test]
async fn a_silent_service_is_a_504_in_time() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance)
        .with("response-timeout", "300ms".into())
        .start()
        .await;
    let start = Instant::now();
    let answer = gateway.get("/product/slow").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (504, "SERVICE_TIMEOUT")
    );
    assert!(answer.headers.contains_key("retry-after"));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(
        instance.count(),
        1,
        "a request that ran out of time is not repeated"
    );
}

#[tokio::test]
async fn an_answer_that_falls_silent_half_way_is_broken_off() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance)
        .with("response-timeout", "300ms".into())
        .start()
        .await;
    let start = Instant::now();
    let text = gateway
        .raw(b"GET /product/silent HTTP/1.1\r\nHost: mall\r\n\r\n")
        .await;
    assert!(text.contains("first"), "{text}");
    assert!(
        !text.contains("\r\n0\r\n"),
        "a broken answer must not look complete: {text}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn large_answers_pass_whole() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let answer = gateway.get("/product/large").await;
    assert_eq!(answer.body.len(), 3 << 20);
    assert_eq!(
        answer.headers["content-length"],
        (3 << 20).to_string().as_str()
    );
}

#[tokio::test]
async fn two_instances_share_the_load() {
    let (one, two) = (Instance::start().await, Instance::start().await);
    let gateway = Setup::new(&one)
        .instances(PRODUCTS, vec![one.endpoint(), two.endpoint()])
        .start()
        .await;
    for _ in 0..100 {
        assert_eq!(gateway.get("/product/allproduct").await.status, 200);
    }
    assert!(
        one.count() >= 20 && two.count() >= 20,
        "{} and {}",
        one.count(),
        two.count()
    );
}

#[tokio::test]
async fn errors_of_a_service_reach_the_client_as_they_were() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let answer = gateway.get("/product/broken").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, "inner words");
    let text = gateway.metrics.render(false, &[]);
    let line = text
        .lines()
        .find(|line| line.starts_with("spring_cloud_gateway_requests_seconds_count"))
        .unwrap();
    for label in [
        "httpStatusCode=\"500\"",
        "outcome=\"SERVER_ERROR\"",
        "routeId=\"product\"",
    ] {
        assert!(line.contains(label), "{line}");
    }
}
