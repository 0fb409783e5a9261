//! Records, as a plugin reads and writes them: the same use cases as everybody's.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::GuestPort;
use crate::access::{Acting, Create, Delete, Denied, OwnObjects, Permit, Read, Update};
use crate::app::AppError;
use crate::app::hooks::hand;
use crate::app::question::Asker;
use crate::domain::filter::{Filter, Target};
use crate::domain::invalid::FieldError;
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::plugin::{Fault, Manifest, RecordPermission};
use crate::domain::query::{DEFAULT_LIMIT, Query, check_limit, parse_sort};
use crate::domain::record::Record;

/// A query as a plugin writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestQuery {
    #[serde(default)]
    filter: Option<Json>,
    #[serde(default)]
    sort: Vec<String>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    as_caller: bool,
}

impl GuestPort {
    /// An object as the caller's roles show it; one that the plugin itself brings, whole, unless it wants that, too.
    fn object(&self, name: &str, own: OwnObjects) -> Result<Arc<Object>, Fault> {
        let object = self.work.object(name).map_err(fault)?;
        if own == OwnObjects::Caller || object.namespace.as_deref() != Some(self.module.manifest.namespace.as_str()) {
            return Ok(Arc::clone(object));
        }
        self.work.catalog.whole.object(name).cloned().ok_or_else(|| fault(AppError::UnknownObject(name.to_owned())))
    }

    pub(super) fn permit<A: Acting>(&self, object: &str) -> Result<Permit<A>, Fault> {
        self.permit_as(object, OwnObjects::Manifest)
    }

    fn permit_as<A: Acting>(&self, object: &str, own: OwnObjects) -> Result<Permit<A>, Fault> {
        let object = self.object(object, own)?;
        self.work
            .app
            .access
            .check_plugin::<A>(&self.work.caller, &self.module.manifest, &object, own)
            .map_err(|denied| fault(denied.into()))
    }

    pub(super) async fn record(&self, object: &str, id: &str) -> Result<Option<Record>, Fault> {
        let permit = self.permit::<Read>(object)?;
        let Ok(id) = Uuid::parse_str(id) else { return Ok(None) };
        self.work.get(&permit, id).await.map_err(fault)
    }

    fn fields(&self, object: &str, action: Action, text: &str) -> Result<Map<String, Json>, Fault> {
        settable(&self.module.manifest, &*self.object(object, OwnObjects::Manifest)?, action, text)
    }

    fn shown(&self, record: &Record) -> String {
        shown(&self.module.manifest, record)
    }

    /// What the plugin may see of everything, for a question about this object.
    fn asker(&self, object: &str, own: OwnObjects) -> Result<Asker, Fault> {
        let permit = self.permit_as::<Read>(object, own)?;
        let sight = self.work.app.access.sight(&self.work.caller, Some((&self.module.manifest, own)));
        let sight = sight.map_err(|denied| fault(denied.into()))?;
        Ok(Asker { catalog: Arc::clone(&self.work.catalog), sight, permit })
    }

    pub(super) async fn aggregate(&self, object: &str, question: &str) -> Result<String, Fault> {
        let Ok(Json::Object(mut question)) = serde_json::from_str(question) else {
            return Err(Fault::new("invalid_query", "the question is not a JSON object"));
        };
        let Json::Bool(as_caller) = question.remove("as_caller").unwrap_or(Json::Bool(false)) else {
            return Err(Fault::new("invalid_query", "`as_caller` is not true or false"));
        };
        let asker = self.asker(object, whose(as_caller))?;
        let grant = self.module.manifest.grants(object, Action::Read);
        let of = asker.permit.object();
        let may_name = |name: &str| !is_encrypted(of, name) && grant.is_some_and(|grant| grant.covers(name));
        let plugin = Some(self.module.manifest.id.as_str());
        let groups = self.work.app.aggregate_for(&self.work.caller, &asker, plugin, &may_name, &question).await;
        Ok(serde_json::json!({ "data": groups.map_err(fault)? }).to_string())
    }

    pub(super) async fn get(&self, object: &str, id: &str) -> Result<Option<String>, Fault> {
        Ok(self.record(object, id).await?.map(|record| self.shown(&record)))
    }

    pub(super) async fn query(&self, object: &str, query: &str) -> Result<Vec<String>, Fault> {
        let grant = self.module.manifest.grants(object, Action::Read);
        let query = GuestQuery::parse(query)?;
        let asker = self.asker(object, whose(query.as_caller))?;
        let query = read_query(asker.permit.object(), grant, &query, |filter| {
            asker.scoped(self.work.moment(), |scope| Filter::parse(scope, filter))
        })?;
        let permits = asker.permits(query.filter.as_ref());
        let found = self.work.query(&permits, &query).await.map_err(fault)?;
        // What the call itself has staged has the shape in which it was written.
        let as_seen = |record: Record| Record { object: Arc::clone(asker.permit.object()), ..record };
        Ok(found.into_iter().map(|record| self.shown(&as_seen(record))).collect())
    }

    pub(super) async fn create(&self, object: &str, fields: &str) -> Result<String, Fault> {
        let permit = self.permit::<Create>(object)?;
        let fields = self.fields(object, Action::Create, fields)?;
        let record = self.work.create(permit, &fields, hand(&self.module.manifest, object)).await.map_err(fault)?;
        Ok(self.shown(&record))
    }

    pub(super) async fn update(&self, object: &str, id: &str, fields: &str) -> Result<String, Fault> {
        let permit = self.permit::<Update>(object)?;
        let fields = self.fields(object, Action::Update, fields)?;
        let current = self.record(object, id).await?.ok_or_else(|| missing(object, id))?;
        let record =
            self.work.update(permit, current, &fields, hand(&self.module.manifest, object)).await.map_err(fault)?;
        Ok(self.shown(&record))
    }

    pub(super) async fn delete(&self, object: &str, id: &str) -> Result<(), Fault> {
        let permit = self.permit::<Delete>(object)?;
        let current = self.record(object, id).await?.ok_or_else(|| missing(object, id))?;
        self.work.delete(permit, current).await.map_err(fault)?;
        Ok(())
    }
}

/// The fields of a plugin's JSON, when it may set all of them.
pub fn settable(manifest: &Manifest, object: &Object, action: Action, text: &str) -> Result<Map<String, Json>, Fault> {
    let Ok(Json::Object(fields)) = serde_json::from_str(text) else {
        return Err(Fault::new("validation_failed", "the fields are not a JSON object"));
    };
    unsettable(manifest, object, action, &fields).map_or(Ok(fields), Err)
}

/// Refuses fields that a plugin may not set.
pub fn unsettable(manifest: &Manifest, object: &Object, action: Action, fields: &Map<String, Json>) -> Option<Fault> {
    let grant = manifest.grants(&object.name, action);
    let may_set = |name: &str| !is_encrypted(object, name) && grant.is_some_and(|grant| grant.covers(name));
    let name = fields.keys().find(|name| !may_set(name))?;
    Some(Fault::new("permission_denied", format!("the plugin may not set `{}.{name}`", object.name)))
}

/// A record as the plugin may see it: nothing of it, when it may not read it.
pub fn shown(manifest: &Manifest, record: &Record) -> String {
    match manifest.grants(&record.object.name, Action::Read) {
        Some(grant) => visible(record, grant),
        None => serde_json::json!({"id": record.id, "version": record.version}).to_string(),
    }
}

/// A record as JSON, with the fields that the grant covers.
pub fn visible(record: &Record, grant: &RecordPermission) -> String {
    let Json::Object(mut members) = record.to_json() else { return String::new() };
    let object = &record.object;
    if !grant.fields.iter().any(|name| name == "*") {
        members.retain(|name, _| object.position(name).is_none() || grant.covers(name));
    }
    if object.has_sealed_fields() {
        members.retain(|name, _| !is_encrypted(object, name));
    }
    Json::Object(members).to_string()
}

/// Whether a field is encrypted: plugins know nothing of it.
pub fn is_encrypted(object: &Object, name: &str) -> bool {
    object.position(name).is_some_and(|at| object.fields[at].kind.is_sealed())
}

/// Wrong fields, as a plugin is told of them.
pub fn validation_fault(faults: &[FieldError]) -> Fault {
    let text: Vec<String> = faults.iter().map(|fault| format!("`{}` {}", fault.field, fault.message)).collect();
    Fault {
        details: serde_json::to_string(&serde_json::json!({ "errors": faults })).ok(),
        ..Fault::new("validation_failed", text.join("; "))
    }
}

impl GuestQuery {
    /// Reads the JSON of a query, which means nothing yet.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|error| Fault::new("invalid_query", error.to_string()))
    }
}

/// Whose rights count on the plugin's own objects.
fn whose(as_caller: bool) -> OwnObjects {
    if as_caller { OwnObjects::Caller } else { OwnObjects::Manifest }
}

/// Reads a query, its filter by `parse`. What the plugin may not see it may not ask about either.
pub fn read_query(
    object: &Object,
    grant: Option<&RecordPermission>,
    query: &GuestQuery,
    parse: impl FnOnce(&Json) -> Result<Filter, Vec<FieldError>>,
) -> Result<Query, Fault> {
    let invalid = |message: String| Fault::new("invalid_query", message);
    let wrong = |fault: FieldError| invalid(format!("`{}` {}", fault.field, fault.message));
    let filter = match &query.filter {
        None | Some(Json::Null) => None,
        Some(filter) => Some(parse(filter).map_err(|faults| {
            faults.into_iter().next().map_or_else(|| invalid("the filter is wrong".to_owned()), wrong)
        })?),
    };
    let sort = parse_sort(object, query.sort.iter().map(String::as_str)).map_err(wrong)?;
    let asked = filter.iter().flat_map(Filter::targets).chain(sort.iter().map(|sort| sort.target));
    for target in asked {
        let Target::Field(place) = target else { continue };
        let name = object.fields[place].name();
        if is_encrypted(object, name) || !grant.is_some_and(|grant| grant.covers(name)) {
            let message = format!("the plugin may not ask about `{}.{name}`", object.name);
            return Err(Fault::new("permission_denied", message));
        }
    }
    Ok(Query {
        filter,
        sort,
        limit: check_limit(query.limit.unwrap_or(u64::from(DEFAULT_LIMIT))).map_err(wrong)?,
        ..Query::default()
    })
}

/// There is no such record.
pub fn missing(object: &str, id: &str) -> Fault {
    fault(AppError::no_record(object, &id))
}

/// A failed use case, as a plugin is told of it.
pub fn fault(error: AppError) -> Fault {
    match error {
        AppError::Denied(Denied::Policy(_)) | AppError::Store(_) => {
            tracing::error!(%error, "a host call of a plugin failed");
            Fault { retryable: true, ..Fault::new("host_fault", "the host failed") }
        }
        AppError::Denied(denied @ Denied::Resting { .. }) => Fault::new("module_disabled", denied.to_string()),
        AppError::Denied(denied) => Fault::new("permission_denied", denied.to_string()),
        AppError::UnknownObject(_) => Fault::new("unknown_object", error.to_string()),
        AppError::NotFound { .. } => Fault::new("not_found", error.to_string()),
        AppError::Invalid(faults) => validation_fault(&faults),
        AppError::Contended => Fault { retryable: true, ..Fault::new("conflict", "the record is being changed") },
        other => Fault::new("refused", other.to_string()),
    }
}
