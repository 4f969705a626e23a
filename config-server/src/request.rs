//! Which path means what, and which names are refused.

/// A request that means something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    Environment(Wanted),
    Merged(Wanted, Format),
    Encrypt,
    Decrypt,
    EncryptStatus,
    /// `/key`: only key pairs have a public key.
    PublicKey,
}

/// Forms of one merged file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    Yaml,
    Properties,
    Json,
}

/// Whose settings are asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// As requested.
    pub name: String,
    /// As requested, with its commas.
    pub profiles: String,
    /// As requested, with `/` for `(_)`.
    pub label: Option<String>,
}

/// Why a request means nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    NotFound,
    BadRequest,
    /// The path exists for this method only.
    Method(&'static str),
}

/// Reads a path as it was sent, percent-encoded.
pub fn target(method: &str, path: &str) -> Result<Target, Refused> {
    let segments = path
        .strip_prefix('/')
        .ok_or(Refused::NotFound)?
        .split('/')
        .map(decoded)
        .collect::<Option<Vec<String>>>()
        .ok_or(Refused::BadRequest)?;
    if segments.iter().any(String::is_empty) {
        return Err(Refused::NotFound);
    }
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let get = |target: Target| match method {
        "GET" | "HEAD" => Ok(target),
        _ => Err(Refused::Method("GET")),
    };
    let post = |target: Target| match method {
        "POST" => Ok(target),
        _ => Err(Refused::Method("POST")),
    };
    match parts.as_slice() {
        ["encrypt", "status"] => get(Target::EncryptStatus),
        ["encrypt"] | ["encrypt", _, _] => post(Target::Encrypt),
        ["decrypt"] | ["decrypt", _, _] => post(Target::Decrypt),
        ["key"] | ["key", _, _] => get(Target::PublicKey),
        [file] => {
            let (name, profiles, format) = merged_file(file).ok_or(Refused::NotFound)?;
            get(Target::Merged(wanted(name, profiles, None)?, format))
        }
        [first, second] => match merged_file(second) {
            Some((name, profiles, format)) => {
                get(Target::Merged(wanted(name, profiles, Some(first))?, format))
            }
            None if has_extension(second) => Err(Refused::NotFound),
            None => get(Target::Environment(wanted(first, second, None)?)),
        },
        [name, profiles, label] if !has_extension(profiles) => {
            get(Target::Environment(wanted(name, profiles, Some(label))?))
        }
        _ => Err(Refused::NotFound),
    }
}

/// `name-profiles.ext`, split at the last dash.
fn merged_file(file: &str) -> Option<(&str, &str, Format)> {
    let (stem, extension) = file.rsplit_once('.')?;
    let format = match extension {
        "yml" | "yaml" => Format::Yaml,
        "properties" => Format::Properties,
        "json" => Format::Json,
        _ => return None,
    };
    let (name, profiles) = stem.rsplit_once('-')?;
    (!name.is_empty() && !profiles.is_empty()).then_some((name, profiles, format))
}

/// A profile that ends like a file is not one.
fn has_extension(segment: &str) -> bool {
    segment.split('.').skip(1).any(|part| {
        let word = part
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next();
        matches!(word, Some("yml" | "yaml" | "properties" | "json"))
    })
}

fn wanted(name: &str, profiles: &str, label: Option<&str>) -> Result<Wanted, Refused> {
    // (_) stands for a slash, which a path segment can't hold.
    let path = name.replace("(_)", "/");
    let label = label.map(|label| label.replace("(_)", "/"));
    let safe = is_safe_path(&path)
        && label.as_deref().is_none_or(is_safe_path)
        && path.split(',').all(|name| !name.is_empty())
        && profiles.split(',').all(is_safe_profile);
    if !safe {
        return Err(Refused::BadRequest);
    }
    Ok(Wanted {
        name: path,
        profiles: profiles.to_owned(),
        label,
    })
}

/// No way out of the folder and nothing hidden in it.
fn is_safe_path(path: &str) -> bool {
    !path.contains("..")
        && !path.contains(['#', '\\'])
        && !path.chars().any(char::is_control)
        && path
            .split([',', '/'])
            .all(|part| !part.is_empty() && !part.starts_with('.'))
}

fn is_safe_profile(profile: &str) -> bool {
    !profile.is_empty()
        && profile != "*"
        && !profile.contains(['/', '\\'])
        && !profile.chars().any(char::is_control)
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok())?;
            if !digits.bytes().all(|d| d.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str, profiles: &str, label: Option<&str>) -> Result<Target, Refused> {
        Ok(Target::Environment(Wanted {
            name: name.into(),
            profiles: profiles.into(),
            label: label.map(str::to_owned),
        }))
    }

    #[test]
    fn paths_are_told_apart() {
        assert_eq!(target("GET", "/a/dev%2Cx"), environment("a", "dev,x", None));
        assert_eq!(
            target("HEAD", "/a/dev/feature(_)x"),
            environment("a", "dev", Some("feature/x"))
        );
        assert_eq!(
            target("GET", "/a/dev/feature%2Fx"),
            environment("a", "dev", Some("feature/x"))
        );
        assert_eq!(target("GET", "/a/v1.0"), environment("a", "v1.0", None));
        let Ok(Target::Merged(wanted, Format::Yaml)) = target("GET", "/main/a-b-dev,x.yaml") else {
            panic!("not merged");
        };
        assert_eq!(
            (wanted.name.as_str(), wanted.profiles.as_str()),
            ("a-b", "dev,x")
        );
        assert_eq!(wanted.label.as_deref(), Some("main"));
        assert_eq!(target("POST", "/encrypt/a/b"), Ok(Target::Encrypt));
        assert_eq!(target("GET", "/encrypt/status"), Ok(Target::EncryptStatus));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for path in [
            "/",
            "/a",
            "/a/b/",
            "//b",
            "/a/b.yml",
            "/a.yml",
            "/a-b.xml",
            "/a/b/c/d",
            "/a/b.json/c",
        ] {
            assert_eq!(target("GET", path), Err(Refused::NotFound), "{path}");
        }
        for path in [
            "/a..b/x",
            "/a/x/..%2F..",
            "/(_)etc/x",
            "/.git/config",
            "/a/x/.git",
            "/sub(_).git/x",
            "/a%23/x",
            "/a/x%2Fy",
            "/a/x,,y",
            "/a/*",
            "/a/x%00",
            "/a%5Cb/x",
            "/a/%zz",
            "/a/%ff",
            "/a/%+1",
        ] {
            assert_eq!(target("GET", path), Err(Refused::BadRequest), "{path}");
        }
        assert_eq!(target("POST", "/a/b"), Err(Refused::Method("GET")));
        assert_eq!(target("GET", "/decrypt"), Err(Refused::Method("POST")));
    }
}
