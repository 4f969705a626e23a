use proptest::prelude::*;
use serde_json::json;

use super::*;

const CAPTURES: &str = include_str!("../../tests/golden/eureka-codec-captures.txt");

/// The capture under `--- title`, without the line break at its end.
fn capture(title: &str) -> &'static str {
    let start = format!("--- {title}\n");
    let at = CAPTURES.find(&start).expect(title) + start.len();
    let rest = &CAPTURES[at..];
    let end = rest.find("\n---").unwrap_or(rest.len());
    rest[..end].trim_end()
}

fn golden() -> Applications {
    json_in::applications(capture("apps").as_bytes(), 0).unwrap()
}

fn json_text(value: &serde_json::Value) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn the_full_json_is_written_as_it_was_read() {
    let text = json_text(&json_out::applications(&golden(), Detail::Full));
    assert_eq!(text, capture("apps"));
}

#[test]
fn one_application_and_the_empty_registry_are_netflixs() {
    let text = json_text(&json_out::application(
        &golden().applications[0],
        Detail::Full,
    ));
    assert_eq!(text, capture("app"));
    let empty = Applications {
        version: "1".to_owned(),
        ..Applications::default()
    };
    assert_eq!(
        json_text(&json_out::applications(&empty, Detail::Full)),
        capture("empty apps json")
    );
    assert_eq!(
        xml_out::applications(&empty, Detail::Full),
        capture("XStreamXml empty")
    );
}

#[test]
fn the_compact_json_is_netflixs() {
    let text = json_text(&json_out::applications(&golden(), Detail::Compact));
    assert_eq!(text, capture("compact JacksonJsonMini apps"));
}

#[test]
fn the_full_xml_is_netflixs() {
    let text = xml_out::applications(&golden(), Detail::Full);
    assert_eq!(text, capture("XStreamXml apps"));
    let text = xml_out::instance(&golden().applications[0].instances[1]);
    assert_eq!(text, capture("XStreamXml instance"));
    let text = xml_out::application(&golden().applications[0], Detail::Full);
    assert!(text.starts_with(capture("XStreamXml app")));
}

#[test]
fn the_compact_xml_is_netflixs() {
    let text = xml_out::applications(&golden(), Detail::Compact);
    assert_eq!(text, capture("JacksonXmlMini apps"));
}

#[test]
fn all_of_javas_json_forms_read_the_same() {
    let rest_template = capture("JacksonJson apps");
    assert_eq!(
        json_in::applications(rest_template.as_bytes(), 0).unwrap(),
        golden()
    );

    let body = capture("Spring RestTemplate client register body");
    let mut read = json_in::registration(body.as_bytes(), 7).unwrap();
    let mut expected = golden().applications[0].instances[0].clone();
    assert_eq!(read.last_updated_timestamp, 1_795_396_429_180);
    read.last_updated_timestamp = 0;
    expected.last_updated_timestamp = 0;
    expected.action_type = None;
    assert_eq!(read, expected);

    let body = capture("RestTemplate register, no metadata");
    let read = json_in::registration(body.lines().next().unwrap().as_bytes(), 7).unwrap();
    assert!(read.metadata.is_empty());
    assert_eq!(read.status, InstanceStatus::Down);
}

fn register(fields: serde_json::Value) -> Result<Instance, WireError> {
    json_in::registration(json_text(&json!({ "instance": fields })).as_bytes(), 1234)
}

#[test]
fn what_is_left_out_gets_eurekas_defaults() {
    let read = register(json!({"app": "a-b", "hostName": "h"})).unwrap();
    assert_eq!(read.app, "A-B");
    assert_eq!(read.id(), "h");
    assert_eq!(read.status, InstanceStatus::Up);
    assert_eq!(read.overridden_status, InstanceStatus::Unknown);
    assert_eq!((read.port.number, read.port.enabled), (7001, true));
    assert_eq!(
        (read.secure_port.number, read.secure_port.enabled),
        (7002, false)
    );
    assert_eq!(
        (read.last_dirty_timestamp, read.last_updated_timestamp),
        (1234, 1234)
    );
    assert_eq!(read.lease, LeaseInfo::default());
    assert_eq!(read.data_center, None);
}

#[test]
fn python_and_javascript_registrations_are_read() {
    let python = register(json!({
        "app": "A", "hostName": "h", "status": "up", "overriddenstatus": "", "lastDirtyTimestamp": "17", "extra": {"x": []},
        "port": {"$": 8080, "@enabled": "true"},
    }))
    .unwrap();
    assert_eq!(python.status, InstanceStatus::Up);
    assert_eq!(python.overridden_status, InstanceStatus::Unknown);
    assert_eq!(python.last_dirty_timestamp, 17);
    let javascript = register(json!({
        "app": "A", "hostName": "h", "port": 8080, "dataCenterInfo": {"name": "MyOwn"},
    }))
    .unwrap();
    assert_eq!(
        (javascript.port.number, javascript.port.enabled),
        (8080, true)
    );
    assert_eq!(javascript.data_center, Some(DataCenter::my_own()));
}

#[test]
fn an_id_comes_from_instance_metadata_amazon_or_host() {
    let id = |fields| register(fields).unwrap().id().to_owned();
    assert_eq!(
        id(json!({"app": "A", "hostName": "h", "metadata": {"instanceId": "x"}})),
        "h:x"
    );
    assert_eq!(
        id(json!({"app": "A", "hostName": "h", "metadata": {"instanceId": "h:x"}})),
        "h:x"
    );
    assert_eq!(
        id(json!({"app": "A", "hostName": "h", "dataCenterInfo": {
            "@class": "com.netflix.appinfo.AmazonInfo", "name": "Amazon", "metadata": {"instance-id": "i-1"}}})),
        "i-1"
    );
    assert_eq!(
        id(json!({"app": "A", "hostName": "h", "instanceId": ""})),
        ""
    );
}

#[test]
fn senseless_values_are_named() {
    for (fields, field) in [
        (json!({"hostName": "h"}), "app"),
        (json!({"app": ["a"]}), "app"),
        (json!({"app": "a", "port": {"$": 65536}}), "port"),
        (json!({"app": "a", "port": {"$": -1}}), "port"),
        (json!({"app": "a", "port": "x"}), "port"),
        (json!({"app": "a", "countryId": "one"}), "countryId"),
        (
            json!({"app": "a", "lastDirtyTimestamp": 1.5}),
            "lastDirtyTimestamp",
        ),
        (
            json!({"app": "a", "dataCenterInfo": {"name": "Bogus"}}),
            "dataCenterInfo.name",
        ),
        (
            json!({"app": "a", "dataCenterInfo": "MyOwn"}),
            "dataCenterInfo",
        ),
        (json!({"app": "a", "leaseInfo": 30}), "leaseInfo"),
        (json!({"app": "a", "metadata": {"k": {}}}), "k"),
        (json!("text"), "instance"),
    ] {
        assert_eq!(
            register(fields.clone()).unwrap_err().field,
            field,
            "{fields}"
        );
    }
    for body in ["", "{bad", "{}", "[]"] {
        assert!(json_in::registration(body.as_bytes(), 0).is_err(), "{body}");
    }
}

#[test]
fn single_elements_outside_a_list_are_read() {
    let body = json!({"applications": {"versions__delta": 1, "apps__hashcode": "UP_1_",
        "application": {"name": "A", "instance": {"app": "A", "hostName": "h"}}}});
    let read = json_in::applications(json_text(&body).as_bytes(), 0).unwrap();
    assert_eq!(read.version, "1");
    assert_eq!(read.applications[0].instances[0].host_name, "h");
    let none = json_in::applications(br#"{"applications":{}}"#, 0).unwrap();
    assert!(none.applications.is_empty());
}

#[test]
fn the_hash_counts_by_status_in_alphabetical_order() {
    let with = |status| {
        let mut instance = Instance::new("a", "i", "h", "1.2.3.4", 1);
        instance.status = status;
        instance
    };
    let all: Vec<Instance> = [
        InstanceStatus::Up,
        InstanceStatus::Unknown,
        InstanceStatus::Starting,
        InstanceStatus::OutOfService,
        InstanceStatus::Down,
        InstanceStatus::Up,
    ]
    .map(with)
    .to_vec();
    assert_eq!(
        hash(&all),
        "DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UNKNOWN_1_UP_2_"
    );
    assert_eq!(hash(&[]), "");
}

#[test]
fn a_lone_unknown_instance_is_down_in_xml_only() {
    let mut instance = Instance::new("a", "i", "h", "1.2.3.4", 1);
    instance.status = InstanceStatus::Unknown;
    assert!(xml_out::instance(&instance).contains("<status>DOWN</status>"));
    let application = Application {
        name: "A".to_owned(),
        instances: vec![instance],
    };
    assert!(xml_out::application(&application, Detail::Full).contains("<status>UNKNOWN</status>"));
}

#[test]
fn element_names_are_xstreams() {
    for (key, name) in [
        ("management.port", "management.port"),
        ("my_key", "my__key"),
        ("$d", "_-d"),
        ("a b", "a_.0020b"),
        ("p/q", "p_.002fq"),
        ("1x", "_.0031x"),
        ("한글", "한글"),
    ] {
        assert_eq!(xml_out::element_name(key), name);
    }
}

#[test]
fn broken_xml_is_refused() {
    for body in [
        "",
        "<x",
        "<instance>",
        "<instance></other>",
        "<other/>",
        "<instance/>trailing",
        "<!DOCTYPE x><instance/>",
        "<instance><app>&bogus;</app></instance>",
        "<instance><app>&#x110000;</app></instance>",
        "<instance a=b/>",
        "\u{1}",
    ] {
        assert!(xml_in::registration(body.as_bytes(), 0).is_err(), "{body}");
    }
    let deep = "<instance>".repeat(10_000);
    assert!(xml_in::registration(deep.as_bytes(), 0).is_err());
}

fn any_instance() -> impl Strategy<Value = Instance> {
    let text = || "[ -~가-힣à-ü]{1,12}";
    (
        (text(), text(), text(), any::<u16>(), any::<bool>()),
        prop::collection::btree_map("[a-zA-Z0-9_$ ./가-힣-]{1,8}", text(), 0..4),
        prop::option::of(text()),
        prop::sample::select(InstanceStatus::ALL.to_vec()),
        any::<bool>(),
        0..i64::MAX,
    )
        .prop_map(
            |((id, host, ip, port, enabled), metadata, home, status, amazon, dirty)| {
                let mut instance = Instance::new("app", &id, &host, &ip, port);
                instance.port.enabled = enabled;
                instance.metadata = metadata;
                instance.home_page_url = home;
                instance.status = status;
                instance.last_dirty_timestamp = dirty;
                if amazon {
                    instance.data_center = Some(DataCenter {
                        amazon: true,
                        name: Some("Amazon".to_owned()),
                        metadata: vec![("instance-id".to_owned(), id)],
                    });
                }
                instance
            },
        )
}

proptest! {
    #[test]
    fn json_reads_what_it_wrote(instance in any_instance()) {
        let body = json_text(&json_out::instance(&instance));
        prop_assert_eq!(json_in::registration(body.as_bytes(), 0).unwrap(), instance);
    }

    #[test]
    fn xml_reads_what_it_wrote(instance in any_instance()) {
        let application = Application { name: "APP".to_owned(), instances: vec![instance.clone()] };
        // Inside its application, where an unknown status is not disguised.
        let xml = xml_out::application(&application, Detail::Full);
        let start = xml.find("<instance>").unwrap();
        let end = xml.rfind("</application>").unwrap();
        prop_assert_eq!(xml_in::registration(&xml.as_bytes()[start..end], 0).unwrap(), instance);
    }

    #[test]
    fn no_input_panics(body in prop::collection::vec(any::<u8>(), 0..200), xml in "[<>/&;#x a=\"'!?\\[\\]-]{0,60}") {
        let _ = json_in::registration(&body, 0);
        let _ = xml_in::registration(&body, 0);
        let _ = xml_in::registration(xml.as_bytes(), 0);
    }
}
