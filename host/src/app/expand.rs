//! Puts the records that links name beside a page of records: one query per link, whatever the page.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::question::Asker;
use super::{App, AppError};
use crate::access::Permits;
use crate::domain::field::FieldType;
use crate::domain::filter::{Filter, Target};
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::domain::view::{Expand, Expanded};

impl App {
    /// The records that these links of these records name, and further on from there.
    pub(super) fn expand<'a>(
        &'a self,
        asker: &'a Asker,
        records: &'a [Record],
        expand: &'a Expand,
    ) -> BoxFuture<'a, Result<Expanded, AppError>> {
        Box::pin(async move {
            let mut expanded = Expanded::default();
            let Some(first) = records.first() else { return Ok(expanded) };
            for (&place, further) in &expand.0 {
                let FieldType::Link(to) = &first.object.fields[place].kind else { continue };
                let permit = asker.catalog.schema.object(to).and_then(|object| asker.sight.permit(object));
                let Some(permit) = permit else { continue };
                let ids: BTreeSet<Uuid> = records
                    .iter()
                    .filter_map(|record| match record.values[place] {
                        Value::Id(id) => Some(id),
                        _ => None,
                    })
                    .collect();
                let found = self.by_ids(&Permits::new(permit), ids.into_iter().collect(), None).await?;
                let beyond = self.expand(asker, &found, further).await?;
                let by_id: HashMap<Uuid, Record> = found.into_iter().map(|record| (record.id, record)).collect();
                expanded.0.insert(place, (by_id, beyond));
            }
            Ok(expanded)
        })
    }

    /// The records of these ids, as far as they are there.
    pub(super) async fn by_ids(
        &self,
        permits: &Permits,
        ids: Vec<Uuid>,
        fields: Option<Vec<usize>>,
    ) -> Result<Vec<Record>, AppError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let filter = Some(Filter::In(Target::Id, ids.into_iter().map(Value::Id).collect()));
        Ok(self.store.list(permits, &Query { filter, limit, fields, ..Query::default() }).await?)
    }
}
