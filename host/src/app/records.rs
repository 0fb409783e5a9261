//! Reading records: one, a page of a list, or what a link leads to.

#[cfg(test)]
mod plans;

use std::sync::Arc;

use uuid::Uuid;

use super::disclosure::Disclosure;
use super::question::{Asker, ListRequest, Question, invalid_cursor, read_shape};
use super::{App, AppError};
use crate::access::{Permit, Permits, Read};
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::filter::{Comparison, Filter, Target};
use crate::domain::query::read_place;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::domain::view::{Expanded, View};

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins; none when this is the last one.
    pub next: Option<String>,
    /// How many records there are on all pages, if that was asked.
    pub total: Option<i64>,
    /// Of a search: whether all records that have the words were looked at.
    pub complete: Option<bool>,
    /// The fields that were asked for.
    pub fields: Option<Vec<Target>>,
    /// What links name.
    pub expanded: Expanded,
}

impl Page {
    /// The records as they are answered.
    pub fn views(&self) -> Vec<View<'_>> {
        let view = |record| View { record, fields: self.fields.as_deref(), expanded: &self.expanded };
        self.records.iter().map(view).collect()
    }
}

impl App {
    /// The record of that id.
    pub async fn record(&self, caller: &Caller, object: &str, id: Uuid) -> Result<Record, AppError> {
        let permit = self.reader(caller, object).await?;
        self.existing(&permit, id).await
    }

    /// A permit to read the records of an object.
    pub(super) async fn reader(&self, caller: &Caller, object: &str) -> Result<Permit<Read>, AppError> {
        Ok(self.asker(caller, object).await?.permit)
    }

    /// The record of that id; for one that was merged, the error names what it has become.
    pub(super) async fn existing(&self, permit: &Permit<Read>, id: Uuid) -> Result<Record, AppError> {
        if let Some(record) = self.store.get(permit, id).await? {
            return Ok(record);
        }
        // Chains of merges are short; a ring cannot come about, because winners are there.
        let mut into = None;
        while let Some(next) = self.store.merged_into(permit, into.unwrap_or(id)).await? {
            into = Some(next);
        }
        let object = &permit.object().name;
        Err(match into {
            Some(into) => AppError::Merged { object: object.clone(), into },
            None => AppError::no_record(object, &id),
        })
    }

    /// The record of that id with some of its fields, and with what its links name, as a page of one.
    pub async fn shaped_record(
        &self,
        caller: &Caller,
        object: &str,
        id: Uuid,
        fields: Option<&str>,
        expand: &str,
    ) -> Result<Page, AppError> {
        let asker = self.asker(caller, object).await?;
        let (fields, expand) = read_shape(&asker, fields, expand).map_err(AppError::Invalid)?;
        let mut records = vec![self.existing(&asker.permit, id).await?];
        let mut expanded = self.expand(&asker, &records, &expand).await?;
        let mut disclosure = Disclosure::new(self, caller);
        disclosure.show(&mut records[0], fields.as_deref()).await?;
        disclosure.show_expanded(&mut expanded).await?;
        disclosure.finish().await?;
        Ok(Page { records, next: None, total: None, complete: None, fields, expanded })
    }

    /// A page of the records of an object; of a search when the request has words.
    pub async fn list(&self, caller: &Caller, object: &str, request: &ListRequest) -> Result<Page, AppError> {
        let asker = self.asker(caller, object).await?;
        let question = self.question(&asker, request, None)?;
        match request.text.as_deref() {
            Some(text) => self.search_page(&asker, question, text, request.sort.trim().is_empty()).await,
            None => self.page(&asker, question).await,
        }
    }

    /// The records that a link of a record leads to: the one that it names, or
    /// those that name it, where the link is the other end of one.
    pub async fn linked(
        &self,
        caller: &Caller,
        object: &str,
        id: Uuid,
        link: &str,
        request: &ListRequest,
    ) -> Result<Page, AppError> {
        let from = self.asker(caller, object).await?;
        let unknown = || AppError::NotFound { what: format!("link of {object}"), id: link.to_owned() };
        let record = self.store.get(&from.permit, id).await?.ok_or_else(|| AppError::no_record(object, &id))?;
        let one =
            from.permit.object().position(link).and_then(|place| match &from.permit.object().fields[place].kind {
                FieldType::Link(to) => Some((to.clone(), Target::Id, record.values[place].clone())),
                _ => None,
            });
        let (to, target, value) = if let Some(one) = one {
            one
        } else {
            let inverse = from.catalog.schema.inverse(object, link).ok_or_else(unknown)?;
            (inverse.object.name.clone(), Target::Field(inverse.place), Value::Id(id))
        };
        let seen = from.catalog.schema.object(&to).and_then(|object| from.sight.permit(object));
        let asker = Asker { permit: seen.ok_or_else(unknown)?, ..from };
        // A link without a value leads to no record, and no record has the nil id.
        let value = if value.is_null() { Value::Id(Uuid::nil()) } else { value };
        let within = Filter::Compare(target, Comparison::Equal, value);
        let question = self.question(&asker, request, Some(within))?;
        self.page(&asker, question).await
    }

    /// The page that a question asks for.
    pub(super) async fn page(&self, asker: &Asker, mut question: Question) -> Result<Page, AppError> {
        let object = Arc::clone(question.permits.own().object());
        if let Some(place) = &question.place {
            let after = read_place(&object, &question.query.sort, &place.values);
            question.query.after = Some(after.ok_or_else(|| AppError::Invalid(vec![invalid_cursor()]))?);
        }
        let limit = question.query.limit as usize;
        // One more than asked for tells whether there is a next page.
        question.query.limit += 1;
        let mut records = self.store.list(&question.permits, &question.query).await?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| has_more).map(|last| self.seal(&question, &question.query.place(last)));
        self.finish_page(asker, question, records, next).await
    }

    /// What goes with the records of a page: their number in all, and what their links name.
    pub(super) async fn finish_page(
        &self,
        asker: &Asker,
        question: Question,
        mut records: Vec<Record>,
        next: Option<String>,
    ) -> Result<Page, AppError> {
        let total = if question.counts {
            Some(self.count(&question.permits, question.query.filter.as_ref()).await?)
        } else {
            None
        };
        let mut expanded = self.expand(asker, &records, &question.expand).await?;
        let mut disclosure = Disclosure::new(self, asker.permit.caller());
        for record in &mut records {
            disclosure.show(record, question.shown.as_deref()).await?;
        }
        disclosure.show_expanded(&mut expanded).await?;
        disclosure.finish().await?;
        Ok(Page { records, next, total, complete: None, fields: question.shown, expanded })
    }

    async fn count(&self, permits: &Permits, filter: Option<&Filter>) -> Result<i64, AppError> {
        Ok(self.store.count(permits, filter).await?)
    }
}
