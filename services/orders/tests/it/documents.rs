//! The table of transitions in the service's README is that of the code, and nothing else in the code writes a status.

use std::collections::BTreeSet;
use std::path::Path;

use mall_orders::status::{By, Effect, PayMark, TRANSITIONS};

const README: &str = include_str!("../../README.md");

/// The cells of each row of the table under this heading.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = README.split_once(heading).unwrap();
    let table = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect()
    })
    .collect()
}

#[test]
fn the_documented_table_of_states_is_the_codes() {
    let by = |by: &By| match by {
        By::Payment => "payment",
        By::Buyer => "buyer",
        By::Time => "time",
        By::Admin => "admin",
    };
    let effect = |effect: &Effect| match effect {
        Effect::ConfirmStock => "stock confirmed",
        Effect::ReleaseStock => "stock back",
        Effect::RefundPayment => "money back",
    };
    let list = |words: Vec<&str>| match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(", "),
    };
    let in_code: BTreeSet<Vec<String>> = TRANSITIONS
        .iter()
        .map(|t| {
            vec![
                t.from.to_string(),
                t.to.to_string(),
                t.cause.to_owned(),
                list(t.by.iter().map(by).collect()),
                match t.mark {
                    PayMark::Set => "yes",
                    PayMark::Clear => "no",
                }
                .to_owned(),
                list(t.effects.iter().map(effect).collect()),
            ]
        })
        .collect();
    let documented = rows("## States");
    assert_eq!(documented.len(), in_code.len());
    assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), in_code);
}

#[test]
fn one_file_changes_a_status() {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("UPDATE orders SET status") {
                    found.push(path.file_name().unwrap().to_owned());
                }
            }
        }
    }
    assert_eq!(found, ["steps.rs"]);
}
