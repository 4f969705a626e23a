//! As much of Markdown as the documents use.

/// A table: the words of its first line, and the lines below.
pub struct Table {
    pub heads: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// All tables of a document.
pub fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            inside = false;
            continue;
        }
        let cells = cells(line);
        match tables.last_mut().filter(|_| inside) {
            None => tables.push(Table {
                heads: cells,
                rows: Vec::new(),
            }),
            Some(_)
                if cells
                    .iter()
                    .all(|cell| cell.chars().all(|c| c == '-' || c == ':')) => {}
            Some(table) => {
                assert_eq!(cells.len(), table.heads.len(), "{line}");
                table.rows.push(cells);
            }
        }
        inside = true;
    }
    tables
}

/// The rows of every table whose first line begins with these words.
pub fn rows(text: &str, heads: &[&str]) -> Vec<Vec<String>> {
    let tables = tables(text)
        .into_iter()
        .filter(|table| table.heads == heads);
    let rows: Vec<Vec<String>> = tables.flat_map(|table| table.rows).collect();
    assert!(!rows.is_empty(), "no table with {heads:?}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    let line = line.replace("\\|", "\u{1}");
    line.split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}

/// What stands between backticks, block quotes of code left out.
pub fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            block = !block;
        } else if !block {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// What stands in blocks between lines of three backticks.
pub fn blocks(text: &str) -> Vec<&str> {
    text.split("```").skip(1).step_by(2).collect()
}

/// The targets of links.
pub fn links(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split(')').next()).collect()
}
