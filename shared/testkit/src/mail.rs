//! A mail server that keeps what it is given: each mail becomes a file. It delivers nothing, so demo mails reach nobody.
//!
//! It speaks the part of RFC 5321 that senders use: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT, and SIZE.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::timestamp;

/// The longest mail taken, in bytes.
pub const MAX_MAIL: usize = 1024 * 1024;
const MAX_LINE: u64 = 4_096;
const MAX_RECIPIENTS: usize = 100;
const MAX_SESSIONS: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(60);

/// A running mail catcher. It stops when dropped.
#[derive(Debug)]
pub struct MailCatcher {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    away: Arc<AtomicBool>,
}

impl MailCatcher {
    /// Listens on `address` (port 0: a free one) and writes `<time>-<recipient>.eml` files to `folder`.
    pub fn start(address: SocketAddr, folder: &Path) -> io::Result<MailCatcher> {
        fs::create_dir_all(folder)?;
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopping);
        let away = Arc::new(AtomicBool::new(false));
        let is_away = Arc::clone(&away);
        let folder: Arc<Path> = folder.into();
        std::thread::Builder::new()
            .name("mail catcher".into())
            .spawn(move || accept(&listener, &folder, &seen, &is_away))?;
        Ok(MailCatcher {
            address,
            stopping,
            away,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// While away, it takes no mail: what is sent is told to come back later.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }
}

impl Drop for MailCatcher {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn accept(
    listener: &TcpListener,
    folder: &Arc<Path>,
    stopping: &AtomicBool,
    away: &Arc<AtomicBool>,
) {
    let sessions = Arc::new(AtomicU32::new(0));
    for stream in listener.incoming() {
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = stream else {
            // Out of file handles, most likely: don't spin.
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if sessions.fetch_add(1, Ordering::Relaxed) >= MAX_SESSIONS {
            sessions.fetch_sub(1, Ordering::Relaxed);
            let _ = stream.write_all(b"421 4.3.2 too many connections\r\n");
            continue;
        }
        let (folder, counter) = (Arc::clone(folder), Arc::clone(&sessions));
        let away = Arc::clone(away);
        let spawned = std::thread::Builder::new()
            .name("mail session".into())
            .spawn(move || {
                // A sender that goes away in the middle only loses its own mail.
                let _ = serve(stream, &folder, &away);
                counter.fetch_sub(1, Ordering::Relaxed);
            });
        if spawned.is_err() {
            sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

fn serve(stream: TcpStream, folder: &Path, away: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    out.write_all(b"220 mall mail catcher\r\n")?;
    let mut envelope = Envelope::default();
    loop {
        let Some(line) = read_line(&mut input)? else {
            return Ok(());
        };
        let Some(line) = line else {
            out.write_all(b"500 5.5.2 line too long\r\n")?;
            continue;
        };
        if away.load(Ordering::Relaxed) {
            return out.write_all(b"421 4.3.2 come back later\r\n");
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                envelope = Envelope::default();
                format!(
                    "250-mall\r\n250-SIZE {MAX_MAIL}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
                )
            }
            "HELO" => {
                envelope = Envelope::default();
                "250 mall\r\n".into()
            }
            "MAIL" => mail(rest, &mut envelope),
            "RCPT" => rcpt(rest, &mut envelope),
            "DATA" if envelope.from.is_none() || envelope.to.is_empty() => {
                "503 5.5.1 MAIL and RCPT first\r\n".into()
            }
            "DATA" => {
                out.write_all(b"354 end with a dot on its own line\r\n")?;
                let taken = read_data(&mut input)?;
                let envelope = std::mem::take(&mut envelope);
                match taken {
                    None => format!("552 5.3.4 more than {MAX_MAIL} bytes\r\n"),
                    Some(mail) => match keep(folder, &envelope, &mail) {
                        Ok(()) => "250 2.0.0 kept\r\n".into(),
                        Err(_) => "452 4.3.1 can't be written, try again later\r\n".into(),
                    },
                }
            }
            "RSET" => {
                envelope = Envelope::default();
                "250 2.0.0 forgotten\r\n".into()
            }
            "NOOP" => "250 2.0.0 ok\r\n".into(),
            "VRFY" => "252 2.5.0 every recipient is taken\r\n".into(),
            "QUIT" => {
                out.write_all(b"221 2.0.0 bye\r\n")?;
                return Ok(());
            }
            _ => "500 5.5.1 not known here\r\n".into(),
        };
        out.write_all(answer.as_bytes())?;
    }
}

fn mail(rest: &str, envelope: &mut Envelope) -> String {
    if envelope.from.is_some() {
        return "503 5.5.1 there is a sender already\r\n".into();
    }
    let Some((address, parameters)) = path(rest, "FROM:") else {
        return "501 5.5.4 MAIL FROM:<address>\r\n".into();
    };
    let size = parameters.split(' ').find_map(|p| {
        p.to_ascii_uppercase()
            .strip_prefix("SIZE=")?
            .parse::<usize>()
            .ok()
    });
    if size.is_some_and(|size| size > MAX_MAIL) {
        return format!("552 5.3.4 more than {MAX_MAIL} bytes\r\n");
    }
    envelope.from = Some(address);
    "250 2.1.0 ok\r\n".into()
}

fn rcpt(rest: &str, envelope: &mut Envelope) -> String {
    if envelope.from.is_none() {
        return "503 5.5.1 MAIL first\r\n".into();
    }
    match path(rest, "TO:") {
        Some((address, _)) if address.is_empty() => "501 5.1.3 no recipient\r\n".into(),
        Some(_) if envelope.to.len() >= MAX_RECIPIENTS => {
            "452 4.5.3 too many recipients\r\n".into()
        }
        Some((address, _)) => {
            envelope.to.push(address);
            "250 2.1.5 ok\r\n".into()
        }
        None => "501 5.5.4 RCPT TO:<address>\r\n".into(),
    }
}

/// `FROM:<a@b> SIZE=3` -> (`a@b`, `SIZE=3`).
fn path(rest: &str, word: &str) -> Option<(String, String)> {
    let rest = rest.trim_start();
    let after = rest.get(word.len()..).filter(|_| {
        rest.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let (address, parameters) = after.trim_start().strip_prefix('<')?.split_once('>')?;
    Some((address.to_owned(), parameters.trim().to_owned()))
}

/// Outer `None`: the sender has gone. Inner `None`: the line was too long, and is skipped.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Option<String>>> {
    let mut line = Vec::new();
    if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        while line.last() != Some(&b'\n') {
            line.clear();
            if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
        }
        return Ok(Some(None));
    }
    Ok(Some(Some(
        String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
    )))
}

/// The mail with doubled leading dots made single. `None` when it is too long; it is then read to its end all the same, so that
/// the answer reaches the sender.
fn read_data(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    let mut fits = true;
    // The rest of a line longer than one read is no new line: a dot there means nothing.
    let mut at_line_start = true;
    loop {
        let mut piece = Vec::new();
        if input
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut piece)?
            == 0
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at_line_start && (piece == b".\r\n" || piece == b".\n") {
            return Ok(fits.then_some(mail));
        }
        let text = if at_line_start && piece.first() == Some(&b'.') {
            piece.get(1..).unwrap_or_default()
        } else {
            &piece
        };
        if mail.len() + text.len() > MAX_MAIL {
            fits = false;
            mail.clear();
        } else if fits {
            mail.extend_from_slice(text);
        }
        at_line_start = piece.last() == Some(&b'\n');
    }
}

/// One file for each recipient, complete from the moment it can be seen under its name.
fn keep(folder: &Path, envelope: &Envelope, mail: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for recipient in &envelope.to {
        let safe: String = recipient
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "@._+-".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .take(100)
            .collect();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let half_done = folder.join(format!(".{}-{number}.tmp", std::process::id()));
        let head = format!(
            "Return-Path: <{}>\r\nDelivered-To: {recipient}\r\n",
            envelope.from.as_deref().unwrap_or_default()
        );
        fs::write(&half_done, [head.as_bytes(), mail].concat())?;
        let stem = format!("{}-{safe}", timestamp::compact(timestamp::since_epoch()));
        let mut file = folder.join(format!("{stem}.eml"));
        let mut copy = 2;
        while file.exists() {
            file = folder.join(format!("{stem}-{copy}.eml"));
            copy += 1;
        }
        fs::rename(&half_done, &file)?;
    }
    Ok(())
}

/// The mails to `recipient` in a catcher's folder, oldest first, as they came.
pub fn mails_to(folder: &Path, recipient: &str) -> io::Result<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let wanted = format!("Delivered-To: {recipient}\r\n");
    let mut mails = Vec::new();
    for file in files {
        let mail = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        if mail
            .to_ascii_lowercase()
            .contains(&wanted.to_ascii_lowercase())
        {
            mails.push(mail);
        }
    }
    Ok(mails)
}

/// The readable text of a mail: its body (of the first part, when it has parts), with its transfer encoding undone.
#[must_use]
pub fn text(mail: &str) -> String {
    let mail = mail.replace("\r\n", "\n");
    let (mut head, mut body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    let boundary = head
        .split_once("boundary=")
        .map(|(_, rest)| rest.trim_start_matches('"'));
    if let Some(boundary) = boundary.and_then(|rest| rest.split(['"', '\n', ';']).next()) {
        let (_, part) = body
            .split_once(&format!("--{boundary}\n"))
            .unwrap_or_default();
        let part = part
            .split(&format!("\n--{boundary}"))
            .next()
            .unwrap_or_default();
        (head, body) = part.split_once("\n\n").unwrap_or(("", part));
    }
    let head = head.to_ascii_lowercase();
    let bytes = if head.contains("content-transfer-encoding: base64") {
        base64(body)
    } else if head.contains("content-transfer-encoding: quoted-printable") {
        quoted_printable(body)
    } else {
        body.as_bytes().to_vec()
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let joined = body.replace("=\n", "");
    let mut bytes = joined.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        let code = if byte == b'=' {
            [bytes.next(), bytes.next()]
        } else {
            [None; 2]
        };
        match code {
            [Some(high), Some(low)] => {
                let digit = |byte: u8| {
                    char::from(byte)
                        .to_digit(16)
                        .and_then(|digit| u8::try_from(digit).ok())
                };
                out.push(digit(high).unwrap_or_default() * 16 + digit(low).unwrap_or_default());
            }
            _ => out.push(byte),
        }
    }
    out
}

fn base64(body: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for value in body
        .bytes()
        .filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte))
    {
        bits = (bits << 6) | u32::try_from(value).unwrap_or_default();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
        }
    }
    out
}

#[cfg(test)]
mod tests;
