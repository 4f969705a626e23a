//! The page.

use std::fmt::Write;

use crate::Mail;

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>Mails</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
article { border: 1px solid #ccc; border-radius: 6px; padding: .8rem 1rem; margin: 1rem 0; }
h2 { font-size: 1.1rem; margin: 0; }
p { margin: .2rem 0; color: #555; font-size: .9rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .8rem 0 0; }
</style>
<h1>Mails</h1>
"#;

/// All of them, as given.
pub fn of(mails: &[Mail]) -> String {
    let mut page = HEAD.to_owned();
    if mails.is_empty() {
        page.push_str("<p>None yet. The page looks again every five seconds.</p>\n");
    }
    for mail in mails {
        // Writing to a String does not fail.
        let _ = write!(
            page,
            "<article>\n<h2>{}</h2>\n<p>to {} · from {} · {} · <a href=\"/mails/{}/source\">source</a></p>\n<pre>{}</pre>\n</article>\n",
            escaped(&mail.subject),
            escaped(&mail.to),
            escaped(&mail.from),
            escaped(&mail.date),
            escaped(&mail.id),
            with_links(&mail.text),
        );
    }
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

/// The text, escaped, in which addresses of pages can be clicked.
fn with_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = ["http://", "https://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| c.is_whitespace() || "<>\"'".contains(c))
            .unwrap_or(from.len());
        let (link, after) = from.split_at(end);
        let link = escaped(link);
        out.push_str(&escaped(before));
        let _ = write!(out, "<a href=\"{link}\">{link}</a>");
        rest = after;
    }
    out + &escaped(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_can_be_clicked_and_nothing_else_is_markup() {
        assert_eq!(
            with_links("see http://a/b?c=1&d=2\nor <https://e> <script>x</script>"),
            "see <a href=\"http://a/b?c=1&amp;d=2\">http://a/b?c=1&amp;d=2</a>\nor &lt;<a href=\"https://e\">https://e</a>&gt; \
             &lt;script&gt;x&lt;/script&gt;"
        );
        assert_eq!(
            with_links("http://a\"onclick=x"),
            "<a href=\"http://a\">http://a</a>&quot;onclick=x"
        );
    }
}
