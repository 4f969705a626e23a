//! YAML as SnakeYAML writes it: block style, list dashes not indented, plain text where it is unambiguous, folded at 80 columns.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mall_spring_config::{Scalar, yaml};

use crate::merged::{Leaf, MergedTree as Tree};

const WIDTH: usize = 80;

/// A whole document, with a line break at the end.
pub(crate) fn document(tree: &Tree) -> String {
    let mut writer = Writer { out: String::new() };
    match tree {
        Tree::Map(entries) if !entries.is_empty() => writer.map(entries, 0, false),
        Tree::List(items) if !items.is_empty() => writer.list(items, 0, false),
        other => {
            writer.value_inline(other, 0);
            writer.out.push('\n');
        }
    }
    writer.out
}

struct Writer {
    out: String,
}

impl Writer {
    /// `started`: the first entry goes on on the line that is there.
    fn map(&mut self, entries: &[(String, Tree)], indent: usize, started: bool) {
        for (n, (key, value)) in entries.iter().enumerate() {
            if n > 0 || !started {
                self.spaces(indent);
            }
            self.text(key, indent, true, false);
            self.out.push(':');
            match value {
                Tree::Map(inner) if !inner.is_empty() => {
                    self.out.push('\n');
                    self.map(inner, indent + 2, false);
                }
                Tree::List(items) if !items.is_empty() => {
                    self.out.push('\n');
                    self.list(items, indent, false);
                }
                other => {
                    self.out.push(' ');
                    self.value_inline(other, indent + 2);
                    self.end_line();
                }
            }
        }
    }

    fn list(&mut self, items: &[Tree], indent: usize, started: bool) {
        for (n, item) in items.iter().enumerate() {
            if n > 0 || !started {
                self.spaces(indent);
            }
            self.out.push_str("- ");
            match item {
                Tree::Map(inner) if !inner.is_empty() => self.map(inner, indent + 2, true),
                Tree::List(inner) if !inner.is_empty() => self.list(inner, indent + 2, true),
                other => {
                    self.value_inline(other, indent + 2);
                    self.end_line();
                }
            }
        }
    }

    fn value_inline(&mut self, value: &Tree, indent: usize) {
        match value {
            Tree::Null => self.out.push_str("null"),
            Tree::Map(_) => self.out.push_str("{}"),
            Tree::List(_) => self.out.push_str("[]"),
            Tree::Leaf(Leaf { value, resolved }) => match value {
                Scalar::Text(text) => self.text(text, indent, false, *resolved),
                Scalar::EmptyList => self.out.push_str("[]"),
                Scalar::EmptyMap => self.out.push_str("{}"),
                Scalar::Float(f) if f.is_nan() => self.out.push_str(".NaN"),
                Scalar::Float(f) if f.is_infinite() => {
                    self.out.push_str(if *f > 0.0 { ".inf" } else { "-.inf" })
                }
                other => self.out.push_str(&other.to_text()),
            },
        }
    }

    fn text(&mut self, text: &str, indent: usize, key: bool, typed: bool) {
        if !text.chars().all(is_printable) {
            self.out.push_str("!!binary |-");
            self.block_line(&BASE64_STANDARD.encode(text), indent);
            return;
        }
        let form = Form::of(text);
        if form.plain && (typed || !yaml::is_ambiguous(text)) {
            self.folded(text, indent, key);
        } else if form.block && !key {
            self.literal(text, indent);
        } else if form.single {
            self.out.push('\'');
            self.folded(&text.replace('\'', "''"), indent, key);
            self.out.push('\'');
        } else {
            self.double(text);
        }
    }

    /// Breaks lines at single blanks beyond column 80.
    fn folded(&mut self, text: &str, indent: usize, key: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut column = self.column();
        for (at, c) in chars.iter().enumerate() {
            let single_blank = *c == ' '
                && at > 0
                && at + 1 < chars.len()
                && chars[at - 1] != ' '
                && chars[at + 1] != ' ';
            if single_blank && !key && column > WIDTH {
                self.out.push('\n');
                self.spaces(indent);
                column = indent;
            } else {
                self.out.push(*c);
                column += 1;
            }
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        let body = match text.strip_suffix('\n') {
            None => {
                self.out.push('-');
                text
            }
            Some(body) if body.is_empty() || body.ends_with('\n') => {
                self.out.push('+');
                body
            }
            Some(body) => body,
        };
        for line in body.split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.block_line(line, indent);
            }
        }
    }

    fn block_line(&mut self, line: &str, indent: usize) {
        self.out.push('\n');
        self.spaces(indent.max(2));
        self.out.push_str(line);
    }

    fn double(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                '\u{85}' => self.out.push_str("\\N"),
                '\u{2028}' => self.out.push_str("\\L"),
                '\u{2029}' => self.out.push_str("\\P"),
                '\u{feff}' => self.out.push_str("\\ufeff"),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    fn end_line(&mut self) {
        self.out.push('\n');
    }

    fn spaces(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }

    fn column(&self) -> usize {
        let line = self.out.rsplit('\n').next().unwrap_or_default();
        line.chars().count()
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// How a text may be written.
struct Form {
    plain: bool,
    single: bool,
    block: bool,
}

impl Form {
    fn of(text: &str) -> Form {
        let chars: Vec<char> = text.chars().collect();
        let (Some(&first), Some(&last)) = (chars.first(), chars.last()) else {
            return Form {
                plain: false,
                single: true,
                block: false,
            };
        };
        let blank_after = |at: usize| {
            chars
                .get(at + 1)
                .is_none_or(|c| matches!(c, ' ' | '\n' | '\t'))
        };
        let is_break = |c: char| matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let breaks = chars.iter().any(|c| is_break(*c));
        // A tab, a carriage return, other line breaks: only double quotes carry them safely.
        let special = chars.iter().any(|c| {
            matches!(
                c,
                '\t' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            )
        });
        let blank_before_break = text.contains(" \n");
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        indicators |= matches!(
            first,
            '#' | ','
                | '['
                | ']'
                | '{'
                | '}'
                | '&'
                | '*'
                | '!'
                | '|'
                | '>'
                | '\''
                | '"'
                | '%'
                | '@'
                | '`'
        );
        indicators |= matches!(first, '?' | ':' | '-') && blank_after(0);
        for (at, c) in chars.iter().enumerate().skip(1) {
            indicators |= *c == ':' && blank_after(at);
            indicators |= *c == '#' && matches!(chars[at - 1], ' ' | '\n' | '\t');
        }
        let blank_ends = first == ' ' || last == ' ';
        Form {
            plain: !indicators && !breaks && !special && !blank_ends,
            single: !breaks && !special,
            block: breaks && !special && !blank_before_break && last != ' ',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        document(&Tree::Leaf(Leaf {
            value: Scalar::Text(text.into()),
            resolved: false,
        }))
    }

    /// Whatever is written reads back as the same text.
    #[test]
    fn every_text_survives() {
        for text in [
            "",
            " ",
            "x",
            " x",
            "x ",
            "a: b",
            "a #b",
            "#",
            "- a",
            "-a",
            "?",
            ":",
            "'",
            "\"",
            "it's",
            "a\nb",
            "a\n",
            "a\n\n",
            "\n",
            "\na",
            " a\nb",
            "a \nb",
            "a\n b\n",
            "a\tb",
            "a\r\nb",
            "yes",
            "null",
            "~",
            "12",
            "089",
            "1.0",
            "1e3",
            "0x1",
            "12:30",
            "2024-05-20",
            "<<",
            "=",
            "[",
            "{}",
            "a, b",
            "---",
            "...",
            "%",
            "@",
            "`",
            "!x",
            "&x",
            "*x",
            "|",
            ">",
            "한글",
            "😀",
            "a\u{85}b",
            "\u{feff}",
            "a  b",
            "http://h:80/x?y=z#f",
            "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg hhhhhhhhhh iiiiiiiiii jjjjjjjjjj",
            "'aaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg hhhhhhhhhh iiiiiiiiii jjjjjjjjjj",
        ] {
            let tree = Tree::Map(vec![(
                "k".into(),
                Tree::List(vec![Tree::Map(vec![(
                    "x".into(),
                    Tree::Leaf(Leaf {
                        value: Scalar::Text(text.into()),
                        resolved: false,
                    }),
                )])]),
            )]);
            let yaml = document(&tree);
            let back =
                yaml::documents(&yaml).unwrap_or_else(|e| panic!("{text:?} as {yaml:?}: {e}"));
            assert_eq!(
                back[0].get("k[0].x"),
                Some(&Scalar::Text(text.into())),
                "{yaml:?}"
            );
        }
    }

    #[test]
    fn control_characters_become_binary() {
        assert_eq!(written("\u{1}"), "!!binary |-\n  AQ==\n");
    }
}
