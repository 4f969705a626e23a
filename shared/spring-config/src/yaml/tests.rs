use super::*;
use crate::source::Scalar;

fn flat(text: &str) -> Vec<(String, Scalar)> {
    let found = documents(text).unwrap();
    found
        .into_iter()
        .flat_map(|d| d.properties)
        .map(|p| (p.key, p.value))
        .collect()
}

fn typed(scalar: &str) -> Scalar {
    flat(&format!("v: {scalar}\n")).remove(0).1
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.into())
}

/// What a Spring Cloud Config server answered for these, and the traps of YAML 1.1.
#[test]
fn scalars_are_typed_as_yaml_1_1() {
    let table = [
        ("yes", Scalar::Bool(true)),
        ("No", Scalar::Bool(false)),
        ("on", Scalar::Bool(true)),
        ("OFF", Scalar::Bool(false)),
        ("tRue", text("tRue")),
        ("y", text("y")),
        ("n", text("n")),
        ("0123", Scalar::Int(83)),
        ("-010", Scalar::Int(-8)),
        ("0123456", Scalar::Int(42798)),
        ("0", Scalar::Int(0)),
        ("00", Scalar::Int(0)),
        ("0o17", text("0o17")),
        ("089", text("089")),
        ("0x1F", Scalar::Int(31)),
        ("0xG", text("0xG")),
        ("0b101", Scalar::Int(5)),
        ("1_000", Scalar::Int(1000)),
        ("_1", text("_1")),
        ("12:30", Scalar::Int(750)),
        ("22:22", Scalar::Int(1342)),
        ("1:30:45", Scalar::Int(5445)),
        ("12:60", text("12:60")),
        ("012:30", text("012:30")),
        ("42", Scalar::Int(42)),
        ("-7", Scalar::Int(-7)),
        ("+5", Scalar::Int(5)),
        ("12345678901", Scalar::Int(12_345_678_901)),
        (
            "123456789012345678901234567890",
            Scalar::BigInt("123456789012345678901234567890".into()),
        ),
        (
            "1234567890123456789012345678901234567890123",
            Scalar::BigInt("1234567890123456789012345678901234567890123".into()),
        ),
        (
            "-9223372036854775809",
            Scalar::BigInt("-9223372036854775809".into()),
        ),
        ("1.5", Scalar::Float(1.5)),
        ("1.", Scalar::Float(1.0)),
        (".5", Scalar::Float(0.5)),
        ("1.10", Scalar::Float(1.1)),
        ("1e3", Scalar::Float(1000.0)),
        ("1.0e+3", Scalar::Float(1000.0)),
        ("6.02E23", Scalar::Float(6.02e23)),
        ("1e", text("1e")),
        ("1.2.3", text("1.2.3")),
        ("10.0.0.1", text("10.0.0.1")),
        ("190:20:30.15", Scalar::Float(685_230.15)),
        (".inf", Scalar::Float(f64::INFINITY)),
        ("-.INF", Scalar::Float(f64::NEG_INFINITY)),
        ("2024-05-20", text("2024-05-20")),
        ("2024-05-20T01:02:03Z", text("2024-05-20T01:02:03Z")),
        ("null", text("")),
        ("~", text("")),
        ("", text("")),
        ("''", text("")),
        ("\"0123\"", text("0123")),
        ("'yes'", text("yes")),
        ("[]", Scalar::EmptyList),
        ("{}", Scalar::EmptyMap),
        ("$5", text("$5")),
        ("50%", text("50%")),
        ("10m", text("10m")),
        ("!!str 123", text("123")),
        ("!!int \"7\"", Scalar::Int(7)),
        ("! 12", text("12")),
    ];
    for (source, expected) in table {
        assert_eq!(typed(source), expected, "{source}");
    }
}

#[test]
fn maps_lists_and_odd_keys_flatten() {
    let found = flat(
        "a.b: 1\nlist:\n  - 1\n  - [2, 3]\n  - {k: v}\n  -\nbr:\n  1: i\n  true: b\n  1.50: f\n  '[x.y]': q\n  '1': t\n",
    );
    let keys: Vec<&str> = found.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(
        keys,
        [
            "a.b",
            "list[0]",
            "list[1][0]",
            "list[1][1]",
            "list[2].k",
            "list[3]",
            "br[1]",
            "br[true]",
            "br[1.5]",
            "br[x.y]",
            "br.1",
        ]
    );
}

#[test]
fn anchors_and_merge_keys() {
    let found = flat(
        "anchor: &anc\n  p: 1\n  q: 2\nmerged:\n  <<: *anc\n  q: 3\nfirst:\n  q: 4\n  <<: *anc\nseveral:\n  <<: [{x: 1}, {x: 2, y: 2}]\n",
    );
    let shown: Vec<String> = found
        .iter()
        .map(|(k, v)| format!("{k}={}", v.to_text()))
        .collect();
    assert_eq!(
        shown[2..],
        [
            "merged.p=1",
            "merged.q=3",
            "first.q=4",
            "first.p=1",
            "several.x=1",
            "several.y=2"
        ]
    );
}

#[test]
fn roots_that_are_no_maps() {
    assert_eq!(flat("a\n"), [("document".to_owned(), text("a"))]);
    assert_eq!(flat("- a\n- k: b\n")[1].0, "document[1].k");
    assert!(documents("").unwrap().is_empty());
    assert!(documents("---\n---\n# nothing\n").unwrap().is_empty());
}

#[test]
fn documents_are_numbered_without_empty_ones() {
    let sources = load("f", "a: 1\n---\n---\nb: 2\n").unwrap();
    let names: Vec<&str> = sources.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["f (document #0)", "f (document #1)"]);
    assert_eq!(load("f", "a: 1\n").unwrap()[0].name, "f");
}

#[test]
fn origins_are_the_values_places() {
    let found = documents("t:\n  a: 1\n  b:\n  c: |\n    x\n  d: !!str 5\n  e: [1, 2]\n  f: \"q\"\n  g: []\n  h:\n    -\n    - |2-\n        y\n").unwrap();
    let origins: Vec<String> = found[0]
        .properties
        .iter()
        .filter_map(|p| p.origin.map(|o| format!("{} {o}", p.key)))
        .collect();
    assert_eq!(
        origins,
        [
            "t.a 2:6",
            "t.b 3:5",
            "t.c 4:6",
            "t.d 6:6",
            "t.e[0] 7:7",
            "t.e[1] 7:10",
            "t.f 8:6",
            "t.g 9:6",
            "t.h[0] 11:6",
            "t.h[1] 12:7"
        ]
    );
}

#[test]
fn what_spring_refuses_is_refused_with_its_place() {
    for (source, line) in [
        ("d: 1\nd: 2\n", 2),
        ("a: 1\n  b: : bad\n- x\n", 2),
        ("a: !!java.util.Date 5\n", 1),
        ("a: !own 5\n", 1),
        ("a: !!int x\n", 1),
        ("? [a, b]\n: c\n", 1),
        ("a: &x [*x]\n", 1),
        ("a: *nowhere\n", 1),
    ] {
        let error = documents(source).unwrap_err();
        assert_eq!(error.line, line, "{source}: {error}");
    }
}

/// Nothing that a file can hold may exhaust stack or memory.
#[test]
fn hostile_files_are_refused() {
    assert!(documents(&"[".repeat(100_000)).is_err());
    let deep: String = (0..5_000)
        .map(|n| {
            format!(
                "k{n}: &a{n} [{}]\n",
                if n == 0 {
                    "x".into()
                } else {
                    format!("*a{}", n - 1)
                }
            )
        })
        .collect();
    assert!(documents(&deep).is_err());
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let of = format!("*a{}", n - 1);
        laughs += &format!("a{n}: &a{n} [{}]\n", vec![of; 10].join(", "));
    }
    assert!(documents(&laughs).is_err());
}
