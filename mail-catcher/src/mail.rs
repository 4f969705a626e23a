//! One mail, as far as a person wants to see it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// What a mail says, without its technical parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// Its name in the folder; begins with the moment of its arrival.
    pub id: String,
    /// The sender's header.
    pub from: String,
    /// To whom it was delivered: the envelope, not the header.
    pub to: String,
    /// Its subject, decoded.
    pub subject: String,
    /// The sender's date, as it stands there.
    pub date: String,
    /// Its readable text.
    pub text: String,
}

impl Mail {
    /// Reads a mail as it came.
    #[must_use]
    pub fn read(id: &str, source: &str) -> Mail {
        Mail {
            id: id.to_owned(),
            from: header(source, "From"),
            to: header(source, "Delivered-To"),
            subject: header(source, "Subject"),
            date: header(source, "Date"),
            text: mall_testkit::mail::text(source),
        }
    }
}

/// The first header of that name, unfolded and decoded; empty when there is none.
fn header(source: &str, name: &str) -> String {
    let mut found: Option<String> = None;
    for line in source.lines().take_while(|line| !line.is_empty()) {
        if let Some(value) = &mut found {
            // RFC 5322: a line that begins with a space goes on with the one before.
            if line.starts_with([' ', '\t']) {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            break;
        }
        if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().to_owned());
        }
    }
    decoded(&found.unwrap_or_default())
}

/// RFC 2047: `=?utf-8?b?...?=` and `=?utf-8?q?...?=`. Between two such words a space means nothing. Bytes are joined before they
/// are read as UTF-8: senders may cut within a letter.
fn decoded(value: &str) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    let mut after_word = false;
    for part in value.split(' ') {
        let word = encoded_word(part);
        if !bytes.is_empty() && (!after_word || word.is_none()) {
            bytes.push(b' ');
        }
        after_word = word.is_some();
        match word {
            Some(word) => bytes.extend(word),
            None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded_word(part: &str) -> Option<Vec<u8>> {
    let inner = part.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, rest) = inner.split_once('?')?;
    let (how, text) = rest.split_once('?')?;
    if !["utf-8", "us-ascii"].contains(&charset.to_ascii_lowercase().as_str()) {
        return None;
    }
    match how {
        "b" | "B" => STANDARD.decode(text).ok(),
        "q" | "Q" => Some(quoted(text)),
        _ => None,
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| *first == b'=')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match hex {
            Some(byte) => {
                out.push(byte);
                after.get(2..).unwrap_or_default()
            }
            None => {
                out.push(if *first == b'_' { b' ' } else { *first });
                after
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unfolded_and_decoded() {
        let source = "Delivered-To: kim@mall.example\r\nfrom: Mall <a@b>\r\nSubject: =?utf-8?b?7J2866mU7J28?=\r\n =?utf-8?b?IO2ZleyduA==?= now\r\n\
                      X: =?utf-8?q?a_b=3Dc?=\r\n\r\nSubject: not this\r\n";
        let mail = Mail::read("1", source);
        assert_eq!(mail.subject, "일메일 확인 now");
        assert_eq!(
            (mail.from.as_str(), mail.to.as_str()),
            ("Mall <a@b>", "kim@mall.example")
        );
        assert_eq!(header(source, "x"), "a b=c");
        assert_eq!(header(source, "Date"), "");
    }

    #[test]
    fn what_can_not_be_decoded_stays_as_it_is() {
        for text in [
            "=?koi8-r?b?AAAA?=",
            "=?utf-8?b?!?=",
            "=?",
            "a = b",
            "=?utf-8?z?x?=",
        ] {
            assert_eq!(decoded(text), text);
        }
        assert_eq!(decoded("=?utf-8?q?=zz=?="), "=zz=");
    }

    #[test]
    fn a_letter_that_was_cut_in_two_words_is_one_letter() {
        let bytes = "김".as_bytes();
        let (head, tail) = (STANDARD.encode(&bytes[..1]), STANDARD.encode(&bytes[1..]));
        assert_eq!(
            decoded(&format!("=?utf-8?b?{head}?= =?utf-8?b?{tail}?=")),
            "김"
        );
    }
}
