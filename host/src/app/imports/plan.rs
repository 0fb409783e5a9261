//! The plan of an import: proposed, changed by the caller, checked.

use encoding_rs::Encoding;
use serde_json::{Map, Value as Json};

use super::super::AppError;
use crate::domain::field::FieldType;
use crate::domain::import::detect::{Detected, Hints};
use crate::domain::import::{Column, Mode, Options, Plan, propose as proposal};
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::schema::Schema;

/// The column that names records of this host, as in its own exports.
pub const ID: &str = "id";

/// The plan for a file of this form.
pub fn propose(schema: &Schema, object: &Object, found: Detected, options: Options) -> Plan {
    let mut columns = found.columns;
    proposal::propose(schema, object, &mut columns);
    let by_id = options.key.as_deref() == Some(ID);
    for column in columns.iter_mut().filter(|column| by_id && column.name == ID) {
        column.field = Some(ID.to_owned());
    }
    let (delimiter, header) = (found.delimiter, found.header);
    Plan { encoding: found.encoding.name().to_owned(), delimiter, header, columns, options }
}

/// The plan as a caller wants it. Another encoding, delimiter or header means
/// other columns, which are proposed anew.
pub fn change(
    schema: &Schema,
    object: &Object,
    mut plan: Plan,
    body: &Map<String, Json>,
    detect: impl Fn(&Hints) -> Result<Detected, FieldError>,
) -> Result<Plan, AppError> {
    let mut faults = Vec::new();
    let mut hints = Hints {
        encoding: Encoding::for_label(plan.encoding.as_bytes()),
        delimiter: plan.delimiter,
        header: Some(plan.header),
    };
    let mut is_new = false;
    for (name, value) in body {
        match (name.as_str(), value) {
            ("encoding", Json::String(label)) => match encoding(label) {
                Ok(encoding) => (hints.encoding, is_new) = (Some(encoding), true),
                Err(fault) => faults.push(fault),
            },
            ("delimiter", Json::String(text)) => match delimiter(text) {
                Ok(delimiter) => (hints.delimiter, is_new) = (Some(delimiter), true),
                Err(fault) => faults.push(fault),
            },
            ("header", Json::Bool(header)) => (hints.header, is_new) = (Some(*header), true),
            ("options", Json::Object(members)) => match options(&plan.options, members) {
                Ok(options) => plan.options = options,
                Err(AppError::Invalid(more)) => faults.extend(more),
                Err(other) => return Err(other),
            },
            ("mapping", Json::Object(_)) => {}
            ("encoding" | "delimiter" | "header" | "options" | "mapping", _) => {
                faults.push(FieldError::new(name, "wrong_type", "has another type"));
            }
            _ => faults.push(FieldError::new(name, "unknown_field", "is nothing of a plan that can be changed")),
        }
    }
    if is_new && faults.is_empty() {
        match detect(&hints) {
            Ok(found) => plan = propose(schema, object, found, plan.options),
            Err(fault) => faults.push(FieldError { field: "file".to_owned(), ..fault }),
        }
    }
    if let Some(Json::Object(mapping)) = body.get("mapping") {
        for (name, value) in mapping {
            if let Err(message) = map(&mut plan.columns, name, value) {
                faults.push(FieldError::new(format!("mapping.{name}"), "wrong_type", message));
            }
        }
    }
    if faults.is_empty() {
        faults = self::faults(schema, object, &plan, false);
    }
    if faults.is_empty() { Ok(plan) } else { Err(AppError::Invalid(faults)) }
}

/// Changes options; those that are not named stay.
pub fn options(known: &Options, changes: &Map<String, Json>) -> Result<Options, AppError> {
    let mut all = serde_json::to_value(known).unwrap_or_default();
    if let Some(all) = all.as_object_mut() {
        all.extend(changes.clone());
    }
    serde_json::from_value(all).map_err(|error| AppError::invalid("options", "wrong_type", error.to_string()))
}

/// The encoding of a name.
pub fn encoding(label: &str) -> Result<&'static Encoding, FieldError> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or_else(|| FieldError::new("encoding", "unknown_option", "is no encoding that can be read"))
}

/// The delimiter that a text names.
pub fn delimiter(text: &str) -> Result<char, FieldError> {
    let delimiter = if text == "\\t" || text == "tab" { Some('\t') } else { text.chars().next() };
    delimiter
        .filter(|c| (text.chars().count() == 1 || *c == '\t') && !matches!(c, '"' | '\n' | '\r' | '\0'))
        .ok_or_else(|| FieldError::new("delimiter", "out_of_range", "is one character, and no quote"))
}

/// Sets the field of a column, called by its name or by `#` and its number.
fn map(columns: &mut [Column], name: &str, value: &Json) -> Result<(), String> {
    let number = name.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
    let named: Vec<usize> = match number {
        Some(number) => (number >= 1 && number <= columns.len()).then(|| number - 1).into_iter().collect(),
        None => (0..columns.len()).filter(|at| columns[*at].name == name).collect(),
    };
    let [at] = named.as_slice() else {
        let what = if named.is_empty() { "no column" } else { "more than one column" };
        return Err(format!("{what} has this name; `#1` is the first one"));
    };
    let column = &mut columns[*at];
    match value {
        Json::Null => (column.field, column.match_by) = (None, None),
        Json::String(field) => (column.field, column.match_by) = (Some(field.clone()), None),
        Json::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Json::as_str).map(str::to_owned);
            (column.field, column.match_by) = (text("field"), text("match"));
        }
        _ => return Err("is a field, `null`, or `{\"field\": …, \"match\": …}`".to_owned()),
    }
    Ok(())
}

/// What is wrong with a plan; when it is to start, also what is missing.
pub fn faults(schema: &Schema, object: &Object, plan: &Plan, starts: bool) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let Options { mode, key, .. } = &plan.options;
    let is_mapped = |name: &str| plan.columns.iter().any(|column| column.field.as_deref() == Some(name));
    for (at, column) in plan.columns.iter().enumerate() {
        let Some(name) = &column.field else { continue };
        let mut fault =
            |code, message: String| faults.push(FieldError::new(format!("mapping.{}", column.name), code, message));
        if plan.columns[..at].iter().any(|other| other.field.as_ref() == Some(name)) {
            fault("mapped_twice", format!("`{name}` has another column already"));
        }
        if name == ID {
            if key.as_deref() != Some(ID) {
                fault("read_only", "the id can only be the key".to_owned());
            }
            continue;
        }
        let field = object.position(name).map(|at| &object.fields[at]);
        let Some(field) = field else {
            fault("unknown_field", format!("`{}` has no field `{name}`", object.name));
            continue;
        };
        if field.def.read_only {
            fault("read_only", format!("`{name}` is set by a module"));
        }
        match (&column.match_by, &field.kind) {
            (None, _) => {}
            (Some(by), FieldType::Link(to)) => {
                let target = schema.object(to).and_then(|to| to.position(by).map(|at| &to.fields[at].kind));
                let can_match = by == ID
                    || target.is_some_and(|kind| {
                        matches!(kind, FieldType::Text(_) | FieldType::Email | FieldType::Phone | FieldType::Integer)
                    });
                if !can_match {
                    fault("unknown_field", format!("a `{to}` cannot be found by `{by}`"));
                }
            }
            (Some(_), _) => fault("wrong_type", format!("`{name}` is no link")),
        }
    }
    let mut option =
        |name: &str, code, message: String| faults.push(FieldError::new(format!("options.{name}"), code, message));
    let is_unique = |name: &str| name == ID || object.position(name).is_some_and(|at| object.fields[at].def.unique);
    match (mode, key) {
        (Mode::Create, _) => {}
        (_, None) => option("key", "required", "names the field that finds records".to_owned()),
        (_, Some(key)) if !is_unique(key) => option("key", "out_of_range", "is `id` or a unique field".to_owned()),
        (_, Some(key)) if !is_mapped(key) && starts => option("key", "required", format!("`{key}` has no column")),
        _ => {}
    }
    if let Some(code) = &plan.options.country_code {
        let digits = code.strip_prefix('+').unwrap_or_default();
        if !(1..=3).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            option("country_code", "wrong_type", "is a plus and 1 to 3 digits, `+86`".to_owned());
        }
    }
    if starts && *mode != Mode::Update {
        for field in object.fields.iter().filter(|field| field.def.required && field.default.is_null()) {
            if !is_mapped(field.name()) {
                faults.push(FieldError::new(format!("mapping.{}", field.name()), "required", "has no column"));
            }
        }
    }
    faults
}
