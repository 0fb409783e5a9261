//! Imports: reading files of foreign make, row by row, in bounded memory.

pub mod cell;
pub mod detect;
pub mod propose;
pub mod rows;

mod card;
mod csv;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::invalid::FieldError;

/// Longest row, in bytes of UTF-8; a longer one is refused and passed over.
pub const MAX_ROW: usize = 1 << 20;
/// Most columns.
pub const MAX_COLUMNS: usize = 500;

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Cells between delimiters.
    Csv,
    /// A JSON object on each line.
    JsonLines,
    /// Cards of people.
    Vcard,
}

/// How a file is read and what becomes of its rows.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Plan {
    /// Name of the encoding, `UTF-8`, `UTF-16LE`, `gb18030`, …
    pub encoding: String,
    /// What stands between two cells; of CSV only.
    pub delimiter: Option<char>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// The columns, and the fields that they go to.
    pub columns: Vec<Column>,
    /// How rows become records.
    pub options: Options,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Some of its first values.
    pub samples: Vec<String>,
    /// The field that it goes to; none when it is left out.
    pub field: Option<String>,
    /// For a link: the field of the linked object that the value stands for; `id` when missing.
    #[serde(rename = "match")]
    pub match_by: Option<String>,
}

/// How rows become records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Do everything but the commit.
    pub dry_run: bool,
    /// What is done with a row.
    pub mode: Mode,
    /// The field that finds the record of a row: `id`, or a unique one.
    pub key: Option<String>,
    /// What an empty cell does to a record that is there.
    pub empty: Empty,
    /// The sign in front of decimal places.
    pub decimal: Decimal,
    /// The order of days, months and years where it is not clear.
    pub dates: Dates,
    /// Put in front of phone numbers without one, `+86`.
    pub country_code: Option<String>,
    /// The currency of amounts without one, `CNY`.
    pub currency: Option<String>,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Add a record.
    #[default]
    Create,
    /// Change the record that the key finds.
    Update,
    /// Change it, or add one.
    Upsert,
}

/// What an empty cell does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// Leaves the field as it is.
    #[default]
    Keep,
    /// Empties it.
    Clear,
}

/// The sign in front of decimal places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Decimal {
    /// `1,234.50`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1.234,50`
    #[serde(rename = ",")]
    Comma,
}

/// The order of the parts of a date. Years first are always understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dates {
    /// Only with the year first.
    #[default]
    Ymd,
    /// `31.12.2026`
    Dmy,
    /// `12/31/2026`
    Mdy,
}

/// What is in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// One text per column.
    Cells(Vec<String>),
    /// Values by name.
    Members(Map<String, Json>),
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which one, from 1, not counting the header.
    pub number: i64,
    /// Its length in the decoded file.
    pub length: usize,
    /// What is in it, or why it cannot be read.
    pub content: Result<Content, FieldError>,
    /// What was read, for the account of refused rows.
    pub original: Json,
}

impl Format {
    /// The format of this name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Csv, Self::JsonLines, Self::Vcard].into_iter().find(|format| format.name() == name)
    }

    /// The format of this media type.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type.to_ascii_lowercase().as_str() {
            "text/csv" | "application/csv" | "text/tab-separated-values" => Some(Self::Csv),
            "text/vcard" | "text/x-vcard" | "text/directory" => Some(Self::Vcard),
            "application/jsonl" | "application/x-ndjson" | "application/x-jsonlines" | "application/ndjson" => {
                Some(Self::JsonLines)
            }
            _ => None,
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Vcard => "vcard",
        }
    }
}
