//! Tables without borders, as command-line programs print them.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with these headings.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
    table
}

/// The table's text, without the spaces that comfy-table leaves at either end of a line.
pub fn text(table: &Table) -> String {
    let trimmed: Vec<String> =
        table.to_string().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()).collect();
    trimmed.join("\n")
}
