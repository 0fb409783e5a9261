//! Full-text search: records that have all words of a question, the best first.
//!
//! The order is made here, from the words: a word itself before words that
//! begin with it, the first searchable field before others, the newest first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::disclosure::Disclosure;
use super::question::{Asker, Question, invalid_cursor};
use super::{App, AppError, Page};
use crate::access::{Permit, Permits, Read};
use crate::domain::caller::Caller;
use crate::domain::filter::{Filter, Target};
use crate::domain::invalid::FieldError;
use crate::domain::query::check_limit;
use crate::domain::record::Record;
use crate::domain::search::{Grade, MAX_CANDIDATES, Term, searchable, shown_words, terms};
use crate::domain::value::Value;

/// Most objects that one search looks into.
const MAX_OBJECTS: usize = 20;
/// Records of a search over several objects when nothing is said.
const DEFAULT_HITS: u64 = 20;

/// A record of a search over several objects.
#[derive(Debug, Serialize)]
pub struct Hit {
    /// Its object.
    pub object: String,
    /// The record.
    pub record: Record,
}

/// What a search over several objects found.
#[derive(Debug)]
pub struct Found {
    /// The best records, of all objects.
    pub hits: Vec<Hit>,
    /// Whether all records that have the words were looked at.
    pub complete: bool,
}

/// A record that has the words, and how well.
type Candidate = (Grade, Reverse<Uuid>);

impl App {
    /// A page of the records that have the words of a text.
    pub(super) async fn search_page(
        &self,
        asker: &Asker,
        mut question: Question,
        text: &str,
        by_rank: bool,
    ) -> Result<Page, AppError> {
        let terms = terms(text).map_err(|fault| AppError::Invalid(vec![fault]))?;
        let permit = question.permits.own().clone();
        let object = permit.object();
        if searchable(object).iter().all(|place| object.hidden.contains(place)) {
            let message = format!("`{}` has no searchable field: use a filter", permit.object().name);
            return Err(AppError::invalid("text", "not_searchable", message));
        }
        let (mut candidates, complete) = self.candidates(&permit, &terms).await?;
        if !by_rank {
            let ids = candidates.iter().map(|(_, id)| Value::Id(id.0)).collect();
            let among = Filter::In(Target::Id, ids);
            let filter = question.query.filter.take();
            question.query.filter = Some(Filter::And(std::iter::once(among).chain(filter).collect()));
            let page = self.page(asker, question).await?;
            return Ok(Page { complete: Some(complete), ..page });
        }
        if let Some(filter) = question.query.filter.take().filter(|_| !candidates.is_empty()) {
            let ids = candidates.iter().map(|(_, id)| id.0).collect();
            let met: HashSet<Uuid> = self.store.among(&question.permits, ids, &filter).await?.into_iter().collect();
            candidates.retain(|(_, id)| met.contains(&id.0));
        }
        let total = question.counts.then(|| i64::try_from(candidates.len()).unwrap_or(i64::MAX));
        question.counts = false;
        if let Some(place) = &question.place {
            let after = rank(&place.values).ok_or_else(|| AppError::Invalid(vec![invalid_cursor()]))?;
            candidates.retain(|candidate| *candidate > after);
        }
        let limit = question.query.limit as usize;
        let has_more = candidates.len() > limit;
        candidates.truncate(limit);
        let next = candidates.last().filter(|_| has_more).map(|(grade, id)| {
            self.seal(&question, &[Value::Integer(grade.begun), Value::Integer(grade.aside), Value::Id(id.0)])
        });
        let ids: Vec<Uuid> = candidates.iter().map(|(_, id)| id.0).collect();
        let found = self.by_ids(&Permits::new(permit), ids.clone(), question.query.fields.clone()).await?;
        let mut by_id: HashMap<Uuid, Record> = found.into_iter().map(|record| (record.id, record)).collect();
        let records = ids.iter().filter_map(|id| by_id.remove(id)).collect();
        let page = self.finish_page(asker, question, records, next).await?;
        Ok(Page { total, complete: Some(complete), ..page })
    }

    /// The best records of several objects; of all that the caller sees when none is named.
    pub async fn search(
        &self,
        caller: &Caller,
        text: &str,
        objects: &[&str],
        limit: Option<u64>,
    ) -> Result<Found, AppError> {
        let invalid = |fault: FieldError| AppError::Invalid(vec![fault]);
        let terms = terms(text).map_err(|fault| invalid(FieldError { field: "q".to_owned(), ..fault }))?;
        let limit = check_limit(limit.unwrap_or(DEFAULT_HITS)).map_err(invalid)? as usize;
        if objects.len() > MAX_OBJECTS {
            let message = format!("names more than {MAX_OBJECTS} objects");
            return Err(AppError::invalid("objects", "out_of_range", message));
        }
        let catalog = self.catalog_of(caller).await?;
        let mut permits = Vec::new();
        if objects.is_empty() {
            let sight = self.access.sight(caller, None)?;
            let all = catalog.schema.objects().filter(|object| !searchable(object).is_empty());
            permits.extend(all.filter_map(|object| sight.permit(object)).take(MAX_OBJECTS));
        }
        for name in objects {
            permits.push(self.asker(caller, name).await?.permit);
        }
        let mut best: Vec<(Candidate, usize)> = Vec::new();
        let mut complete = true;
        for (at, permit) in permits.iter().enumerate() {
            let (candidates, is_whole) = self.candidates(permit, &terms).await?;
            complete &= is_whole;
            best.extend(candidates.into_iter().take(limit).map(|candidate| (candidate, at)));
        }
        best.sort_unstable();
        best.truncate(limit);
        let mut records: HashMap<(usize, Uuid), Record> = HashMap::new();
        for (at, permit) in permits.iter().enumerate() {
            let ids = best.iter().filter(|(_, of)| *of == at).map(|((_, id), _)| id.0).collect();
            let found = self.by_ids(&Permits::new(permit.clone()), ids, None).await?;
            records.extend(found.into_iter().map(|record| ((at, record.id), record)));
        }
        let mut disclosure = Disclosure::new(self, caller);
        disclosure.show_all(records.values_mut().collect()).await?;
        disclosure.finish().await?;
        let hits = best.iter().filter_map(|((_, id), at)| records.remove(&(*at, id.0)));
        let hits = hits.map(|record| Hit { object: record.object.name.clone(), record }).collect();
        Ok(Found { hits, complete })
    }

    /// The records that have all the words, the best first, and whether these are all of them.
    async fn candidates(&self, permit: &Permit<Read>, terms: &[Term]) -> Result<(Vec<Candidate>, bool), AppError> {
        let mut common: Vec<Term> = Vec::new();
        let mut found: Option<HashMap<Uuid, Grade>> = None;
        let mut only = HashMap::new();
        for term in terms {
            let (having, is_whole) = self.having(permit, term).await?;
            if !is_whole {
                common.push(term.clone());
                only = having;
                continue;
            }
            found = Some(match found {
                None => having,
                Some(before) => before
                    .into_iter()
                    .filter_map(|(id, grade)| having.get(&id).map(|other| (id, grade.plus(*other))))
                    .collect(),
            });
        }
        let (found, complete) = match (found, common.len()) {
            (Some(found), 0) => (found, true),
            // What has the rare words is little: it is looked at for the common ones.
            (Some(found), _) => (self.graded(permit, found, &common).await?, true),
            (None, 1) => (only, false),
            (None, _) => {
                let ids = self.store.having_all(permit, &common).await?;
                let complete = ids.len() <= MAX_CANDIDATES;
                let found = ids.into_iter().take(MAX_CANDIDATES).map(|id| (id, Grade::default())).collect();
                (self.graded(permit, found, &common).await?, complete)
            }
        };
        let found = self.seen(permit, found, terms).await?;
        let mut candidates: Vec<Candidate> = found.into_iter().map(|(id, grade)| (grade, Reverse(id))).collect();
        candidates.sort_unstable();
        let complete = complete && candidates.len() <= MAX_CANDIDATES;
        candidates.truncate(MAX_CANDIDATES);
        Ok((candidates, complete))
    }

    /// Those of them that the permit is for, and that have the words in fields that are shown.
    async fn seen(
        &self,
        permit: &Permit<Read>,
        mut found: HashMap<Uuid, Grade>,
        terms: &[Term],
    ) -> Result<HashMap<Uuid, Grade>, AppError> {
        if permit.rows().filter().is_some() && !found.is_empty() {
            let ids = found.keys().copied().collect();
            let seen = self.store.among(&permit.alone(), ids, &Filter::all()).await?;
            let seen: HashSet<Uuid> = seen.into_iter().collect();
            found.retain(|id, _| seen.contains(id));
        }
        let object = permit.object();
        if !searchable(object).iter().any(|place| object.hidden.contains(place)) {
            return Ok(found);
        }
        let found = found.into_keys().map(|id| (id, Grade::default())).collect();
        self.graded(permit, found, terms).await
    }

    /// The records that have a word, and whether these are all of them.
    async fn having(&self, permit: &Permit<Read>, term: &Term) -> Result<(HashMap<Uuid, Grade>, bool), AppError> {
        let mut having: HashMap<Uuid, Grade> = HashMap::new();
        let mut is_whole = true;
        for span in &term.spans {
            let postings = self.store.postings(permit, span).await?;
            is_whole &= postings.len() <= MAX_CANDIDATES;
            for posting in postings {
                let grade = Grade::of(span, &posting.word, posting.place);
                let best = having.entry(posting.record).or_insert(grade);
                *best = grade.min(*best);
            }
        }
        Ok((having, is_whole))
    }

    /// Those that have the common words too, with their grades.
    async fn graded(
        &self,
        permit: &Permit<Read>,
        found: HashMap<Uuid, Grade>,
        common: &[Term],
    ) -> Result<HashMap<Uuid, Grade>, AppError> {
        let fields = searchable(permit.object());
        let ids = found.keys().copied().collect();
        let records = self.by_ids(&Permits::new(permit.clone()), ids, Some(fields)).await?;
        let grade = |record: &Record| {
            let words = shown_words(&record.object, &record.values);
            let start = found.get(&record.id).copied().unwrap_or_default();
            common.iter().try_fold(start, |all, term| term.grade(&words).map(|grade| all.plus(grade)))
        };
        Ok(records.iter().filter_map(|record| grade(record).map(|grade| (record.id, grade))).collect())
    }
}

/// A place in the order of a search, from a cursor.
fn rank(values: &[serde_json::Value]) -> Option<Candidate> {
    let [begun, aside, id] = values else { return None };
    let id = Uuid::parse_str(id.as_str()?).ok()?;
    Some((Grade { begun: begun.as_i64()?, aside: aside.as_i64()? }, Reverse(id)))
}
