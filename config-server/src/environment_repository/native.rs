//! A folder of files, read anew for every request: which files count, and which wins.
//!
//! The strongest first: the last profile's files before the first's, those before files without profile; among them the later
//! location, in a location the label's folder; then `<name>` before `application`; then `.properties` before `.yml` before
//! `.yaml`; then the later document of a file.

use std::path::{Path, PathBuf};

use mall_spring_config::{Document, properties, yaml};

use super::StoreError;
use super::profile_set;
use crate::environment::{Place, Source, Value};
use crate::request::Wanted;

const EXTENSIONS: [&str; 3] = ["properties", "yml", "yaml"];

/// A search location.
#[derive(Clone, Debug)]
pub struct Location {
    folder: PathBuf,
    optional: bool,
}

impl Location {
    /// Reads `file:/path/`, `/path` or `optional:file:./path`; relative ones are taken from `base`. The error is for people.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let (optional, rest) = match text.trim().strip_prefix("optional:") {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let path = rest.strip_prefix("file:").unwrap_or(rest);
        let path = match path.strip_prefix("//") {
            Some(path) => path,
            None => path,
        };
        if path.is_empty() {
            return Err("an empty search location".to_owned());
        }
        if path.contains(['{', '*']) || path.starts_with("classpath:") {
            return Err(format!("{text:?}: only plain folders are supported"));
        }
        let folder = base.join(path);
        let folder = match folder.canonicalize() {
            Ok(found) => found,
            Err(_) if optional => folder,
            Err(error) => return Err(format!("{}: {error}", folder.display())),
        };
        if !optional && !folder.is_dir() {
            return Err(format!("{}: not a folder", folder.display()));
        }
        Ok(Self { folder, optional })
    }

    /// The folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it may be missing.
    pub fn is_optional(&self) -> bool {
        self.optional
    }
}

/// The files below some folders.
#[derive(Clone, Debug)]
pub struct NativeRepository {
    /// The later wins.
    pub locations: Vec<Location>,
    pub default_label: String,
    pub add_label_locations: bool,
}

/// A document of a file that was asked for.
pub(super) struct Found {
    pub document: Document,
    pub source: String,
    pub path: PathBuf,
    /// From a file `<name>-<profile>`.
    pub of_profile: bool,
}

impl NativeRepository {
    /// The sources for a request, the strongest first. Blocks: reads files.
    pub fn find(&self, wanted: &Wanted) -> Result<Vec<Source>, StoreError> {
        let label = wanted.label.as_deref().unwrap_or(&self.default_label);
        let folders = self.folders(label);
        let mut names: Vec<&str> = wanted.name.split(',').collect();
        if !names.contains(&"application") {
            names.insert(0, "application");
        }
        let requested: Vec<String> = wanted.profiles.split(',').map(str::to_owned).collect();

        let mut plain = Vec::new();
        for folder in folders.iter().rev() {
            for name in names.iter().rev() {
                read_stem(folder, name, false, &mut plain)?;
            }
        }
        let profiles = profile_set::effective(&requested, &plain)?;
        let mut found = Vec::new();
        for profile in profiles.iter().rev() {
            for folder in folders.iter().rev() {
                for name in names.iter().rev() {
                    read_stem(folder, &format!("{name}-{profile}"), true, &mut found)?;
                }
            }
        }
        found.extend(plain);

        let mut sources = Vec::new();
        for found in found {
            if profile_set::counts(&found, &profiles)? {
                sources.push(source(found));
            }
        }
        Ok(sources)
    }

    /// Every folder that is read, the weakest first.
    fn folders(&self, label: &str) -> Vec<Folder> {
        let mut folders = Vec::new();
        for location in &self.locations {
            folders.push(Folder {
                root: location.folder.clone(),
                path: location.folder.clone(),
            });
            let labelled = location.folder.join(label);
            if self.add_label_locations && labelled.is_dir() {
                folders.push(Folder {
                    root: location.folder.clone(),
                    path: labelled,
                });
            }
        }
        folders
    }
}

struct Folder {
    /// The search location: no file outside it is read, whatever links say.
    root: PathBuf,
    path: PathBuf,
}

/// Adds the documents of `<stem>.*`, the strongest first.
fn read_stem(
    folder: &Folder,
    stem: &str,
    of_profile: bool,
    into: &mut Vec<Found>,
) -> Result<(), StoreError> {
    for extension in EXTENSIONS {
        let path = folder.path.join(format!("{stem}.{extension}"));
        let Some(bytes) = read_inside(&path, &folder.root)? else {
            continue;
        };
        let documents = if extension == "properties" {
            properties::documents(&bytes)
        } else {
            let text = String::from_utf8_lossy(&bytes);
            yaml::documents(&text).map_err(|source| StoreError::Yaml {
                path: path.clone(),
                source,
            })?
        };
        let several = documents.len() > 1;
        let numbered = documents.into_iter().enumerate().rev();
        into.extend(numbered.map(|(n, document)| Found {
            document,
            source: if several {
                format!(
                    "Config resource 'file [{}]' via location 'file:{}/' (document #{n})",
                    path.display(),
                    folder.path.display()
                )
            } else {
                format!("file:{}", path.display())
            },
            path: path.clone(),
            of_profile,
        }));
    }
    Ok(())
}

/// The file's bytes; nothing when there is no such file, or a link leads out of `root`.
fn read_inside(path: &Path, root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |source: std::io::Error| StoreError::Read {
        path: path.to_owned(),
        source,
    };
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !real.starts_with(root) || !real.is_file() {
        return Ok(None);
    }
    let size = std::fs::metadata(&real).map_err(failed)?.len();
    if size > yaml::MAX_BYTES as u64 {
        return Err(StoreError::TooLarge {
            path: path.to_owned(),
            limit: yaml::MAX_BYTES,
        });
    }
    std::fs::read(&real).map(Some).map_err(failed)
}

fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    // A name that is too long is no file's.
    matches!(
        error.kind(),
        NotFound | NotADirectory | InvalidInput | InvalidFilename
    )
}

fn source(found: Found) -> Source {
    let values = found
        .document
        .properties
        .into_iter()
        .map(|property| Value {
            key: property.key,
            value: property.value,
            place: property.origin.map_or(Place::Nowhere, Place::File),
        })
        .collect();
    Source {
        name: found.source,
        values,
    }
}
