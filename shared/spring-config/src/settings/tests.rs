use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::cipher::Encryptor;
use crate::source::PropertySource;
use crate::yaml;

fn source(name: &str, text: &str) -> PropertySource {
    yaml::load(name, text).unwrap().remove(0)
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Section {
    payment_deadline: String,
    batch: u16,
    #[serde(default)]
    ratio: f64,
    #[serde(default)]
    enabled: bool,
    note: Option<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    limits: BTreeMap<String, u32>,
    mode: Option<Mode>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    qty: i64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Mode {
    CountBased,
    TimeBased,
}

const FILE: &str = "mall:\n  orders:\n    payment-deadline: 10m\n    batch: 5\n    hosts: [a, b, c]\n    items:\n      - {name: one, qty: 1}\n      - {name: two, qty: 2}\n    limits: {firstThing: 1, second: 2}\n    mode: count-based\n";

#[test]
fn later_sources_win_and_lists_come_whole() {
    let settings = Settings::builder()
        .add(source("weak", FILE))
        .add(source(
            "strong",
            "mall.orders.batch: 7\nmall.orders.hosts: [x]\n",
        ))
        .build()
        .unwrap();
    let section: Section = settings.bind("mall.orders").unwrap();
    assert_eq!(section.batch, 7);
    assert_eq!(section.hosts, ["x"]);
    assert_eq!(section.items.len(), 2);
    assert_eq!(section.mode, Some(Mode::CountBased));
    assert_eq!(section.limits.get("firstThing"), Some(&1));
    assert_eq!(settings.source_of("mall.orders.batch"), Some("strong"));
    assert_eq!(settings.get("mall.orders.hosts[1]"), None);
}

#[test]
fn a_stronger_empty_or_comma_list_hides_a_weaker_one() {
    for (strong, expected) in [
        ("mall.orders.hosts: []\n", vec![]),
        ("mall.orders.hosts: p, q\n", vec!["p", "q"]),
        ("mall.orders.hosts:\n", vec![]),
    ] {
        let settings = Settings::builder()
            .add(source("weak", FILE))
            .add(source("strong", strong))
            .build()
            .unwrap();
        assert_eq!(
            settings.bind::<Section>("mall.orders").unwrap().hosts,
            expected
        );
    }
}

#[test]
fn every_spelling_is_the_same_key() {
    let settings = Settings::builder()
        .add(source(
            "f",
            "spring:\n  data:\n    redis:\n      maxPoolSize: 6379\n",
        ))
        .build()
        .unwrap();
    for key in [
        "spring.data.redis.max-pool-size",
        "spring.data.redis.maxPoolSize",
        "spring.data.redis.max_pool_size",
        "SPRING.DATA.REDIS.MAXPOOLSIZE",
        "SPRING_DATA_REDIS_MAXPOOLSIZE",
    ] {
        assert_eq!(settings.get(key).as_deref(), Some("6379"), "{key}");
        assert_eq!(settings.get_as::<u16>(key).unwrap(), Some(6379));
    }
    assert_eq!(settings.get("spring.data.redis.max"), None);
    assert_eq!(
        settings.keys("spring.data"),
        ["spring.data.redis.maxPoolSize"]
    );
}

#[test]
fn environment_variables_reach_every_field() {
    let settings = Settings::builder()
        .add(source("f", FILE))
        .add_environment(environment(&[
            ("MALL_ORDERS_PAYMENTDEADLINE", "3s"),
            ("MALL_ORDERS_BATCH", "9"),
            ("MALL_ORDERS_RATIO", "0.5"),
            ("MALL_ORDERS_ENABLED", "on"),
            ("MALL_ORDERS_HOSTS_0_", "e0"),
            ("MALL_ORDERS_ITEMS_0_NAME", "env"),
            ("MALL_ORDERS_ITEMS_0_QTY", "4"),
            ("MALL_ORDERS_LIMITS_FIRSTTHING", "8"),
            ("CONFIG_SERVER_URL", "http://h"),
        ]))
        .build()
        .unwrap();
    let section: Section = settings.bind("mall.orders").unwrap();
    assert_eq!(
        section,
        Section {
            payment_deadline: "3s".into(),
            batch: 9,
            ratio: 0.5,
            enabled: true,
            note: None,
            hosts: vec!["e0".into()],
            items: vec![Item {
                name: "env".into(),
                qty: 4
            }],
            limits: [("firstThing".to_owned(), 8), ("second".to_owned(), 2)].into(),
            mode: Some(Mode::CountBased),
        }
    );
    assert_eq!(
        settings.get("CONFIG_SERVER_URL").as_deref(),
        Some("http://h")
    );
    assert_eq!(
        settings.get("mall.orders.payment-deadline").as_deref(),
        Some("3s")
    );
}

#[test]
fn the_old_environment_form_of_dashes_works_too() {
    let settings = Settings::builder()
        .add(source("f", FILE))
        .add_environment(environment(&[("MALL_ORDERS_PAYMENT_DEADLINE", "4s")]))
        .build()
        .unwrap();
    assert_eq!(
        settings.get("mall.orders.payment-deadline").as_deref(),
        Some("4s")
    );
    assert_eq!(
        settings
            .bind::<Section>("mall.orders")
            .unwrap()
            .payment_deadline,
        "4s"
    );
}

#[test]
fn every_wrong_key_is_named_at_once() {
    let text = "mall.orders:\n  batch: 70000\n  ratio: much\n  enabled: maybe\n  unknown-thing: 1\n  hosst: x\n  items:\n    - {name: one, qty: x}\n    - {qty: 2}\n  limits: {a: -1}\n  mode: sideways\n";
    let settings = Settings::builder()
        .add(source("file.yml", text))
        .build()
        .unwrap();
    let error = settings.bind::<Section>("mall.orders").unwrap_err();
    let mut keys: Vec<&str> = error.problems.iter().map(|p| p.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "mall.orders.batch",
            "mall.orders.enabled",
            "mall.orders.hosst",
            "mall.orders.items[0].qty",
            "mall.orders.items[1].name",
            "mall.orders.limits.a",
            "mall.orders.mode",
            "mall.orders.payment-deadline",
            "mall.orders.ratio",
            "mall.orders.unknown-thing",
        ]
    );
    let shown = error.to_string();
    assert!(
        shown.contains("mall.orders.payment-deadline: is required"),
        "{shown}"
    );
    assert!(shown.contains("\"much\" (from file.yml)"), "{shown}");
}

#[test]
fn a_wrong_secret_is_not_shown() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Secrets {
        secret: u64,
    }
    let settings = Settings::builder()
        .add(source("f", "jwt.secret: hunter2\n"))
        .build()
        .unwrap();
    let error = settings.bind::<Secrets>("jwt").unwrap_err().to_string();
    assert!(
        error.starts_with("jwt.secret:") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn nothing_there_is_none_or_an_empty_section() {
    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Optional {
        a: u8,
    }
    let settings = Settings::builder().build().unwrap();
    assert_eq!(
        settings.bind::<Optional>("mall.x").unwrap(),
        Optional { a: 0 }
    );
    assert_eq!(settings.get_as::<u16>("server.port").unwrap(), None);
    let settings = Settings::builder()
        .add(source("f", "server.port: x\n"))
        .build()
        .unwrap();
    assert!(settings.get_as::<u16>("server.port").is_err());
    let settings = Settings::builder()
        .add(source("f", "names: [a, b]\n"))
        .build()
        .unwrap();
    assert_eq!(
        settings.get_as::<Vec<String>>("names").unwrap(),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn placeholders_see_all_sources() {
    let settings = Settings::builder()
        .add(source(
            "f",
            "url: redis://${host:localhost}:${port}/\nport: 1\nplain: \\${x}\n",
        ))
        .add_environment(environment(&[("HOST", "h"), ("PS1", "${debian_chroot} $")]))
        .build()
        .unwrap();
    assert_eq!(settings.get("url").as_deref(), Some("redis://h:1/"));
    assert_eq!(settings.get("plain").as_deref(), Some("${x}"));
    assert_eq!(settings.get("ps1").as_deref(), Some("${debian_chroot} $"));

    let wrong = Settings::builder()
        .add(source("f", "a: ${b}\nb: ${a}\nc: ${none}\n"))
        .build()
        .unwrap_err();
    let keys: Vec<&str> = wrong.problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
}

#[test]
fn encrypted_values_need_the_key() {
    let hex = Encryptor::new("k", "deadbeef").unwrap().encrypt("s3cret");
    let text = format!("db.password: '{{cipher}}{hex}'\nurl: x-${{db.password}}\n");
    let settings = Settings::builder()
        .add(source("f", &text))
        .add_environment(environment(&[("ENCRYPT_KEY", "k")]))
        .build()
        .unwrap();
    assert_eq!(settings.get("db.password").as_deref(), Some("s3cret"));
    assert_eq!(settings.get("url").as_deref(), Some("x-s3cret"));
    for key in [None, Some("other")] {
        let variables = key.map(|k| vec![("ENCRYPT_KEY".to_owned(), k.to_owned())]);
        let error = Settings::builder()
            .add(source("f", &text))
            .add_environment(variables.unwrap_or_default())
            .build();
        // A wrong key may rarely decrypt to nonsense, never to the secret.
        if let Ok(settings) = error {
            assert_ne!(settings.get("db.password").as_deref(), Some("s3cret"));
        }
    }
}

#[test]
fn documents_of_other_profiles_are_left_out() {
    let documents = yaml::load(
        "f",
        "a: 1\n---\nspring.config.activate.on-profile: local\na: 2\n---\nspring.config.activate.on-profile: '!local'\na: 3\n",
    )
    .unwrap();
    for (profile, expected) in [("local", "2"), ("default", "3")] {
        let settings = Settings::builder()
            .add_documents(documents.clone(), &[profile.to_owned()])
            .build()
            .unwrap();
        assert_eq!(settings.get("a").as_deref(), Some(expected));
    }
}
