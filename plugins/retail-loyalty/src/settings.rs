//! The settings that a tenant gives this plugin: `config.schema.json`.

use guildhall_sdk::Decimal;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How many points one unit of money earns.
    pub points_per_unit: Decimal,
    /// Whether a contact becomes a member with the first points.
    pub auto_enrol: bool,
    /// The only currency that earns points, if there is one.
    pub currency: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { points_per_unit: Decimal::from(1), auto_enrol: true, currency: None }
    }
}
