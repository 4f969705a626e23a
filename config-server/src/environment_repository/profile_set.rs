//! Which profiles a request means once `spring.profiles.include` and `.group` of the files are followed, and which documents
//! count for them.

use std::collections::BTreeMap;

use mall_spring_config::{Document, names, profiles};

use super::StoreError;
use super::native::Found;

const INCLUDE: &str = "spring.profiles.include";
const GROUP: &str = "spring.profiles.group.";

/// The requested profiles, each followed by its group's members, then those that files include. The last is the strongest.
pub(super) fn effective(requested: &[String], plain: &[Found]) -> Result<Vec<String>, StoreError> {
    let mut included = Vec::new();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in plain {
        // Documents with a condition have no say here.
        if has_condition(&found.document) || !counts(found, &[])? {
            continue;
        }
        let mut of_this: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for property in &found.document.properties {
            let stem = property.key.split('[').next().unwrap_or_default();
            let words = || {
                let text = property.value.to_text();
                let words: Vec<String> = text
                    .split(',')
                    .map(str::trim)
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned)
                    .collect();
                words
            };
            if names::uniform(stem) == INCLUDE {
                included.extend(words());
            } else if let Some(profile) = stem.strip_prefix(GROUP) {
                of_this
                    .entry(profile.to_owned())
                    .or_default()
                    .extend(words());
            }
        }
        for (profile, members) in of_this {
            // The strongest document that defines a group has it whole.
            groups.entry(profile).or_insert(members);
        }
    }
    let mut all = Vec::new();
    for profile in requested.iter().chain(&included) {
        expand(profile, &groups, &mut all);
    }
    Ok(all)
}

fn expand(profile: &str, groups: &BTreeMap<String, Vec<String>>, all: &mut Vec<String>) {
    // A group that contains itself ends here; so does a name that could leave the folder.
    if all.iter().any(|known| known == profile) || profile.contains(['/', '\\']) {
        return;
    }
    all.push(profile.to_owned());
    for member in groups.get(profile).into_iter().flatten() {
        expand(member, groups, all);
    }
}

/// Whether a document counts; an error where Spring Boot refuses the file.
pub(super) fn counts(found: &Found, effective: &[String]) -> Result<bool, StoreError> {
    let invalid = |reason: String| StoreError::Invalid {
        path: found.path.clone(),
        reason,
    };
    let active =
        profiles::is_active(&found.document, effective).map_err(|e| invalid(e.to_string()))?;
    if !active {
        return Ok(false);
    }
    for property in &found.document.properties {
        let stem = property.key.split('[').next().unwrap_or_default();
        match names::uniform(stem).as_str() {
            "spring.profiles" => {
                return Err(invalid(
                    "spring.profiles: use spring.config.activate.on-profile".to_owned(),
                ));
            }
            name @ (INCLUDE | "spring.profiles.active" | "spring.profiles.default")
                if found.of_profile || has_condition(&found.document) =>
            {
                return Err(invalid(format!(
                    "{name}: not allowed in what holds for some profiles only"
                )));
            }
            _ => {}
        }
    }
    Ok(true)
}

fn has_condition(document: &Document) -> bool {
    document.properties.iter().any(|property| {
        let stem = property.key.split('[').next().unwrap_or_default();
        names::uniform(stem) == "spring.config.activate.onprofile"
    })
}
