//! Joins OpenAPI documents. Only paths that the gateway really routes to that service get in.

use crate::route_table;
use serde_json::{Map, Value, json};

/// Joins the documents of services, given in the order of the route table.
pub(super) fn join<'s>(documents: impl Iterator<Item = (&'s str, Value)>) -> Value {
    let mut paths = Map::new();
    let mut components: Map<String, Value> = Map::new();
    let mut tags: Vec<Value> = Vec::new();
    for (service, mut document) in documents {
        rename_clashes(service, &mut document, &components);
        let Value::Object(mut document) = document else {
            continue;
        };
        if let Some(Value::Object(own)) = document.remove("paths") {
            paths.extend(own.into_iter().filter(|(path, _)| is_public(path, service)));
        }
        if let Some(Value::Object(own)) = document.remove("components") {
            for (kind, entries) in own {
                let (Value::Object(entries), Value::Object(all)) =
                    (entries, components.entry(kind).or_insert_with(|| json!({})))
                else {
                    continue;
                };
                all.extend(entries);
            }
        }
        if let Some(Value::Array(own)) = document.remove("tags") {
            tags.extend(
                own.into_iter()
                    .filter(|tag| !tags.contains(tag))
                    .collect::<Vec<_>>(),
            );
        }
    }
    drop_unused_schemas(&paths, &mut components);
    let mut joined = json!({
        "openapi": "3.1.0",
        "info": { "title": "Mall", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": components,
    });
    if !tags.is_empty() {
        joined["tags"] = Value::Array(tags);
    }
    joined
}

fn is_public(path: &str, service: &str) -> bool {
    route_table::find_template(path).is_some_and(|route| route.service == service)
}

/// Two services may mean different things by one schema name: the later one's gets the service in front.
fn rename_clashes(service: &str, document: &mut Value, known: &Map<String, Value>) {
    let Some(Value::Object(known)) = known.get("schemas") else {
        return;
    };
    let Some(Value::Object(own)) = document.pointer("/components/schemas") else {
        return;
    };
    let clashes: Vec<(String, String)> = own
        .iter()
        .filter(|(name, schema)| known.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| (name.clone(), format!("{}{name}", prefix(service))))
        .collect();
    if clashes.is_empty() {
        return;
    }
    if let Some(Value::Object(own)) = document.pointer_mut("/components/schemas") {
        for (old, new) in &clashes {
            if let Some(schema) = own.remove(old) {
                own.insert(new.clone(), schema);
            }
        }
    }
    rewrite_references(document, &clashes);
}

/// `APPLICATION-CART` is `Cart`.
fn prefix(service: &str) -> String {
    let name = service.rsplit('-').next().unwrap_or(service);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_string() + &letters.as_str().to_lowercase()
    })
}

fn rewrite_references(value: &mut Value, clashes: &[(String, String)]) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/components/schemas/")
                && let Some((_, new)) = clashes.iter().find(|(old, _)| old == name)
            {
                *reference = format!("#/components/schemas/{new}");
            }
            map.values_mut()
                .for_each(|value| rewrite_references(value, clashes));
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| rewrite_references(value, clashes)),
        _ => {}
    }
}

/// What only internal paths spoke of is nobody's business.
fn drop_unused_schemas(paths: &Map<String, Value>, components: &mut Map<String, Value>) {
    let mut wanted: Vec<String> = Vec::new();
    paths
        .values()
        .for_each(|path| references(path, &mut wanted));
    for (kind, entries) in components.iter() {
        if kind != "schemas" {
            references(entries, &mut wanted);
        }
    }
    let Some(Value::Object(schemas)) = components.get_mut("schemas") else {
        return;
    };
    let mut at = 0;
    while let Some(name) = wanted.get(at) {
        if let Some(schema) = schemas.get(name) {
            references(&schema.clone(), &mut wanted);
        }
        at += 1;
    }
    schemas.retain(|name, _| wanted.contains(name));
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(|r| r.as_str()?.strip_prefix("#/components/schemas/"))
                && !found.iter().any(|known| known == name)
            {
                found.push(name.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str) -> Value {
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    #[test]
    fn only_routed_paths_and_what_they_speak_of() {
        let carts = json!({
            "openapi": "3.1.0",
            "paths": {
                "/cart/getCart": { "get": { "schema": reference("Line") } },
                "/internal/carts/{userId}": { "get": { "schema": reference("Secret") } },
                "/actuator/health": { "get": {} },
                "/order/orderlist": { "get": {} },
                "/cart/findCart": { "get": {} },
            },
            "components": { "schemas": { "Line": { "properties": { "price": reference("Won") } }, "Won": {}, "Secret": {} },
                "securitySchemes": { "bearer": { "type": "http" } } },
            "tags": [{ "name": "carts" }],
        });
        let joined = join([("APPLICATION-CART", carts)].into_iter());
        let paths: Vec<&String> = joined["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/cart/getCart"]);
        let mut schemas: Vec<&String> = joined["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        schemas.sort();
        assert_eq!(schemas, ["Line", "Won"]);
        assert_eq!(
            joined["components"]["securitySchemes"]["bearer"]["type"],
            "http"
        );
        assert_eq!(joined["tags"][0]["name"], "carts");
    }

    #[test]
    fn a_name_with_two_meanings_is_told_apart() {
        let one = json!({ "paths": { "/cart/getCart": reference("Line") },
            "components": { "schemas": { "Line": { "a": 1 }, "Same": {} } } });
        let two = json!({ "paths": { "/order/orderlist": [reference("Line"), reference("Same")] },
            "components": { "schemas": { "Line": { "b": 2 }, "Same": {} } } });
        let joined = join([("APPLICATION-CART", one), ("APPLICATION-ORDER", two)].into_iter());
        assert_eq!(joined["components"]["schemas"]["Line"], json!({ "a": 1 }));
        assert_eq!(
            joined["components"]["schemas"]["OrderLine"],
            json!({ "b": 2 })
        );
        assert_eq!(
            joined["paths"]["/order/orderlist"][0],
            reference("OrderLine")
        );
        assert_eq!(joined["paths"]["/order/orderlist"][1], reference("Same"));
    }

    #[test]
    fn nothing_to_join_is_an_empty_description() {
        let joined = join(std::iter::empty());
        assert_eq!(joined["paths"], json!({}));
        assert_eq!(joined["openapi"], "3.1.0");
    }
}
