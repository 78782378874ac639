//! What the demo prints: acts, lines, tables. Plain text, so that it reads the same in a log.

use std::io::{Stdout, Write as _};
use std::time::Instant;

/// The narrator: numbers the acts and knows when the play began.
pub(super) struct Narrator {
    began: Instant,
    act: u32,
    out: Stdout,
}

impl Narrator {
    /// The curtain rises.
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            act: 0,
            out: std::io::stdout(),
        }
    }

    /// A new act with its title.
    pub(super) fn act(&mut self, title: &str) {
        self.act += 1;
        let seconds = self.began.elapsed().as_secs_f64();
        self.print(&format!("\n━━ {}. {title}  ({seconds:.1} s)", self.act));
    }

    /// One sentence of what happens.
    pub(super) fn line(&self, text: &str) {
        self.print(&format!("   {text}"));
    }

    /// Something that was checked and holds.
    pub(super) fn holds(&self, text: &str) {
        self.print(&format!("   ✓ {text}"));
    }

    /// A block of text, for example a tree, indented.
    pub(super) fn block(&self, text: &str) {
        for line in text.lines() {
            self.print(&format!("     {line}"));
        }
    }

    /// A table with right-aligned columns behind the first.
    pub(super) fn table(&self, head: &[&str], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: Vec<&str>| {
            let cells: Vec<String> = cells
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(index, (cell, width))| {
                    if index == 0 {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            self.print(format!("     {}", cells.join("  ")).trim_end());
        };
        line(head.to_vec());
        for row in rows {
            line(row.iter().map(String::as_str).collect());
        }
    }

    /// Seconds since the curtain rose.
    pub(super) fn elapsed_seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn print(&self, text: &str) {
        // Whoever reads may have gone (`make demo | head`); the checks go on all the same.
        let _ = writeln!(self.out.lock(), "{text}");
    }
}

impl Default for Narrator {
    fn default() -> Self {
        Self::new()
    }
}
