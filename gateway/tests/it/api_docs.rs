//! One description for the whole mall.

use crate::support::{Instance, SERVICES, Setup, endpoint, free_port, header};

#[tokio::test]
async fn the_public_paths_of_the_services_are_joined() {
    let instance = Instance::start().await;
    let setup = Setup::new(&instance).instances("APPLICATION-ORDER", vec![endpoint(free_port())]);
    let gateway = setup.start().await;
    let answer = gateway.get("/v3/api-docs").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let document = answer.json();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    // Orders are away; nobody else may describe their paths; internal ones and the actuator are nobody's business.
    assert_eq!(paths, ["/cart/getCart"]);
    let seen = instance.seen();
    let caller = header(&seen[0], "x-mall-service");
    let is_for = |service: &str| {
        gateway
            .internal
            .verify_service(caller[0], service, gateway.clock.now())
            .is_ok()
    };
    assert_eq!(SERVICES.iter().filter(|service| is_for(service)).count(), 1);
}

#[tokio::test]
async fn the_page_is_there() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    assert_eq!(
        gateway.get("/swagger-ui").await.headers["location"],
        "/swagger-ui/"
    );
    let page = gateway.get("/swagger-ui/").await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("swagger"));
    let script = gateway.get("/swagger-ui/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&script.body).contains("/v3/api-docs"));
    assert_eq!(gateway.get("/swagger-ui/../cart/getCart").await.status, 404);
}
