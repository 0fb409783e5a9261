//! A question for figures over records: groups, and what is measured in each.

use serde_json::{Map, Value as Json};

use super::field::FieldType;
use super::filter::Target;
use super::invalid::FieldError;
use super::moment::Unit;
use super::object::Object;

/// Most fields to group by.
const MAX_KEYS: usize = 4;
/// Most measures.
const MAX_MEASURES: usize = 10;
/// Most groups, and most stretches of the calendar between the first and the last value.
pub const MAX_GROUPS: usize = 1_000;
/// Decimal places that an average has beyond those of its field.
pub const AVERAGE_SCALE: u32 = 6;

/// What groups differ in.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in the answer.
    pub name: String,
    /// The field.
    pub target: Target,
    /// The stretch of the calendar, for days and moments.
    pub bucket: Option<Unit>,
}

/// How a group is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Records.
    Count,
    /// Values that differ.
    CountDistinct,
    /// All values together.
    Sum,
    /// The mean of the values.
    Average,
    /// The least value.
    Least,
    /// The greatest value.
    Greatest,
}

/// A measure of a group.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name in the answer.
    pub name: String,
    /// How.
    pub function: Function,
    /// Of what; none to count records.
    pub target: Option<Target>,
}

/// A question for figures.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What groups differ in; one group of all records when empty.
    pub keys: Vec<Key>,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Places among keys and measures to sort by, and whether the largest comes first.
    pub sort: Vec<(usize, bool)>,
    /// Most groups to answer.
    pub limit: usize,
}

impl Aggregate {
    /// Reads `group_by`, `measures`, `sort` and `limit` of a body.
    pub fn parse(object: &Object, body: &Map<String, Json>) -> Result<Self, FieldError> {
        let known = ["filter", "group_by", "measures", "sort", "limit"];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(FieldError::new(name, "unknown_field", format!("expects one of {}", known.join(", "))));
        }
        let keys = list(body, "group_by", MAX_KEYS)?;
        let keys = keys.iter().map(|json| key(object, json)).collect::<Result<Vec<_>, _>>()?;
        let measures = list(body, "measures", MAX_MEASURES)?;
        let mut measures = measures.iter().map(|json| measure(object, json)).collect::<Result<Vec<_>, _>>()?;
        if measures.is_empty() {
            measures.push(Measure { name: "count".to_owned(), function: Function::Count, target: None });
        }
        let names: Vec<&str> =
            keys.iter().map(|key| key.name.as_str()).chain(measures.iter().map(|one| one.name.as_str())).collect();
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            let message = format!("`{}` is there twice: name one with `as`", twice.1);
            return Err(FieldError::new("measures", "taken", message));
        }
        let mut sort = Vec::new();
        for json in list(body, "sort", MAX_KEYS + MAX_MEASURES)? {
            let name = json.as_str().ok_or_else(|| FieldError::new("sort", "wrong_type", "is a list of names"))?;
            let (name, descending) = name.strip_prefix('-').map_or((name, false), |rest| (rest, true));
            let at = names.iter().position(|known| *known == name).ok_or_else(|| {
                FieldError::new("sort", "unknown_field", format!("`{name}` is no group and no measure"))
            })?;
            sort.push((at, descending));
        }
        let limit = match body.get("limit") {
            None | Some(Json::Null) => MAX_GROUPS,
            Some(json) => json
                .as_u64()
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| (1..=MAX_GROUPS).contains(limit))
                .ok_or_else(|| FieldError::new("limit", "out_of_range", format!("is between 1 and {MAX_GROUPS}")))?,
        };
        Ok(Self { keys, measures, sort, limit })
    }

    /// The money fields that are measured: their amounts are grouped by currency.
    pub fn money(&self, object: &Object) -> Vec<Target> {
        let mut all = Vec::new();
        for measure in &self.measures {
            if let Some(target) = measure.target
                && matches!(target.kind(object), FieldType::Money)
                && !all.contains(&target)
            {
                all.push(target);
            }
        }
        all
    }
}

/// A list of the body; what is not there is empty.
fn list<'a>(body: &'a Map<String, Json>, name: &str, most: usize) -> Result<&'a [Json], FieldError> {
    match body.get(name) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(items)) if items.len() <= most => Ok(items),
        Some(Json::Array(_)) => Err(FieldError::new(name, "out_of_range", format!("has more than {most} parts"))),
        Some(_) => Err(FieldError::new(name, "wrong_type", "is a list")),
    }
}

/// A part that is a name, or an object of these texts.
fn texts<'a>(json: &'a Json, path: &str, known: &[&str]) -> Result<Vec<Option<&'a str>>, FieldError> {
    let Json::Object(members) = json else {
        return Err(FieldError::new(path, "wrong_type", format!("expects an object of {}", known.join(", "))));
    };
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(FieldError::new(
            format!("{path}.{name}"),
            "unknown_field",
            format!("expects {}", known.join(", ")),
        ));
    }
    known
        .iter()
        .map(|name| match members.get(*name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(FieldError::new(format!("{path}.{name}"), "wrong_type", "expects text")),
        })
        .collect()
}

fn find(object: &Object, path: &str, name: &str) -> Result<Target, FieldError> {
    let target = Target::find(object, name)
        .ok_or_else(|| FieldError::new(path, "unknown_field", format!("`{}` has no field `{name}`", object.name)))?;
    if target.kind(object).is_sealed() {
        return Err(FieldError::new(path, "encrypted", format!("`{name}` is encrypted: nothing can be said of many")));
    }
    Ok(target)
}

fn key(object: &Object, json: &Json) -> Result<Key, FieldError> {
    let parts = match json {
        Json::String(name) => vec![Some(name.as_str()), None, None],
        other => texts(other, "group_by", &["field", "bucket", "as"])?,
    };
    let name = parts[0].ok_or_else(|| FieldError::new("group_by", "required", "needs a `field`"))?;
    let target = find(object, "group_by", name)?;
    let kind = target.kind(object);
    let bucket = match parts[1] {
        None => None,
        Some(unit) => Some(Unit::find(unit).ok_or_else(|| {
            FieldError::new("group_by", "unknown_option", "`bucket` is day, week, month, quarter or year")
        })?),
    };
    if bucket.is_some() && !matches!(kind, FieldType::Date | FieldType::Datetime) {
        return Err(FieldError::new("group_by", "wrong_type", format!("`{name}` is no time: it has no bucket")));
    }
    if matches!(kind, FieldType::Money | FieldType::Json | FieldType::LongText) {
        return Err(FieldError::new("group_by", "not_sortable", format!("`{name}` makes no groups")));
    }
    Ok(Key { name: alias(parts[2], "group_by")?.unwrap_or(name).to_owned(), target, bucket })
}

fn measure(object: &Object, json: &Json) -> Result<Measure, FieldError> {
    let parts = texts(json, "measures", &["fn", "field", "as"])?;
    let wrong = |message: String| FieldError::new("measures", "wrong_type", message);
    let called = parts[0].ok_or_else(|| FieldError::new("measures", "required", "needs a `fn`"))?;
    let function = match called {
        "count" => Function::Count,
        "count_distinct" => Function::CountDistinct,
        "sum" => Function::Sum,
        "avg" => Function::Average,
        "min" => Function::Least,
        "max" => Function::Greatest,
        _ => {
            let message = "`fn` is count, count_distinct, sum, avg, min or max";
            return Err(FieldError::new("measures", "unknown_option", message));
        }
    };
    let target = parts[1].map(|name| find(object, "measures", name)).transpose()?;
    let kind = target.map(|target| target.kind(object));
    let fits = match (function, kind) {
        (Function::Count, _) => true,
        (_, None) => return Err(wrong(format!("`{called}` needs a `field`"))),
        (Function::Sum | Function::Average, Some(kind)) => {
            matches!(kind, FieldType::Integer | FieldType::Decimal { .. } | FieldType::Money)
        }
        (Function::Least | Function::Greatest, Some(kind)) => {
            !matches!(kind, FieldType::Json | FieldType::Boolean | FieldType::Link(_))
        }
        (Function::CountDistinct, Some(kind)) => kind.is_sortable(),
    };
    let field = parts[1].unwrap_or_default();
    if !fits {
        return Err(wrong(format!("`{called}` does not work on `{field}`")));
    }
    let name = match (alias(parts[2], "measures")?, field) {
        (Some(name), _) => name.to_owned(),
        (None, "") => called.to_owned(),
        (None, field) => format!("{called}_{field}"),
    };
    Ok(Measure { name, function, target })
}

fn alias<'a>(name: Option<&'a str>, path: &str) -> Result<Option<&'a str>, FieldError> {
    match name {
        Some(name) if !super::field::is_name(name) => {
            Err(FieldError::new(path, "wrong_type", "`as` is lower snake case of at most 40 letters"))
        }
        name => Ok(name),
    }
}
