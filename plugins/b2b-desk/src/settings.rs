//! The settings that a tenant gives this plugin: `config.schema.json`.

use b2b_rules::calendar::Calendar;
use b2b_rules::day::Day;
use guildhall_sdk::{Fault, config};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    working_days: Vec<u8>,
    holidays: Vec<String>,
    /// `en` or `zh`.
    pub language: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { working_days: vec![1, 2, 3, 4, 5], holidays: Vec::new(), language: "en".to_owned() }
    }
}

impl Settings {
    /// As the tenant has them.
    pub fn get() -> Result<Self, Fault> {
        config::get()
    }

    /// The working calendar.
    pub fn calendar(&self) -> Result<Calendar, Fault> {
        let wrong = |text: &str| Fault::new("invalid_config", format!("{text} is no holiday: there is no such day."));
        let holidays: Result<Vec<Day>, Fault> =
            self.holidays.iter().map(|text| text.parse().map_err(|_| wrong(text))).collect();
        Calendar::new(self.working_days.iter().copied(), holidays?)
            .map_err(|_| Fault::new("invalid_config", "At least one day of the week is worked."))
    }
}
