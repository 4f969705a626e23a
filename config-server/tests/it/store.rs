//! Folders: what is read, what is never read, and what a broken file does.

use std::path::Path;

use mall_config_server::environment_repository::Location;

use crate::support::{get, serve, settings};

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_changed_file_is_served_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(settings(&[folder.path()]));
    assert!(
        get(&server, "/a/default")
            .await
            .body
            .contains("\"propertySources\":[]")
    );
    write(folder.path(), "a.yml", "k: 1\n");
    assert!(get(&server, "/a/default").await.body.contains("\"k\":1"));
    write(folder.path(), "a.yml", "k: 2\n");
    assert!(get(&server, "/a/default").await.body.contains("\"k\":2"));
}

#[tokio::test]
async fn the_later_location_wins() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path(), "a.yml", "k: one\nonly: 1\n");
    write(two.path(), "application.yml", "k: two\n");
    let server = serve(settings(&[one.path(), two.path()]));
    assert_eq!(
        get(&server, "/a-x.properties").await.body,
        "k: two\nonly: 1"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_outside_the_folder_is_read() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.yml", "k: outside\n");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), ".git/config.yml", "k: hidden\n");
    write(folder.path(), "sub/in.yml", "k: inside\n");
    std::os::unix::fs::symlink(
        outside.path().join("secret.yml"),
        folder.path().join("link.yml"),
    )
    .unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("linked")).unwrap();
    let server = serve(settings(&[folder.path()]));
    assert!(get(&server, "/sub(_)in/x").await.body.contains("inside"));
    let name = outside.path().file_name().unwrap().display().to_string();
    let up = format!("/..(_){name}(_)secret/x");
    for path in [
        "/link/x",
        "/secret/x/linked",
        "/linked(_)secret/x",
        &up,
        "/.git(_)config/x",
        "/config/x/.git",
        "/..%2Fsecret/x",
        "/a/..%2F..%2Fsecret",
        "/a/x/..",
        "/%2Fetc%2Fpasswd/x",
    ] {
        let answer = get(&server, path).await;
        assert!(
            !answer.body.contains("outside") && !answer.body.contains("hidden"),
            "{path}: {}",
            answer.body
        );
        assert!(
            answer.status == 200 || answer.status == 400,
            "{path}: {}",
            answer.status
        );
    }
    let long = format!("/{}/x", "a".repeat(5000));
    assert_eq!(get(&server, &long).await.status, 200);
}

#[tokio::test]
async fn groups_and_includes_in_circles_end() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yml",
        "spring.profiles.include: p\nspring.profiles.group:\n  p: [q]\n  q: ['p', '../x']\n",
    );
    write(folder.path(), "a-q.yml", "k: q\n");
    let server = serve(settings(&[folder.path()]));
    let answer = get(&server, "/a/default").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"k\":\"q\""));
}

#[test]
fn search_locations_that_are_none_are_refused() {
    let here = tempfile::tempdir().unwrap();
    let at = here.path().display();
    assert!(Location::parse(&format!("file:{at}/"), Path::new("/")).is_ok());
    assert!(Location::parse(&format!("file://{at}"), Path::new("/")).is_ok());
    assert!(Location::parse(".", here.path()).is_ok());
    assert!(Location::parse("optional:file:./nowhere", here.path()).is_ok());
    for bad in [
        "file:./nowhere",
        "",
        "classpath:/config",
        "./{application}",
        "file:./conf/*",
    ] {
        assert!(Location::parse(bad, here.path()).is_err(), "{bad}");
    }
}
