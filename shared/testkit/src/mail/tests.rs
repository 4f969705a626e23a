use super::*;
use crate::Scratch;

/// Sends each line and gives back all that was answered.
fn talk(catcher: &MailCatcher, text: &str) -> String {
    let mut stream = TcpStream::connect(catcher.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
        .write_all(text.replace('\n', "\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn catcher() -> (Scratch, MailCatcher) {
    let scratch = Scratch::new("mail").unwrap();
    let catcher =
        MailCatcher::start("127.0.0.1:0".parse().unwrap(), &scratch.path().join("mail")).unwrap();
    (scratch, catcher)
}

fn codes(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .filter_map(|line| line.get(..3))
        .collect()
}

#[test]
fn a_mail_becomes_one_file_for_each_recipient_with_its_dots_restored() {
    let (scratch, catcher) = catcher();
    let answer = talk(
        &catcher,
        "EHLO me\nMAIL FROM:<mall@example.com> SIZE=30\nRCPT TO:<kim@example.com>\nRCPT TO:<../lee@example.com>\nDATA\nSubject: hi\n\n..dot\nend\n.\nQUIT\n",
    );
    assert_eq!(
        codes(&answer),
        ["220", "250", "250", "250", "250", "354", "250", "221"]
    );
    let mails = mails_to(&scratch.path().join("mail"), "kim@example.com").unwrap();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].ends_with("Subject: hi\r\n\r\n.dot\r\nend\r\n"),
        "{}",
        mails[0]
    );
    let names: Vec<String> = fs::read_dir(scratch.path().join("mail"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(
        names
            .iter()
            .any(|name| name.ends_with("Z-kim@example.com.eml")),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|name| name.ends_with("Z-.._lee@example.com.eml")),
        "{names:?}"
    );
}

#[test]
fn wrong_order_and_nonsense_are_refused_and_the_session_goes_on() {
    let (scratch, catcher) = catcher();
    let long = "X".repeat(10_000);
    let answer = talk(
        &catcher,
        &format!(
            "HELO me\nDATA\nRCPT TO:<a@b>\nMAIL FROM:a@b\nFOO\n{long}\nMAIL FROM:<a@b>\nRSET\nDATA\nNOOP\nVRFY x\nQUIT\n"
        ),
    );
    assert_eq!(
        codes(&answer),
        [
            "220", "250", "503", "503", "501", "500", "500", "250", "250", "503", "250", "252",
            "221"
        ]
    );
    assert_eq!(
        fs::read_dir(scratch.path().join("mail")).unwrap().count(),
        0
    );
}

#[test]
fn too_long_a_mail_is_refused_and_not_kept() {
    let (scratch, catcher) = catcher();
    let line = "y".repeat(990);
    let body = format!("{line}\n").repeat(MAX_MAIL / 990 + 10);
    let answer = talk(
        &catcher,
        &format!(
            "EHLO me\nMAIL FROM:<a@b> SIZE=2000000\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n{body}.\nNOOP\nQUIT\n"
        ),
    );
    assert_eq!(
        codes(&answer),
        [
            "220", "250", "552", "250", "250", "354", "552", "250", "221"
        ]
    );
    assert_eq!(
        fs::read_dir(scratch.path().join("mail")).unwrap().count(),
        0
    );
}

#[test]
fn a_dot_inside_a_very_long_line_is_no_end() {
    let mut input = io::Cursor::new(format!("{}.\r\nx\r\n.\r\n", "z".repeat(4_096)).into_bytes());
    let mail = read_data(&mut input).unwrap().unwrap();
    assert!(mail.ends_with(b"z.\r\nx\r\n"));
}

#[test]
fn bodies_are_decoded() {
    assert_eq!(
        text("Content-Transfer-Encoding: quoted-printable\r\n\r\nhttp://a/?key=3Db=\r\nc"),
        "http://a/?key=bc"
    );
    assert_eq!(
        text("Content-Transfer-Encoding: base64\r\n\r\n7JWI\r\n64WVIQ==\r\n"),
        "안녕!"
    );
    assert_eq!(
        text(
            "Content-Type: multipart/alternative; boundary=\"B\"\n\n--B\nContent-Type: text/plain\n\none\n--B\n\ntwo\n--B--\n"
        ),
        "one"
    );
    assert_eq!(text("Subject: x\n\nplain"), "plain");
}
