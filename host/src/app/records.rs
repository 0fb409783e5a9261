//! Reading records: one, or a page of a list.

use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{App, AppError};
use crate::access::{Permit, Read};
use crate::domain::caller::Caller;
use crate::domain::filter::{Filter, from_pairs};
use crate::domain::invalid::FieldError;
use crate::domain::query::{DEFAULT_LIMIT, Query, check_limit, parse_sort};
use crate::domain::record::Record;

/// What a caller wants to see of a list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// The filter tree.
    pub filter: Option<Json>,
    /// The short form: field, operator, text.
    pub pairs: Vec<(String, String, String)>,
    /// Field names with commas, `-` in front for descending.
    pub sort: String,
    /// Page size.
    pub limit: Option<u64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins; none when this is the last one.
    pub next: Option<String>,
}

impl App {
    /// The record of that id.
    pub async fn record(&self, caller: &Caller, object: &str, id: Uuid) -> Result<Record, AppError> {
        let permit = self.reader(caller, object).await?;
        self.store.get(&permit, id).await?.ok_or_else(|| AppError::no_record(object, &id))
    }

    /// A page of the records of an object.
    pub async fn list(&self, caller: &Caller, object: &str, request: &ListRequest) -> Result<Page, AppError> {
        let permit = self.reader(caller, object).await?;
        let mut query = self.read_request(&permit, request)?;
        let limit = query.limit as usize;
        // One more than asked for tells whether there is a next page.
        query.limit += 1;
        let mut records = self.store.list(&permit, &query).await?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let next = records
            .last()
            .filter(|_| has_more)
            .map(|last| self.cursors.seal(caller.tenant, permit.object(), &query, &query.place(last)));
        Ok(Page { records, next })
    }

    pub(super) async fn reader(&self, caller: &Caller, object: &str) -> Result<Permit<Read>, AppError> {
        let catalog = self.catalog(caller.tenant).await?;
        let object = catalog.schema.object(object).ok_or_else(|| AppError::UnknownObject(object.to_owned()))?;
        Ok(self.access.check::<Read>(caller, object).await?)
    }

    /// Reads a request; everything that is wrong with it is told at once.
    pub(super) fn read_request(&self, permit: &Permit<Read>, request: &ListRequest) -> Result<Query, AppError> {
        let object = Arc::clone(permit.object());
        let mut faults = Vec::new();
        let mut query = Query::default();
        let mut filters = Vec::new();
        let short = (!request.pairs.is_empty()).then(|| from_pairs(&object, &request.pairs));
        for json in request.filter.iter().chain(&short) {
            match Filter::parse(&object, json) {
                Ok(filter) => filters.push(filter),
                Err(wrong) => faults.extend(wrong),
            }
        }
        query.filter = (!filters.is_empty()).then_some(Filter::And(filters));
        match parse_sort(&object, request.sort.split(',').map(str::trim)) {
            Ok(sort) => query.sort = sort,
            Err(wrong) => faults.push(wrong),
        }
        match check_limit(request.limit.unwrap_or(u64::from(DEFAULT_LIMIT))) {
            Ok(limit) => query.limit = limit,
            Err(wrong) => faults.push(wrong),
        }
        if !faults.is_empty() {
            return Err(AppError::Invalid(faults));
        }
        if let Some(cursor) = &request.cursor {
            let place = self.cursors.open(permit.tenant(), &object, &query, cursor);
            query.after = Some(place.ok_or_else(|| {
                AppError::Invalid(vec![FieldError::new(
                    "cursor",
                    "invalid_cursor",
                    "is not a cursor of this list: keep filter and sort as they were, or begin again without it",
                )])
            })?);
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::app::Database;
    use crate::domain::clock::Clock;
    use crate::domain::value::Value;

    #[tokio::test(flavor = "multi_thread")]
    async fn listed_plans_use_the_index_that_fits() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(directory.path().join("plans.sqlite"));
        let app = App::open(&database, Clock::system()).await.unwrap();
        let key = app.create_tenant("plans", "Plans").await.unwrap().api_key;
        let caller = app.authenticate(&key).await.unwrap();
        let permit = app.reader(&caller, "contact").await.unwrap();

        let name = || Value::Text("n".to_owned());
        let id = || Value::Id(Uuid::nil());
        let link = json!("01a20031-9c4a-7239-8605-04c662a595e1");
        let emails = json!({"email": {"_in": ["a@x.com", "b@x.com"]}});
        let cases = [
            (json!({}), "", None, "USING PRIMARY KEY (tenant_id=?)"),
            (json!({}), "", Some(vec![id()]), "USING PRIMARY KEY (tenant_id=? AND id>?)"),
            (json!({}), "name", None, "i_o_contact__name (tenant_id=?)"),
            (json!({}), "-name", Some(vec![name(), id()]), "i_o_contact__name (tenant_id=? AND name<?)"),
            (json!({"city": {"_eq": "Bern"}}), "name", None, "i_o_contact__city__name (tenant_id=? AND city=?)"),
            (
                json!({"city": {"_eq": "Bern"}}),
                "name",
                Some(vec![name(), id()]),
                "i_o_contact__city__name (tenant_id=? AND city=? AND name>?)",
            ),
            (
                json!({"external_id": {"_eq": "7"}}),
                "",
                None,
                "u_o_contact__external_id (tenant_id=? AND external_id=?)",
            ),
            (json!({"company": {"_eq": link}}), "", None, "i_o_contact__company (tenant_id=? AND company=?)"),
            (emails, "name", None, "u_o_contact__email (tenant_id=? AND email=?)"),
        ];
        let mut used = BTreeSet::new();
        for (filter, sort, after, index) in cases {
            let request = ListRequest { filter: Some(filter.clone()), sort: sort.to_owned(), ..ListRequest::default() };
            let query = Query { after, ..app.read_request(&permit, &request).unwrap() };
            let plan = app.store.plan(&permit, &query).await;
            assert!(plan.contains(index), "{filter} by {sort}: {plan}");
            assert!(!plan.contains("SCAN"), "{filter} by {sort}: {plan}");
            used.insert(index.split(' ').next());
        }
        assert!(used.len() > 4);
    }
}
