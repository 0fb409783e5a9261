//! Members of a JSON body, read one by one; everything that is wrong is told at once.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::domain::invalid::FieldError;

/// Reads the members of a JSON object and gathers what is wrong with them.
pub struct Members {
    left: Map<String, Json>,
    prefix: String,
    faults: Vec<FieldError>,
}

impl Members {
    /// Of this object, which stands at that place of the body.
    pub fn new(members: Map<String, Json>, prefix: &str) -> Self {
        Self { left: members, prefix: prefix.to_owned(), faults: Vec::new() }
    }

    /// Tells of a fault.
    pub fn wrong(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        let field = format!("{}{name}", self.prefix);
        if !self.faults.iter().any(|fault| fault.field == field) {
            self.faults.push(FieldError::new(field, code, message));
        }
    }

    /// A member, taken out.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        self.left.remove(name)
    }

    /// A text that has to be there.
    pub fn text(&mut self, name: &str) -> String {
        match self.take(name) {
            Some(Json::String(text)) => text,
            None => {
                self.wrong(name, "required", "has to be given");
                String::new()
            }
            Some(_) => {
                self.wrong(name, "wrong_type", "expects text");
                String::new()
            }
        }
    }

    /// The `fields`, which have to be there.
    pub fn fields(&mut self) -> Map<String, Json> {
        if let Some(Json::Object(fields)) = self.take("fields") {
            return fields;
        }
        self.wrong("fields", "required", "expects an object of fields");
        Map::new()
    }

    /// The `version`, which may be missing.
    pub fn version(&mut self) -> Option<i64> {
        let json = self.take("version").filter(|json| !json.is_null())?;
        let version = json.as_i64();
        if version.is_none() {
            self.wrong("version", "wrong_type", "expects a whole number");
        }
        version
    }

    /// The `id` of a record.
    pub fn id(&mut self) -> Uuid {
        self.id_of("id")
    }

    /// The id in this member.
    pub fn id_of(&mut self, name: &str) -> Uuid {
        let text = self.text(name);
        Uuid::parse_str(&text).unwrap_or_else(|_| {
            self.wrong(name, "wrong_type", "expects the id of a record");
            Uuid::nil()
        })
    }

    /// Whether all was right, and nothing is left over.
    pub fn end(mut self) -> Result<(), Vec<FieldError>> {
        let left: Vec<String> = self.left.keys().cloned().collect();
        for name in left {
            self.wrong(&name, "unknown_field", "is not known here");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}
