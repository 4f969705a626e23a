//! `docs/settings.md` has every setting that some program reads or some file sets, with its default, and no other.

use std::collections::{BTreeMap, BTreeSet};

use mall_spring_config::{names, yaml};

use super::repository::{File, ending, file, files};
use super::{markdown, rust};

/// What is bound as a whole: file, struct, and where its fields stand.
const BOUND: [(&str, &str, &str); 11] = [
    ("services/carts/src/config.rs", "CartsConfig", "mall.carts"),
    (
        "services/orders/src/config.rs",
        "OrdersConfig",
        "mall.orders",
    ),
    (
        "services/payments/src/config.rs",
        "PaymentsConfig",
        "mall.payments",
    ),
    (
        "services/products/src/config.rs",
        "ProductsConfig",
        "mall.products",
    ),
    ("services/stock/src/config.rs", "StockConfig", "mall.stock"),
    ("services/users/src/config.rs", "UsersConfig", "mall.users"),
    ("gateway/src/config.rs", "GatewayConfig", "mall.gateway"),
    ("registry/src/config.rs", "Config", "eureka.server"),
    (
        "config-server/src/config.rs",
        "Config",
        "spring.cloud.config.server",
    ),
    (
        "shared/db/src/connect.rs",
        "DatabaseSettings",
        "spring.datasource",
    ),
    (
        "shared/service/src/resilience.rs",
        "Said",
        "resilience4j.circuitbreaker.configs.<name>",
    ),
];

/// What is read in ways that can't be seen from outside: profiles of files, and keys that somebody else chooses.
const BESIDES: [&str; 5] = [
    "spring.cloud.config.server.overrides.<key>",
    "spring.config.activate.on-profile",
    "spring.profiles.include",
    "spring.profiles.group.<profile>",
    "spring.profiles.active",
];

/// How the sources read one setting.
const READERS: [&str; 8] = [
    "read",
    "need",
    "get",
    "get_as",
    "setting",
    "setting_on",
    "span",
    "secs",
];

/// A line of the document.
struct Line {
    default: String,
    store: String,
}

fn document() -> BTreeMap<String, Line> {
    let rows = markdown::rows(
        &file("docs/settings.md").text,
        &["setting", "default", "store", "what it does"],
    );
    let mut lines = BTreeMap::new();
    for row in rows {
        let key = row[0].trim_matches('`');
        let line = Line {
            default: row[1].clone(),
            store: row[2].clone(),
        };
        assert!(
            !row[3].is_empty() && !line.default.is_empty(),
            "{key}: an empty cell"
        );
        assert!(
            lines.insert(uniform(key), line).is_none(),
            "{key} is there twice"
        );
    }
    lines
}

/// The one form of all spellings of a key. Breakers take the same keys under `configs` and under `instances`.
fn uniform(key: &str) -> String {
    let key = key.split('[').next().unwrap_or_default();
    let key = key.replace("circuitbreaker.instances.", "circuitbreaker.configs.");
    names::uniform(&key)
}

/// Whether a key is what a line of the document says; `<name>` there is any one part.
fn is(written: &str, key: &str) -> bool {
    let (written, key): (Vec<&str>, Vec<&str>) =
        (written.split('.').collect(), key.split('.').collect());
    let part = |(written, part): (&&str, &&str)| written == part || written.starts_with('<');
    written.len() == key.len() && written.iter().zip(&key).all(part)
}

/// Keys and values of a settings file.
fn set_in(file: &File) -> Vec<(String, String)> {
    let documents = yaml::documents(&file.text).expect(&file.path);
    let properties = documents
        .into_iter()
        .flat_map(|document| document.properties);
    properties
        .map(|property| (property.key, property.value.to_text()))
        .collect()
}

fn compiled() -> impl Iterator<Item = &'static File> {
    ending("/defaults.yml")
}

fn store() -> impl Iterator<Item = &'static File> {
    files()
        .iter()
        .filter(|file| file.path.starts_with("config-repo/"))
}

/// Every field of what is bound as a whole.
fn bound() -> Vec<(String, &'static str)> {
    let mut keys = Vec::new();
    for (path, name, section) in BOUND {
        let structs = rust::structs(&file(path).text);
        let mut open = vec![(section.to_owned(), name)];
        while let Some((section, name)) = open.pop() {
            for (field, kind) in structs.get(name).expect(name) {
                let key = format!("{section}.{}", field.replace('_', "-"));
                let kind = kind
                    .strip_prefix("Option<")
                    .map_or(*kind, |kind| kind.trim_end_matches('>'));
                if structs.contains_key(kind) {
                    open.push((key, kind));
                } else if kind.starts_with("BTreeMap<") {
                    keys.push((format!("{key}.<id>"), path));
                } else {
                    keys.push((key, path));
                }
            }
        }
    }
    keys
}

/// Every key that is read by itself: a text with dots that is given to one of the readers.
fn read_by_name() -> Vec<(String, &'static str)> {
    let mut keys = Vec::new();
    for (file, text) in rust::sources() {
        for reader in READERS {
            let calls = text.match_indices(reader).filter(|(at, _)| {
                !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            for (at, _) in calls {
                let rest = &text[at + reader.len()..];
                let rest = match rest.strip_prefix("::<") {
                    Some(rest) => rest.split_once('(').map_or("", |(_, rest)| rest),
                    None => rest.strip_prefix('(').unwrap_or_default(),
                };
                let first = rest
                    .trim_start()
                    .trim_start_matches("settings,")
                    .trim_start();
                let Some(key) = first
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
                else {
                    continue;
                };
                let dotted = key.contains('.')
                    && key
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
                if dotted && !key.starts_with("config.server") {
                    keys.push((key.to_owned(), file.path.as_str()));
                }
            }
        }
    }
    keys
}

#[test]
fn every_setting_is_in_the_document() {
    let document = document();
    let mut known: Vec<(String, &str)> = bound();
    let by_name = read_by_name();
    assert!(by_name.len() > 20, "only {by_name:?}");
    known.extend(by_name);
    for file in compiled().chain(store()) {
        known.extend(
            set_in(file)
                .into_iter()
                .map(|(key, _)| (key, file.path.as_str())),
        );
    }
    known.extend(BESIDES.map(|key| (key.to_owned(), "")));
    let mut wrong = BTreeSet::new();
    let mut met = BTreeSet::new();
    for (key, whence) in &known {
        let uniform = uniform(key);
        let here: Vec<&String> = document
            .keys()
            .filter(|written| is(written, &uniform))
            .collect();
        if here.is_empty() {
            wrong.insert(format!("{key} of {whence} is not in docs/settings.md"));
        }
        met.extend(here);
    }
    let unread = document.keys().filter(|written| !met.contains(written));
    wrong.extend(
        unread.map(|written| {
            format!("{written} is in docs/settings.md, and nothing reads or sets it")
        }),
    );
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_config_file_is_looked_at() {
    for (file, text) in rust::sources().filter(|(file, _)| file.name() == "config.rs") {
        let deserialized = text.contains("Deserialize");
        let known = BOUND.iter().any(|(path, ..)| *path == file.path);
        assert!(known || !deserialized, "{} is not in the list", file.path);
    }
}

/// The default that a line tells is the one in the program's `defaults.yml`; without one there it says `none`, or that it
/// stands in the code.
#[test]
fn defaults_are_the_compiled_ones() {
    let document = document();
    let mut defaults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in compiled().flat_map(set_in) {
        defaults.entry(uniform(&key)).or_default().insert(value);
    }
    let mut wrong = Vec::new();
    for (key, line) in &document {
        let told = &line.default;
        match defaults.get(key) {
            Some(values) if values.len() == 1 => {
                let value = values.first().unwrap();
                let same = if value.is_empty() {
                    told == "empty"
                } else {
                    *told == format!("`{value}`") || told.starts_with(&format!("`{value}` ("))
                };
                if !same {
                    wrong.push(format!("{key}: the default is {value:?}, not {told}"));
                }
            }
            // Several programs, each with its own: the table of programs has them.
            Some(_) => {}
            None if told == "none" || told == "required" || told.ends_with(" (code)") => {}
            None => wrong.push(format!(
                "{key}: no defaults.yml has it: say `none`, `required`, or (code) after the value"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the store says, of whatever profile, stands in its column; secrets do not.
#[test]
fn the_stores_values_are_told() {
    let document = document();
    let mut told_of = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in store() {
        for (key, value) in set_in(file) {
            let uniform = uniform(&key);
            for (written, line) in document.iter().filter(|(written, _)| is(written, &uniform)) {
                told_of.insert(written.clone());
                let per_program = [
                    "server.port",
                    "spring.datasource.url",
                    "spring.datasource.username",
                ]
                .contains(&written.as_str());
                let told = if value.starts_with("{cipher}") {
                    line.store.contains("encrypted")
                } else {
                    value.is_empty() || per_program || line.store.contains(&format!("`{value}`"))
                };
                if !told {
                    wrong.push(format!(
                        "{key}: {} says {value:?}, the document {:?}",
                        file.path, line.store
                    ));
                }
            }
        }
    }
    let empty = document
        .iter()
        .filter(|(key, line)| !line.store.is_empty() && !told_of.contains(*key));
    wrong.extend(empty.map(|(key, line)| {
        format!(
            "{key}: the store says nothing, the document {:?}",
            line.store
        )
    }));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ports_are_the_compiled_ones() {
    let rows = markdown::rows(
        &file("docs/settings.md").text,
        &["program", "name", "port", "needs"],
    );
    let told: BTreeMap<&str, &str> = rows
        .iter()
        .map(|row| (row[0].as_str(), row[2].as_str()))
        .collect();
    assert_eq!(told.len(), 9);
    for file in compiled() {
        let (_, port) = set_in(file)
            .into_iter()
            .find(|(key, _)| key == "server.port")
            .expect(&file.path);
        let program = file.folder().rsplit('/').next().unwrap();
        assert_eq!(told.get(program), Some(&port.as_str()), "{program}");
    }
}

/// `${NAME:...}` in a settings file is a variable that somebody may want to set.
#[test]
fn variables_are_in_the_document() {
    let rows = markdown::rows(
        &file("docs/settings.md").text,
        &["variable", "read by", "what it does"],
    );
    let told: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let mut used: BTreeSet<String> = ["CONFIG_SERVER_URL", "MALL_CONFIG_FILE", "ENCRYPT_KEY"]
        .map(str::to_owned)
        .into();
    for (_, value) in compiled().chain(store()).flat_map(set_in) {
        let names = value
            .split("${")
            .skip(1)
            .filter_map(|rest| rest.split([':', '}']).next());
        used.extend(
            names
                .filter(|name| names::is_environment_form(name))
                .map(str::to_owned),
        );
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(told, used);
}
