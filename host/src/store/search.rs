//! The words of records: kept beside them in the same commit, and looked up by stretches.
//!
//! One row per word, in the order in which a search wants them. A stretch of
//! words is a range of the key, so that a word that is common in one tenant
//! costs the others nothing, and the best records of a common word come first.

mod rebuild;

use std::fmt::Write as _;

use indexmap::IndexMap;
use sea_query::Value as Bound;
use uuid::Uuid;

use super::commit::{Change, Write, chunks};
use super::db::{Expect, Reach, Step, Stmt};
use super::{Store, StoreError};
use crate::access::{Permit, Read};
use crate::domain::id::TenantId;
use crate::domain::object::Object;
use crate::domain::search::{MAX_CANDIDATES, Span, Term, Words, words};

/// Words in one statement: SQLite takes 32,766 values.
const WORDS_PER_STATEMENT: usize = 5_000;
/// Records whose words are added one record at a time.
const FEW: usize = 8;
/// Most words of many records that one statement adds.
const WORDS_AT_ONCE: usize = 512;

/// A record that has a word.
#[derive(Clone, Debug)]
pub struct Posting {
    /// The word.
    pub word: String,
    /// 0 in the first searchable field, 1 in others.
    pub place: i64,
    /// The record.
    pub record: Uuid,
}

impl Store {
    /// The steps that keep the words of records as they are written.
    pub(super) fn word_steps(tenant: TenantId, writes: &[Write]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut come: IndexMap<&str, Vec<(String, i64, Uuid)>> = IndexMap::new();
        for write in writes {
            let (gone, words) = Self::words_of(tenant, write);
            steps.extend(gone);
            let record = &write.record;
            if writes.len() <= FEW {
                steps.extend(Self::add_words(tenant, &record.object, record.id, &words));
            } else {
                let rows = words.into_iter().map(|(word, place)| (word, place, record.id));
                come.entry(&record.object.name).or_default().extend(rows);
            }
        }
        for (object, mut rows) in come {
            // In the order of the index, so that neighbours go to the page that was just found.
            rows.sort_unstable();
            steps.extend(chunks(&rows, WORDS_AT_ONCE).map(|rows| Self::add_words_of_many(tenant, object, rows)));
        }
        steps
    }

    /// Adds words of many records; the text is the same for as many rows.
    fn add_words_of_many(tenant: TenantId, object: &str, rows: &[(String, i64, Uuid)]) -> Step {
        let mut sql = "insert into search_token (tenant_id, object, record_id, token, place) values ".to_owned();
        let mut values: Vec<Bound> = vec![tenant.0.into(), object.into()];
        for (word, place, record) in rows {
            let comma = if values.len() == 2 { "" } else { ", " };
            values.extend([(*record).into(), word.as_str().into(), (*place).into()]);
            let at = values.len();
            let _ = write!(sql, "{comma}($1, $2, ${}, ${}, ${at})", at - 2, at - 1);
        }
        sql.push_str(" on conflict do nothing");
        Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }
    }

    /// The steps that delete words of a record as it is written, and the words that are new.
    fn words_of(tenant: TenantId, write: &Write) -> (Vec<Step>, Words) {
        let record = &write.record;
        let object = &record.object;
        let is_untouched = match &write.change {
            Change::Update { places, .. } => !places.iter().any(|&place| object.fields[place].def.searchable),
            _ => !object.fields.iter().any(|field| field.def.searchable),
        };
        if is_untouched {
            return (Vec::new(), Words::new());
        }
        let of = |values| words(object, values);
        let (old, new) = match (&write.change, &write.before) {
            (Change::Delete { .. }, _) => (of(&record.values), Words::new()),
            (_, Some(before)) => (of(before), of(&record.values)),
            (_, None) => (Words::new(), of(&record.values)),
        };
        let gone: Vec<&String> =
            old.iter().filter(|(word, place)| new.get(*word) != Some(place)).map(|(word, _)| word).collect();
        let come: Words =
            new.iter().filter(|(word, place)| old.get(*word) != Some(place)).map(|(w, p)| (w.clone(), *p)).collect();
        let mut steps = Vec::new();
        for gone in gone.chunks(WORDS_PER_STATEMENT) {
            let mut values: Vec<Bound> = vec![tenant.0.into(), object.name.as_str().into(), record.id.into()];
            let names: Vec<String> = (4..4 + gone.len()).map(|at| format!("${at}")).collect();
            values.extend(gone.iter().map(|word| word.as_str().into()));
            let sql = format!(
                "delete from search_token where tenant_id = $1 and object = $2 and record_id = $3 \
                 and place in (0, 1) and token in ({})",
                names.join(", ")
            );
            steps.push(Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing });
        }
        (steps, come)
    }

    /// The steps that add words of a record.
    fn add_words(tenant: TenantId, object: &Object, record: Uuid, words: &Words) -> Vec<Step> {
        let words: Vec<(&String, &i64)> = words.iter().collect();
        let statement = |words: &[(&String, &i64)]| {
            let mut sql = "insert into search_token (tenant_id, object, record_id, token, place) values ".to_owned();
            let mut values: Vec<Bound> = vec![tenant.0.into(), object.name.as_str().into(), record.into()];
            for (nth, (word, place)) in words.iter().enumerate() {
                let comma = if nth == 0 { "" } else { ", " };
                let at = values.len();
                let _ = write!(sql, "{comma}($1, $2, $3, ${}, ${})", at + 1, at + 2);
                values.push(word.as_str().into());
                values.push((**place).into());
            }
            sql.push_str(" on conflict do nothing");
            Step { stmt: Stmt::new(sql, values), expect: Expect::Nothing }
        };
        words.chunks(WORDS_PER_STATEMENT).map(statement).collect()
    }

    /// Records that have a word of a stretch, the best first, one more than
    /// the bound at most: first those with the very word, then those with longer ones.
    pub async fn postings(&self, permit: &Permit<Read>, span: &Span) -> Result<Vec<Posting>, StoreError> {
        let (first, end) = span.bounds();
        let head = "select token, place, record_id from search_token where tenant_id = $1 and object = $2";
        let tail = format!("limit {}", MAX_CANDIDATES + 1);
        let key: [Bound; 3] = [permit.tenant().0.into(), permit.object().name.as_str().into(), first.into()];
        let sql = format!("{head} and token = $3 order by place, record_id desc {tail}");
        let mut found = self.rows(permit.tenant(), Stmt::new(sql, key.clone())).await?;
        if let Some(end) = end.filter(|_| found.len() <= MAX_CANDIDATES) {
            let sql = format!("{head} and token > $3 and token < $4 order by token, place, record_id desc {tail}");
            let values: Vec<Bound> = key.into_iter().chain([end.into()]).collect();
            found.extend(self.rows(permit.tenant(), Stmt::new(sql, values)).await?);
        }
        Ok(found)
    }

    async fn rows(&self, tenant: TenantId, stmt: Stmt) -> Result<Vec<Posting>, StoreError> {
        let posting =
            |row: &super::db::Row<'_>| Ok(Posting { word: row.text(0)?, place: row.integer(1)?, record: row.id(2)? });
        self.db.of(tenant).all(Reach::List, stmt, posting).await
    }

    /// The newest records that have all these words, one more than the bound
    /// at most: for words that are all common.
    pub async fn having_all(&self, permit: &Permit<Read>, terms: &[Term]) -> Result<Vec<Uuid>, StoreError> {
        self.db.of(permit.tenant()).all(Reach::List, having_all(permit, terms), |row| row.id(0)).await
    }
}

fn having_all(permit: &Permit<Read>, terms: &[Term]) -> Stmt {
    let mut values: Vec<Bound> = vec![permit.tenant().0.into(), permit.object().name.as_str().into()];
    let mut parts = Vec::new();
    for term in terms {
        let mut spans = Vec::new();
        for span in &term.spans {
            let (first, end) = span.bounds();
            values.push(first.into());
            let from = values.len();
            let is_within = match end {
                None => format!("token = ${from}"),
                Some(end) => {
                    values.push(end.into());
                    format!("token >= ${from} and token < ${}", values.len())
                }
            };
            spans.push(format!(
                "select record_id from search_token where tenant_id = $1 and object = $2 and {is_within}"
            ));
        }
        parts.push(format!("select record_id from ({}) s{}", spans.join(" union all "), parts.len()));
    }
    let sql = format!("{} order by record_id desc limit {}", parts.join(" intersect "), MAX_CANDIDATES + 1);
    Stmt::new(sql, values)
}

#[cfg(test)]
impl Store {
    /// How the engine would look words up, for the tests of the plans.
    pub async fn plans_of_words(&self, permit: &Permit<Read>, terms: &[Term]) -> Vec<String> {
        let head = "select token, place, record_id from search_token where tenant_id = $1 and object = $2";
        let key: [Bound; 4] = [permit.tenant().0.into(), permit.object().name.as_str().into(), "a".into(), "b".into()];
        let longer = format!("{head} and token > $3 and token < $4 order by token, place, record_id desc limit 9");
        let gone = "delete from search_token where tenant_id = $1 and object = $2 and record_id = $3 \
                    and place in (0, 1) and token in ($4)";
        let of_record: [Bound; 4] = [key[0].clone(), key[1].clone(), Uuid::nil().into(), "a".into()];
        let statements = [
            Stmt::new(format!("{head} and token = $3 order by place, record_id desc limit 9"), &key[..3]),
            Stmt::new(longer, &key[..]),
            having_all(permit, terms),
            Stmt::new(gone, &of_record[..]),
        ];
        let mut plans = Vec::new();
        for stmt in statements {
            plans.push(self.explained(permit.tenant(), stmt).await);
        }
        plans
    }
}
