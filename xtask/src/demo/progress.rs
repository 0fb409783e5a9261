//! A progress bar on a terminal, plain lines elsewhere.

use std::cell::Cell;
use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines come this often.
const LINES: usize = 10;

pub struct Progress {
    name: &'static str,
    total: usize,
    done: Cell<usize>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(name: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_message(name);
            let style = ProgressStyle::with_template("{msg:9} [{bar:40}] {pos}/{len} {per_sec} {eta}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
        });
        Self { name, total, done: Cell::new(0), bar }
    }

    pub fn advance(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if done * LINES / self.total > (done - 1) * LINES / self.total => {
                println!("{} {done}/{}", self.name, self.total);
            }
            None => {}
        }
    }

    /// Leaves the last state of the bar standing.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
