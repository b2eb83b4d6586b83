//! Colours, and columns that stand under one another.

/// A column is at most so wide; what is longer pushes its own line only.
const WIDEST: usize = 44;

/// Colours where they are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
}

impl Paint {
    pub(crate) fn new(colour: bool) -> Self {
        Paint { colour }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// A verdict, a result or an answer in the colour of what it means.
    pub(crate) fn verdict(self, word: &str, text: &str) -> String {
        match word {
            "allowed" | "allow" | "approved" | "dispatched" => self.good(text),
            "denied" | "deny" | "rate_limited" | "error" => self.bad(text),
            "passes over" | "log" => self.dim(text),
            "modified" | "modify" | "redacted" | "would_deny" | "unknown" | "escalated" | "dropped" => {
                self.warn(text)
            }
            _ => text.to_owned(),
        }
    }
}

/// Rows of cells that stand under one another; the last cell of a row is not padded.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// The column whose cells are painted as verdicts.
    painted: usize,
}

impl Table {
    pub(crate) fn new(painted: usize) -> Self {
        Table { rows: Vec::new(), painted }
    }

    pub(crate) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows, each behind a margin.
    pub(crate) fn draw(&self, paint: Paint, margin: &str) -> String {
        let width_of = |cell: &String| cell.chars().count();
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                self.rows.iter().filter_map(|row| row.get(at)).map(width_of).max().unwrap_or(0).min(WIDEST)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let used = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            out.push_str(margin);
            for (at, (cell, width)) in row.iter().zip(&widths).take(used).enumerate() {
                if at > 0 {
                    out.push_str("  ");
                }
                out.push_str(&if at == self.painted { paint.verdict(cell, cell) } else { cell.clone() });
                if at + 1 < used {
                    out.push_str(&" ".repeat(width.saturating_sub(width_of(cell))));
                }
            }
            out.push('\n');
        }
        out
    }
}
