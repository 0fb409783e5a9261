//! What is wrong with an input, field by field.

use serde::Serialize;

/// One fault of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Name of the field, or the path into the filter.
    pub field: String,
    /// Stable code: `required`, `wrong_type`, `unknown_field`, …
    pub code: &'static str,
    /// One sentence for a person.
    pub message: String,
}

impl FieldError {
    /// A fault of a field.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// Why a value does not fit a field: a code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Stable code.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

impl Unfit {
    /// The value has the wrong JSON type or form.
    pub fn wrong_type(expected: &str) -> Self {
        Self { code: "wrong_type", message: format!("expects {expected}") }
    }

    /// The value has the right form and a forbidden content.
    pub fn out_of_range(message: impl Into<String>) -> Self {
        Self { code: "out_of_range", message: message.into() }
    }

    /// The same fault, told of a field.
    pub fn of(self, field: &str) -> FieldError {
        FieldError::new(field, self.code, self.message)
    }
}
