//! Shows on a terminal that something goes on which takes its time; where standard error is none, nothing.

use std::time::Duration;

use indicatif::ProgressBar;

/// How often it turns.
const TICK: Duration = Duration::from_millis(100);

/// Something that goes on until this goes.
pub struct Step(ProgressBar);

impl Step {
    /// Says what goes on.
    pub fn begin(text: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(text.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
