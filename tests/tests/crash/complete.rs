//! The matrix has every fault point that there is: the sources are the list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mall_testkit::mall::workspace_root;

use super::case::{Point, TAKE_MONEY};
use super::{deadline, paying, placing, returning, toss};

const ALL: [&[Point]; 22] = [
    placing::ONE,
    placing::CART,
    placing::AGAIN,
    placing::ORPHANED,
    TAKE_MONEY,
    paying::BEGIN,
    paying::CONFIRM,
    paying::DECLINED,
    paying::GIVE_UP,
    paying::DOUBTED,
    paying::CLAIMED,
    returning::ASK,
    returning::CARRY_OUT,
    returning::CLAIMED,
    returning::BY_HAND,
    returning::RETRIED,
    deadline::EXPIRE,
    deadline::TOO_LATE,
    toss::DOUBTED,
    toss::CARRY_OUT,
    toss::REFUSED,
    toss::GIVEN_UP,
];

/// Every case sees its process die at its point, so a point in the matrix is one that is reached.
#[test]
fn every_fault_point_is_in_the_matrix() {
    let matrix: BTreeSet<String> = ALL
        .iter()
        .flat_map(|points| points.iter())
        .map(|(_, point)| point.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(points_of_the_sources(), matrix);
}

fn points_of_the_sources() -> BTreeSet<String> {
    let root = workspace_root().unwrap();
    let mut found = BTreeSet::new();
    for folder in ["services", "shared", "gateway"] {
        for file in sources(&root.join(folder)) {
            let is_theirs = file
                .components()
                .any(|part| part.as_os_str() == "fault-points");
            if is_theirs || file.components().any(|part| part.as_os_str() == "tests") {
                continue;
            }
            let text: String = std::fs::read_to_string(&file)
                .unwrap()
                .split_whitespace()
                .collect();
            for call in text.split("faults.reach(").skip(1) {
                let name = call
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next());
                let name =
                    name.unwrap_or_else(|| panic!("{}: a point without a name", file.display()));
                found.insert(name.to_owned());
            }
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}
