//! Collects what one call reads, sends and says, beside the port that answers it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::observed::About;
use crate::app::catalog::Module;
use crate::app::guest::is_encrypted;
use crate::app::unit_of_work::Work;
use crate::domain::accountability::{Cost, LogLine, Reach};
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::plugin::{Fault, HostAnswer, Input, Output};
use crate::outbound::Trail;

/// What one call did so far.
pub struct Recorder {
    pub(in crate::app) work: Arc<Work>,
    pub(in crate::app) module: Module,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    objects: BTreeMap<String, OfObject>,
    hosts: BTreeMap<String, OfHost>,
    lines: Vec<LogLine>,
    cost: Cost,
    /// Whether it was taken: nothing can be added any more.
    is_closed: bool,
}

/// What was read of an object.
#[derive(Default)]
struct OfObject {
    sets: Vec<Vec<String>>,
    records: BTreeMap<Uuid, usize>,
}

/// What went to a host and came from it.
#[derive(Default)]
struct OfHost {
    requests: u64,
    bytes_out: u64,
    bytes_in: u64,
}

/// All that is looked for in the text of a record.
#[derive(Deserialize)]
struct Named {
    id: Uuid,
}

/// All that is looked for in the text of an event.
#[derive(Deserialize)]
struct Event {
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: String,
    record: Uuid,
    #[serde(default)]
    before: Map<String, Json>,
    #[serde(default)]
    after: Map<String, Json>,
}

impl Recorder {
    /// A recorder of a call of this module.
    pub fn new(work: &Arc<Work>, module: &Module) -> Arc<Self> {
        Arc::new(Self { work: Arc::clone(work), module: module.clone(), seen: Mutex::default() })
    }

    /// Counts a host call that was denied.
    pub fn deny(&self, call: &'static str, code: &str) {
        self.work.app.metrics.denied(&self.module, call, code);
    }

    /// What the call is shown as its input.
    pub fn note_input(&self, input: &Input) {
        match input {
            Input::BeforeWrite(changes) | Input::Validate(changes) => {
                let mut ids: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
                let mut bytes = 0;
                for change in changes {
                    bytes += [&change.before, &change.after].into_iter().flatten().map(String::len).sum::<usize>();
                    ids.entry(&change.object).or_default().extend(Uuid::parse_str(&change.id));
                }
                for (object, ids) in ids {
                    self.records(object, ids, 0);
                }
                self.seen().cost.bytes_read += bytes as u64;
            }
            Input::ComputedField { object, records, .. } => self.texts(object, records.iter().map(String::as_str)),
            Input::OnEvents(events) => {
                for event in events {
                    self.seen().cost.bytes_read += event.len() as u64;
                    let Ok(Event { data }) = serde_json::from_str::<Event>(event) else { continue };
                    let mut fields: Vec<String> =
                        data.before.into_iter().chain(data.after).map(|(name, _)| name).collect();
                    fields.sort_unstable();
                    fields.dedup();
                    self.seen().read(&data.object, &fields, [data.record]);
                }
            }
            _ => {}
        }
    }

    /// What the call wants to have written.
    pub fn note_output(&self, output: &Output) {
        let bytes: usize = match output {
            Output::Outcomes(outcomes) => outcomes.iter().flatten().flatten().map(String::len).sum(),
            Output::Computed(values) => values.iter().map(String::len).sum(),
            _ => 0,
        };
        self.seen().cost.bytes_written += bytes as u64;
    }

    /// Everything that was collected. Nothing is collected from then on.
    pub fn take(&self) -> (Vec<Reach>, Vec<LogLine>, Cost) {
        let closed = Seen { is_closed: true, ..Seen::default() };
        let Seen { objects, hosts, lines, cost, .. } = std::mem::replace(&mut *self.seen(), closed);
        let objects = objects.into_iter().map(|(object, OfObject { sets, records })| Reach::Records {
            object,
            sets,
            records: records.into_iter().collect(),
        });
        let hosts = hosts.into_iter().map(|(host, OfHost { requests, bytes_out, bytes_in })| Reach::Host {
            host,
            requests,
            bytes_out,
            bytes_in,
        });
        (objects.chain(hosts).collect(), lines, cost)
    }

    /// Whether everything was taken: what a guest reads now would not be told.
    pub fn is_closed(&self) -> bool {
        self.seen().is_closed
    }

    /// What a host call was answered.
    pub fn note(&self, about: About, answer: &Result<HostAnswer, Fault>) {
        match (about, answer) {
            (About::Records(object, written), Ok(answer)) => {
                self.seen().cost.bytes_written += written as u64;
                match answer {
                    HostAnswer::Text(text) | HostAnswer::MaybeText(Some(text)) => {
                        self.texts(&object, std::iter::once(text.as_str()));
                    }
                    HostAnswer::Texts(texts) => self.texts(&object, texts.iter().map(String::as_str)),
                    _ => {}
                }
            }
            (About::Figures(object, question), Ok(HostAnswer::Text(text))) => {
                let mut named = Vec::new();
                if let Ok(question) = serde_json::from_str(&question) {
                    names(&question, &mut named);
                }
                let mut fields = self.shown(&object);
                fields.retain(|field| named.contains(field));
                let mut seen = self.seen();
                seen.cost.bytes_read += text.len() as u64;
                seen.read(&object, &fields, []);
            }
            (About::Line(line), _) => self.seen().lines.push(line),
            (About::Kept(bytes), Ok(_)) => self.seen().cost.bytes_written += bytes as u64,
            _ => {}
        }
    }

    /// Records of an object as text.
    fn texts<'a>(&self, object: &str, texts: impl Iterator<Item = &'a str>) {
        let mut bytes = 0;
        let named = texts.filter_map(|text| {
            bytes += text.len();
            serde_json::from_str::<Named>(text).ok().map(|named| named.id)
        });
        let ids: Vec<Uuid> = named.collect();
        self.records(object, ids, bytes);
    }

    fn records(&self, object: &str, ids: Vec<Uuid>, bytes: usize) {
        let fields = self.shown(object);
        let mut seen = self.seen();
        seen.cost.bytes_read += bytes as u64;
        // Whoever may write a record and not read it is told its id alone.
        if !fields.is_empty() && !ids.is_empty() {
            seen.cost.rows_read += ids.len() as u64;
            seen.read(object, &fields, ids);
        }
    }

    /// The fields of an object that the module is shown.
    fn shown(&self, name: &str) -> Vec<String> {
        let manifest = &self.module.manifest;
        let catalog = &self.work.catalog;
        let is_own = |object: &&Arc<Object>| object.namespace.as_deref() == Some(manifest.namespace.as_str());
        let own = catalog.whole.object(name).filter(is_own);
        let (Some(object), Some(grant)) =
            (own.or_else(|| catalog.schema.object(name)), manifest.grants(name, Action::Read))
        else {
            return Vec::new();
        };
        let fields = object.shown().map(|(_, field)| field.name());
        fields.filter(|field| grant.covers(field) && !is_encrypted(object, field)).map(str::to_owned).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trail for Recorder {
    fn sends(&self, host: &str, bytes: usize) -> bool {
        let mut seen = self.seen();
        if seen.is_closed {
            return false;
        }
        seen.cost.bytes_sent += bytes as u64;
        let of = seen.hosts.entry(host.to_owned()).or_default();
        of.requests += 1;
        of.bytes_out += bytes as u64;
        true
    }

    fn unsent(&self, host: &str, bytes: usize) {
        let mut seen = self.seen();
        // What was taken meanwhile stays as it is: it says too much rather than too little.
        let Some(of) = seen.hosts.get_mut(host) else { return };
        of.requests -= 1;
        of.bytes_out -= bytes as u64;
        if of.requests == 0 {
            seen.hosts.remove(host);
        }
        seen.cost.bytes_sent -= bytes as u64;
    }

    fn received(&self, host: &str, bytes: usize) {
        if let Some(of) = self.seen().hosts.get_mut(host) {
            of.bytes_in += bytes as u64;
        }
    }
}

impl Seen {
    /// These fields of these records; of none, when they went into figures.
    fn read(&mut self, object: &str, fields: &[String], ids: impl IntoIterator<Item = Uuid>) {
        let OfObject { sets, records } = self.objects.entry(object.to_owned()).or_default();
        let new = point_of(sets, fields.to_vec());
        let mut mixed: Vec<(Uuid, usize)> = Vec::new();
        for id in ids {
            match records.get(&id) {
                Some(old) if *old != new => mixed.push((id, *old)),
                _ => {
                    records.insert(id, new);
                }
            }
        }
        for (id, old) in mixed {
            let mut both = sets[old].clone();
            both.extend(fields.iter().cloned());
            both.sort_unstable();
            both.dedup();
            let place = point_of(sets, both);
            records.insert(id, place);
        }
    }
}

/// The place of a list of fields among those that are known.
fn point_of(sets: &mut Vec<Vec<String>>, fields: Vec<String>) -> usize {
    sets.iter().position(|set| *set == fields).unwrap_or_else(|| {
        sets.push(fields);
        sets.len() - 1
    })
}

/// All words that a question is made of.
fn names(json: &Json, into: &mut Vec<String>) {
    match json {
        Json::String(text) => into.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| names(item, into)),
        Json::Object(members) => {
            for (name, member) in members {
                into.push(name.clone());
                names(member, into);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_read_twice_has_all_that_was_read_of_it() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut seen = Seen::default();
        seen.read("contact", &set(&["name"]), [one, two]);
        seen.read("contact", &set(&["email"]), [two]);
        seen.read("contact", &set(&["name"]), [one]);
        let of = &seen.objects["contact"];
        assert_eq!(of.sets[of.records[&one]], set(&["name"]));
        assert_eq!(of.sets[of.records[&two]], set(&["email", "name"]));
    }
}
