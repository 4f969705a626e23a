//! As much of an HTTP/1.1 client as a bench needs: ready-made bytes out, status and body in, over a connection that is kept. It
//! shares the processors with what it measures, so it does next to nothing.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes longer, or it is none.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const LARGEST: usize = 1 << 20;

/// The bytes of a request.
pub fn request(
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<u8> {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let content = if body.is_empty() {
        String::new()
    } else {
        format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        )
    };
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}{content}\r\n{body}").into_bytes()
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    closing: bool,
}

impl Connection {
    pub async fn open(host: &str) -> io::Result<Connection> {
        let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(host)).await??;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            read: Vec::with_capacity(4096),
            closing: false,
        })
    }

    /// Whether the other side closes after the last answer.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Sends a request and reads its answer. After an error the connection is of no use.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        tokio::time::timeout(ANSWER_WITHIN, self.exchange_unbounded(request)).await?
    }

    async fn exchange_unbounded(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = parse(&self.read)? {
                self.read.drain(..answer.length);
                self.closing = answer.closing;
                return Ok((answer.status, answer.body));
            }
            if self.read.len() > LARGEST {
                return Err(bad("an answer beyond all measure"));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    status: u16,
    body: Vec<u8>,
    length: usize,
    closing: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// An answer that is there whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Parsed>> {
    let Some(head) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head]).map_err(|_| bad("headers that are no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| bad("no status line"))?;
    let (mut length, mut chunked, mut closing) = (0, false, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value
                .parse()
                .map_err(|_| bad("a length that is no number"))?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            closing = value.eq_ignore_ascii_case("close");
        }
    }
    let start = head + 4;
    let found = if chunked {
        unchunk(bytes, start)?
    } else {
        bytes
            .get(start..start + length)
            .map(|body| (body.to_vec(), start + length))
    };
    Ok(found.map(|(body, length)| Parsed {
        status,
        body,
        length,
        closing,
    }))
}

fn unchunk(bytes: &[u8], mut at: usize) -> io::Result<Option<(Vec<u8>, usize)>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = bytes.get(at..).and_then(|rest| find(rest, b"\r\n")) else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + end])
            .ok()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .filter(|size| *size <= LARGEST)
            .ok_or_else(|| bad("a chunk without a size"))?;
        at += end + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_framings_are_read_and_halves_are_waited_for() {
        for whole in [
            &b"HTTP/1.1 409 Conflict\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"[..],
            b"HTTP/1.1 409 Conflict\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            for cut in 0..whole.len() {
                assert_eq!(parse(&whole[..cut]).unwrap(), None, "{cut}");
            }
            let more = [whole, b"HTTP"].concat();
            let answer = parse(&more).unwrap().unwrap();
            assert_eq!((answer.status, &answer.body[..]), (409, &b"hello"[..]));
            assert_eq!((answer.length, answer.closing), (whole.len(), true));
        }
        assert!(parse(b"nonsense\r\n\r\n").is_err());
    }
}
