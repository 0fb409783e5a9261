//! The settings that a tenant gives this module: `config.schema.json`.

use guildhall_sdk::Decimal;
use sales_rules::score::{self, ScoreRule};
use sales_rules::working_hours::WorkingHours;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The largest amount of a deal, a line or a budget, in any currency.
    pub max_amount: Decimal,
    /// Whether a deal that is won becomes an order.
    pub order_on_win: bool,
    /// The status of that order.
    pub order_status: String,
    /// Whether a deal that is lost has to say why.
    pub needs_lost_reason: bool,
    /// Within how many hours somebody responds to a new lead; 0 for no reminder.
    pub response_hours: i64,
    /// Whether tasks are made of what falls due.
    pub reminders: bool,
    /// How many months ahead the daily snapshot goes.
    pub snapshot_months: i64,
    /// The language of what the module writes itself: `en` or `zh`.
    pub language: String,
    /// Points of leads.
    pub lead_scoring: Vec<ScoreRule>,
    /// When work is done.
    pub working_hours: WorkingHours,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_amount: Decimal::from(1_000_000_000_000),
            order_on_win: true,
            order_status: "placed".to_owned(),
            needs_lost_reason: true,
            response_hours: 24,
            reminders: true,
            snapshot_months: 12,
            language: "en".to_owned(),
            lead_scoring: score::usual(),
            working_hours: WorkingHours::default(),
        }
    }
}
