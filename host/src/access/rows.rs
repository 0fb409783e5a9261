//! Which records a permit is for: a filter that the store puts into every statement.

use std::sync::Arc;

use uuid::Uuid;

use super::policy::{Decision, Policy};
use crate::domain::caller::Caller;
use crate::domain::field::FieldType;
use crate::domain::filter::{Filter, Scope, Target};
use crate::domain::moment::Moment;
use crate::domain::object::Object;
use crate::domain::permission::Action;
use crate::domain::role::Reach;
use crate::domain::schema::Schema;
use crate::domain::value::Value;

/// Most links from a record to the one whose owner it has.
const MAX_STEPS: usize = 3;

/// Records of an object.
#[derive(Clone, Debug, Default)]
pub enum Rows {
    /// Every one.
    #[default]
    All,
    /// Those that meet the filter.
    Some(Arc<Filter>),
}

impl Rows {
    /// The filter, when not every record is meant.
    pub fn filter(&self) -> Option<&Filter> {
        match self {
            Self::All => None,
            Self::Some(filter) => Some(filter),
        }
    }
}

/// What rows are worked out from.
pub(super) struct Rules<'a> {
    pub policy: &'a Policy,
    pub schema: &'a Schema,
    pub moment: Moment,
    pub caller: &'a Caller,
}

impl Rules<'_> {
    /// The records that a decision is about.
    pub fn rows(&self, object: &Arc<Object>, action: Action, decision: &Decision) -> Rows {
        // What everybody works with is not shown to partners, who see what is shared.
        let is_common = object.common && action == Action::Read;
        match decision.reach {
            Some(Reach::All) => return Rows::All,
            Some(Reach::Own | Reach::Team | Reach::TeamTree) if is_common => return Rows::All,
            _ => {}
        }
        let mut any = Vec::new();
        if let Some(reach) = decision.reach {
            any.extend(self.owned(object, reach, MAX_STEPS));
        }
        for at in &decision.filtered {
            let rule = self.policy.filtered(*at);
            let Some(filter) = self.parsed(object, &rule.filter) else { continue };
            match rule.reach {
                Reach::All => any.push(filter),
                reach => any.extend(self.owned(object, reach, MAX_STEPS).map(|own| Filter::And(vec![own, filter]))),
            }
        }
        if matches!(action, Action::Read | Action::Update | Action::Export) {
            let edits = action == Action::Update;
            any.push(Filter::Shared { with: self.caller.subjects().collect(), edits, at: self.moment.at });
        }
        Rows::Some(Arc::new(Filter::Or(any)))
    }

    /// The records that belong to those whom a scope reaches; none when it reaches nobody.
    fn owned(&self, object: &Arc<Object>, reach: Reach, steps: usize) -> Option<Filter> {
        let people: Vec<Uuid> = match reach {
            Reach::All => return Some(Filter::all()),
            Reach::Shared => return None,
            Reach::Own => vec![self.caller.me()],
            Reach::Team | Reach::TeamTree => {
                let tree = reach == Reach::TeamTree;
                self.policy.org.colleagues(self.caller.me(), &self.caller.teams, tree).into_iter().collect()
            }
        };
        self.owned_by(object, &people, steps)
    }

    fn owned_by(&self, object: &Arc<Object>, people: &[Uuid], steps: usize) -> Option<Filter> {
        let mut any = Vec::new();
        for &place in &object.owned_by {
            match &object.fields[place].kind {
                FieldType::Link(to) => {
                    let Some(to) = self.schema.object(to).filter(|_| steps > 0) else { continue };
                    if let Some(filter) = self.owned_by(to, people, steps - 1) {
                        any.push(Filter::Linked { place, object: Arc::clone(to), filter: Box::new(filter) });
                    }
                }
                _ => any.push(Filter::In(Target::Field(place), people.iter().copied().map(Value::Id).collect())),
            }
        }
        (!any.is_empty()).then_some(Filter::Or(any))
    }

    /// A rule's filter; none when it does not fit the schema any more, so that it lets nothing through.
    fn parsed(&self, object: &Arc<Object>, json: &serde_json::Value) -> Option<Filter> {
        let scope = Scope {
            schema: self.schema,
            object: self.schema.object(&object.name)?,
            moment: self.moment,
            me: self.caller.me(),
            teams: &self.caller.teams,
            sees: &|_, _| true,
        };
        Filter::parse(&scope, json)
            .inspect_err(|faults| {
                let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
                tracing::warn!(object = object.name, ?codes, "a rule's filter does not fit any more");
            })
            .ok()
    }
}
