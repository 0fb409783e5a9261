//! Typed records: a struct for those fields of an object that a plugin works with.

use serde_json::Value;

use crate::{Fault, FieldValue, Record, TypedQuery, records};

/// A struct that is read from records of one object and written into them: `#[derive(Record)]` makes it one.
///
/// A field of the struct is the record's field of the same name, or the one that `#[record(field = "…")]` names, and
/// has one of the types of [`FieldValue`]. `id`, `version`, `created_at` and `updated_at` may be among them; they are
/// read and never written. Fields of the object that the struct does not have are left alone.
///
/// ```
/// use guildhall_sdk::{Decimal, Money, Record, TypedRecord};
///
/// #[derive(Record)]
/// #[record(object = "order")]
/// struct Order {
///     id: Option<String>,
///     status: Option<String>,
///     total: Money,
///     #[record(field = "x_rebate")]
///     rebate: Option<Decimal>,
/// }
///
/// // What a hook is shown, or `records::get` answers:
/// let total = Money { amount: "29.33".parse()?, currency: "EUR".to_owned() };
/// let record = Record::new().set("id", "0192").set("status", "paid").set("total", total);
///
/// let mut order = Order::from_record(&record)?;
/// assert_eq!((order.id.as_deref(), order.total.to_string().as_str()), (Some("0192"), "29.33 EUR"));
///
/// // `None` leaves a field as it is; what is to be emptied is set to `()`.
/// order.status = None;
/// order.rebate = Some("1.50".parse()?);
/// let changes = order.to_record().set("note", ());
/// assert_eq!((changes.text("status"), changes.text("x_rebate")), (None, Some("1.50")));
///
/// // A record that does not fit is a fault that says where and why.
/// let fault = Order::from_record(&Record::new().set("total", 29)).err().unwrap();
/// assert_eq!(fault.message(), "`order.total` is a number, but an amount of money is expected.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Where a struct itself says that a field is emptied, the field is an `Option<Option<T>>`: `None` leaves it as it is,
/// `Some(None)` empties it.
///
/// Asking the host for them:
///
/// ```no_run
/// use guildhall_sdk::{Fault, Record, TypedRecord, filter};
///
/// #[derive(Record)]
/// #[record(object = "task")]
/// struct Task {
///     id: Option<String>,
///     title: String,
///     due_at: Option<String>,
/// }
///
/// fn open() -> Result<Vec<Task>, Fault> {
///     Task::query().filter(filter::eq("status", "open")).sort(["due_at"]).limit(10).all()
/// }
///
/// fn add(title: &str) -> Result<Task, Fault> {
///     Task { id: None, title: title.to_owned(), due_at: None }.create()
/// }
/// ```
pub trait TypedRecord: Sized {
    /// The object, `contact`.
    const OBJECT: &'static str;

    /// Reads it. A field that is not in the record, is empty, or has another type is a fault that names it, unless the
    /// type of the struct's field allows it.
    fn from_record(record: &Record) -> Result<Self, Fault>;

    /// The fields to write: those that are not `None`, and none that the host sets.
    fn to_record(&self) -> Record;

    /// A query for records of the object.
    fn query() -> TypedQuery<Self> {
        TypedQuery::new()
    }

    /// The record with this id, if there is one.
    fn get(id: &str) -> Result<Option<Self>, Fault> {
        records::get(Self::OBJECT, id)?.as_ref().map(Self::from_record).transpose()
    }

    /// Adds a record and returns it as it will be stored.
    fn create(&self) -> Result<Self, Fault> {
        Self::from_record(&records::create(Self::OBJECT, self.to_record())?)
    }

    /// Changes the fields of a record that are not `None`, and returns it as it will be stored.
    fn update(&self, id: &str) -> Result<Self, Fault> {
        Self::from_record(&records::update(Self::OBJECT, id, self.to_record())?)
    }
}

/// A field of a record, read.
pub fn read_field<T: FieldValue>(record: &Record, object: &str, field: &str) -> Result<T, Fault> {
    let value = record.value(field);
    T::read(value).ok_or_else(|| misfit(object, field, value, &T::expected()))
}

/// The record with a field set, unless its value says that it is left out.
pub fn write_field<T: FieldValue>(record: Record, field: &str, value: &T) -> Record {
    match value.write() {
        Some(value) => record.set(field, value),
        None => record,
    }
}

fn misfit(object: &str, field: &str, value: Option<&Value>, expected: &str) -> Fault {
    let found = match value {
        None => "not in the record",
        Some(Value::Null) => "empty",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    let remedy = match value {
        None => " The manifest may not let it be read; a field that may be missing is an `Option`.",
        Some(Value::Null) => " A field that may be empty is an `Option`.",
        Some(_) => "",
    };
    Fault::internal(format!("`{object}.{field}` is {found}, but {expected} is expected.{remedy}"))
        .with_detail("object", object)
        .with_detail("field", field)
        .with_detail("expected", expected)
}
