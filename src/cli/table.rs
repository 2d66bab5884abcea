//! Tables of plain text, without borders, coloured only on a terminal.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// The colour of a cell, by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Faint,
}

/// A table that grows row by row.
pub(crate) struct Rows {
    table: Table,
    is_terminal: bool,
}

impl Rows {
    pub(crate) fn new(header: &[&str], is_terminal: bool) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        let mut rows = Rows { table, is_terminal };
        if !header.is_empty() {
            let header: Vec<_> = header.iter().map(|name| rows.cell(name, Tone::Faint)).collect();
            rows.table.set_header(header);
        }
        rows
    }

    pub(crate) fn row(&mut self, cells: &[(&str, Tone)]) {
        let cells: Vec<_> = cells.iter().map(|(text, tone)| self.cell(text, *tone)).collect();
        self.table.add_row(cells);
    }

    fn cell(&self, text: &str, tone: Tone) -> Cell {
        let cell = Cell::new(text);
        match tone {
            _ if !self.is_terminal => cell,
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Faint => cell.fg(Color::DarkGrey),
        }
    }

    /// The lines, without the blanks that would fill the last column.
    pub(crate) fn render(&mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
