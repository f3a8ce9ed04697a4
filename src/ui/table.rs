//! Tables in plain text.

use super::text::printable_line;

/// The space between two columns.
const GAP: &str = "  ";

/// Lays out a table: columns aligned to the left, no trailing spaces, a line break after each row.
pub(super) fn layout(headers: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
    let body = rows.iter().map(|row| {
        row.iter()
            .map(|cell| printable_line(cell).into_owned())
            .collect()
    });
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    lines.iter().map(|line| row(line, &widths) + "\n").collect()
}

fn row(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    padded.join(GAP).trim_end().to_owned()
}
