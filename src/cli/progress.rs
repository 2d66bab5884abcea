//! How far a command is: a bar on standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::campaign::Progress;
use crate::plan::Tier;

/// A bar that goes away when it is dropped; a mere count until it knows how much is to come.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(what: &str) -> Self {
        let bar = ProgressBar::no_length();
        let style = "{spinner} {msg} {human_pos} cases, {elapsed}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar }
    }

    /// So many steps are to come.
    pub(super) fn expect(&self, steps: u64) {
        let style = "{msg} {wide_bar} {human_pos} of {human_len}, {eta}";
        self.bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
        self.bar.set_length(steps);
    }

    pub(super) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, random_cases: Option<u64>) {
        if let Some(cases) = random_cases.filter(|cases| *cases > 0) {
            self.expect(cases);
        }
    }

    fn step(&self, tier: Tier) {
        match (tier, self.bar.length()) {
            // The bar measures the random tier; the small one only shows that it is alive.
            (Tier::Small, Some(_)) => self.bar.tick(),
            _ => self.advance(),
        }
    }
}
