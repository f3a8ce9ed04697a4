//! What is printed: values on standard output, words for people on standard error.

use std::io::{self, Write as _};

/// Prints a line on standard output; nothing for an empty text, as Apple's `emit` (§3.0).
pub(crate) fn emit(text: &str) {
    if !text.is_empty() {
        raw(format!("{text}\n").as_bytes());
    }
}

/// Prints bytes on standard output.
pub(crate) fn raw(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    // A reader that went away is no reason to fail: the work is done.
    drop(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Prints a line on standard error, as Apple's logger does: no level, no time.
pub(crate) fn log(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints a table: columns padded, two spaces between (§3.6).
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(String::len)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}
