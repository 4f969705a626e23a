//! The OpenAPI document.

use serde_json::Value;

use crate::support::{World, clock, router, settings};

#[tokio::test]
async fn it_names_the_header_and_its_refusals_where_a_key_is_taken() {
    let world = World::over("mysql://root@127.0.0.1:9/none", clock(), settings());
    let document = router(world.lab.clone(), world.keys.clone()).into_openapi();
    let document: Value = serde_json::to_value(document).unwrap();
    for (path, method, takes) in [
        ("/things", "post", true),
        ("/things/{id}", "put", true),
        ("/things/{id}", "delete", true),
        ("/things/{id}", "get", false),
        ("/auth/things", "post", false),
        ("/internal/things", "post", false),
    ] {
        let operation = &document["paths"][path][method];
        let named: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "header")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let wanted: &[&str] = if takes { &["Idempotency-Key"] } else { &[] };
        assert_eq!(named, wanted, "{method} {path}");
        for status in ["400", "409", "422"] {
            assert_eq!(
                operation["responses"][status].is_object(),
                takes,
                "{method} {path} {status}"
            );
        }
    }
    let conflict = &document["paths"]["/things"]["post"]["responses"]["409"]["description"];
    let told = conflict.as_str().unwrap();
    assert!(told.starts_with("SOLD_OUT; REQUEST_IN_PROGRESS"), "{told}");
}
