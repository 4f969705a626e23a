//! `.properties` files as Spring Boot reads them: Java's escapes, ISO-8859-1, `#---` or `!---` between documents.

use crate::source::{Document, Origin, PropertySource, Scalar, sources_of};

/// Every document that holds something. Bytes are ISO-8859-1: Korean needs `\uXXXX`. Nothing is refused; a bad `\u` escape is kept.
pub fn documents(bytes: &[u8]) -> Vec<Document> {
    let mut reader = Reader::new(bytes);
    let mut documents = Vec::new();
    let mut document = Document::default();
    while reader.skip_blank() {
        if reader.is_plain(&['#', '!']) {
            if reader.is_separator() && !document.properties.is_empty() {
                documents.push(std::mem::take(&mut document));
            }
            reader.skip_line();
        } else {
            read_entry(&mut reader, &mut document);
        }
    }
    if !document.properties.is_empty() {
        documents.push(document);
    }
    documents
}

/// The same as plain sources called `name`, with ` (document #n)` after it when there are several.
pub fn load(name: &str, bytes: &[u8]) -> Vec<PropertySource> {
    sources_of(name, documents(bytes))
}

fn read_entry(reader: &mut Reader, document: &mut Document) {
    let mut key = String::new();
    while let Some(c) = reader.current() {
        if reader.is_plain(&['=', ':']) {
            reader.advance();
            break;
        }
        if reader.is_plain(WHITE) {
            while reader.is_plain(WHITE) {
                reader.advance();
            }
            if reader.is_plain(&['=', ':']) {
                reader.advance();
            }
            break;
        }
        key.push(c);
        reader.advance();
    }
    // `key[]=a,b` is Boot's short form of a list.
    let list = key.strip_suffix("[]").map(str::to_owned);
    for n in 0.. {
        while reader.is_plain(WHITE) {
            reader.advance();
        }
        let origin = reader.origin();
        let mut value = String::new();
        while let Some(c) = reader.current() {
            if list.is_some() && reader.is_plain(&[',']) {
                break;
            }
            value.push(c);
            reader.advance();
        }
        let name = match &list {
            Some(list) => format!("{list}[{n}]"),
            None => key.clone(),
        };
        document.put(name, Scalar::Text(value), Some(origin));
        if reader.current().is_none() {
            break;
        }
        reader.advance();
    }
    reader.skip_line();
}

const WHITE: &[char] = &[' ', '\t', '\u{c}'];

/// Walks logical characters: escapes decoded, continued lines joined.
struct Reader {
    text: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
    /// The logical character at `at`, whether it was escaped, and how many characters it takes; `None` at the end of a line.
    seen: Option<(char, bool, usize)>,
}

impl Reader {
    fn new(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut reader = Self {
            text: text.chars().collect(),
            at: 0,
            line: 1,
            column: 1,
            seen: None,
        };
        reader.look();
        reader
    }

    fn look(&mut self) {
        loop {
            match self.text.get(self.at) {
                None | Some('\n') => self.seen = None,
                Some('\\') => match self.text.get(self.at + 1) {
                    Some('\n') => {
                        self.at += 2;
                        self.line += 1;
                        self.column = 1;
                        while self.text.get(self.at).is_some_and(|c| WHITE.contains(c)) {
                            self.at += 1;
                            self.column += 1;
                        }
                        continue;
                    }
                    None => {
                        self.at += 1;
                        self.seen = None;
                    }
                    Some(&c) => self.seen = Some(self.escaped(c)),
                },
                Some(&c) => self.seen = Some((c, false, 1)),
            }
            return;
        }
    }

    fn escaped(&self, c: char) -> (char, bool, usize) {
        let plain = match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'u' => {
                let unit = |from: usize| -> Option<u32> {
                    let digits: String = self.text.get(from..from + 4)?.iter().collect();
                    u32::from_str_radix(&digits, 16).ok()
                };
                let Some(first) = unit(self.at + 2) else {
                    return ('u', true, 2);
                };
                if let Some(c) = char::from_u32(first) {
                    return (c, true, 6);
                }
                // A surrogate pair takes two escapes.
                let second = (self.text.get(self.at + 6..self.at + 8) == Some(&['\\', 'u']))
                    .then(|| unit(self.at + 8))
                    .flatten();
                let joined = second.and_then(|low| {
                    char::decode_utf16([first as u16, low as u16])
                        .next()
                        .and_then(Result::ok)
                });
                return match joined {
                    Some(c) => (c, true, 12),
                    None => (char::REPLACEMENT_CHARACTER, true, 6),
                };
            }
            other => other,
        };
        (plain, true, 2)
    }

    fn current(&self) -> Option<char> {
        self.seen.map(|(c, _, _)| c)
    }

    fn is_plain(&self, of: &[char]) -> bool {
        matches!(self.seen, Some((c, false, _)) if of.contains(&c))
    }

    fn advance(&mut self) {
        if let Some((_, _, width)) = self.seen {
            self.at += width;
            // An escape counts as one column: Spring's reader does not count what it decodes.
            self.column += 1;
            self.look();
        }
    }

    /// To the first character that is neither blank nor a line break; false at the end of the text.
    fn skip_blank(&mut self) -> bool {
        while let Some(c) = self.text.get(self.at) {
            if *c == '\n' {
                self.at += 1;
                self.line += 1;
                self.column = 1;
            } else if WHITE.contains(c) {
                self.at += 1;
                self.column += 1;
            } else {
                break;
            }
        }
        self.look();
        self.seen.is_some()
    }

    fn skip_line(&mut self) {
        while self.text.get(self.at).is_some_and(|c| *c != '\n') {
            self.at += 1;
        }
        self.look();
    }

    /// `#---` or `!---` at the very start of a line, and nothing after it but blanks.
    fn is_separator(&self) -> bool {
        let rest: String = self.text[self.at..]
            .iter()
            .skip(1)
            .take_while(|c| **c != '\n')
            .collect();
        self.column == 1 && rest.trim_end() == "---"
    }

    fn origin(&self) -> Origin {
        match self.seen {
            Some(_) => Origin {
                line: self.line,
                column: self.column,
            },
            // What Spring reports for an empty value: its reader already stands on the next line.
            None => Origin {
                line: self.line + 1,
                column: 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        documents(text.as_bytes())
            .into_iter()
            .flat_map(|d| d.properties)
            .map(|p| (p.key, p.value.to_text()))
            .collect()
    }

    #[test]
    fn separators_escapes_and_continuations() {
        let found = pairs(
            "a.b : colon\nspace value here\nuni=\\uD55C\\uAE00\nsmile=\\uD83D\\uDE00\ncont=one,\\\n   two\nk\\:ey=v\nempty=\n! no\ntrail=x  ",
        );
        let expected = [
            ("a.b", "colon"),
            ("space", "value here"),
            ("uni", "한글"),
            ("smile", "😀"),
            ("cont", "one,two"),
            ("k:ey", "v"),
            ("empty", ""),
            ("trail", "x  "),
        ];
        let expected: Vec<(String, String)> = expected.map(|(k, v)| (k.into(), v.into())).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn bytes_are_latin_1() {
        assert_eq!(pairs("raw=é"), vec![("raw".to_owned(), "Ã©".to_owned())]);
    }

    #[test]
    fn documents_and_lists() {
        let found = documents(b"a=1\n#---\na=2\n!---\n# note\nl[]=x,y\n");
        assert_eq!(found.len(), 3);
        let keys: Vec<&str> = found[2].properties.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["l[0]", "l[1]"]);
    }

    #[test]
    fn origins_are_the_values_places() {
        let found = documents(b"a = b\nc=\nd=x");
        let origins: Vec<String> = found[0]
            .properties
            .iter()
            .filter_map(|p| p.origin.map(|o| o.to_string()))
            .collect();
        assert_eq!(origins, ["1:5", "3:0", "3:3"]);
    }
}
