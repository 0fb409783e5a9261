//! The settings that a tenant gives this plugin: `config.schema.json`.

use b2b_rules::number::units;
use b2b_rules::risk::Limits;
use guildhall_sdk::Decimal;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How long a partner is protected.
    pub protection_days: i64,
    /// Whether what is approved becomes a deal.
    pub create_deal: bool,
    overdue_days: i64,
    not_invoiced_days: i64,
    not_accepted_days: i64,
    cost_factor: Decimal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protection_days: 90,
            create_deal: true,
            overdue_days: 30,
            not_invoiced_days: 14,
            not_accepted_days: 30,
            cost_factor: Decimal::from(1),
        }
    }
}

impl Settings {
    /// What counts as a risk.
    pub fn limits(&self) -> Limits {
        Limits {
            overdue_days: self.overdue_days,
            not_invoiced_days: self.not_invoiced_days,
            not_accepted_days: self.not_accepted_days,
            cost_factor: units(self.cost_factor, 2).unwrap_or(100),
        }
    }
}
