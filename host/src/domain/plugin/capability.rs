//! Capabilities: what a plugin asks for, each by a name that a tenant can grant.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Manifest;
use super::extension::WriteHook;
use super::permission::{HttpPermission, Permissions, RecordPermission};

/// What stands for all fields or all methods.
const ALL: &str = "*";

/// Something that a plugin may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Capability {
    /// Its name: `records:contact:read:email`, `http:api.example.com:POST`, `kv`, `jobs`, `events:acme.done`,
    /// `secrets:TOKEN`, `actions:guildhall.sales:convert`.
    pub name: String,
    /// Why the plugin asks for it, in the words of its manifest.
    pub reason: Option<String>,
}

impl Manifest {
    /// Everything that it asks for, but for records of its own objects.
    pub fn capabilities(&self) -> Vec<Capability> {
        let asked = &self.permissions;
        let mut names: BTreeSet<(&str, String)> = BTreeSet::new();
        for grant in asked.records.iter().filter(|grant| !self.is_own(&grant.object)) {
            names.extend(grant.names().map(|name| ("records", name)));
        }
        for http in &asked.http {
            names.extend(http.names().map(|name| ("http", name)));
        }
        names.extend(asked.kv.iter().map(|_| ("kv", "kv".to_owned())));
        names.extend(asked.jobs.then(|| ("jobs", "jobs".to_owned())));
        names.extend(asked.events.publish.iter().map(|kind| ("events", format!("events:{kind}"))));
        names.extend(asked.secrets.iter().map(|name| ("secrets", format!("secrets:{name}"))));
        for other in &asked.actions {
            names.extend(other.actions.iter().map(|name| ("actions", format!("actions:{}:{name}", other.plugin))));
        }
        let reason = |kind: &str, name: &str| {
            let of = |reason: &&super::Reason| reason.permission == name || reason.permission == kind;
            asked.reasons.iter().find(of).map(|reason| reason.text.clone())
        };
        names.into_iter().map(|(kind, name)| Capability { reason: reason(kind, &name), name }).collect()
    }

    /// What it asks for beyond what was granted, and which changes of others' records it wants to see and may refuse
    /// that the version before it did not: whoever agreed to that one did not agree to these.
    pub fn asks_more(&self, granted: &[String], before: &Self) -> Vec<Capability> {
        let known = before.watches();
        let watches = self.watches().into_iter().filter(|name| !known.contains(name));
        let mut more = self.capabilities();
        more.extend(watches.map(|name| Capability { name, reason: None }));
        more.retain(|one| !granted.contains(&one.name));
        more
    }

    /// Its hooks over changes of records that it did not bring, as `hooks:before-write:contact`.
    pub fn watches(&self) -> BTreeSet<String> {
        let of = |point: &str, hooks: &[WriteHook]| -> Vec<String> {
            let foreign = hooks.iter().filter(|hook| !self.is_own(&hook.object));
            foreign.map(|hook| format!("hooks:{point}:{}", hook.object)).collect()
        };
        let hooks = [of("before-write", &self.hooks.before_write), of("validate", &self.hooks.validate)];
        hooks.into_iter().flatten().collect()
    }

    /// Whether it asks for more than what was granted.
    pub fn asks_beyond(&self, granted: &[String]) -> bool {
        self.capabilities().iter().any(|asked| !granted.contains(&asked.name))
    }

    /// The same plugin with no more than what was granted.
    #[must_use]
    pub fn narrowed(&self, granted: &[String]) -> Self {
        let has = |name: &str| granted.iter().any(|own| own == name);
        let asked = &self.permissions;
        let mut records = Vec::new();
        for grant in &asked.records {
            if self.is_own(&grant.object) {
                records.push(grant.clone());
                continue;
            }
            for op in &grant.ops {
                let may = |field: &&String| has(&record_name(&grant.object, op.name(), field));
                let fields: Vec<String> = grant.fields.iter().filter(may).cloned().collect();
                if !fields.is_empty() {
                    records.push(RecordPermission { object: grant.object.clone(), ops: vec![*op], fields });
                }
            }
        }
        let http = asked.http.iter().filter_map(|http| http.narrowed(&has));
        let actions = asked.actions.iter().cloned().map(|mut other| {
            other.actions.retain(|name| has(&format!("actions:{}:{name}", other.plugin)));
            other
        });
        let mut events = asked.events.clone();
        events.publish.retain(|kind| has(&format!("events:{kind}")));
        let permissions = Permissions {
            records,
            kv: asked.kv.clone().filter(|_| has("kv")),
            http: http.collect(),
            events,
            jobs: asked.jobs && has("jobs"),
            secrets: asked.secrets.iter().filter(|name| has(&format!("secrets:{name}"))).cloned().collect(),
            actions: actions.collect(),
            reasons: asked.reasons.clone(),
        };
        Self { permissions, ..self.clone() }
    }
}

fn record_name(object: &str, op: &str, field: &str) -> String {
    format!("records:{object}:{op}:{field}")
}

impl RecordPermission {
    fn names(&self) -> impl Iterator<Item = String> {
        self.ops.iter().flat_map(|op| self.fields.iter().map(|field| record_name(&self.object, op.name(), field)))
    }
}

impl HttpPermission {
    fn names(&self) -> impl Iterator<Item = String> {
        let all = self.methods.is_empty().then(|| ALL.to_owned());
        self.methods.iter().cloned().chain(all).map(|method| format!("http:{}:{method}", self.host))
    }

    fn narrowed(&self, has: &impl Fn(&str) -> bool) -> Option<Self> {
        if self.methods.is_empty() {
            return has(&format!("http:{}:{ALL}", self.host)).then(|| self.clone());
        }
        let may = |method: &&String| has(&format!("http:{}:{method}", self.host));
        let methods: Vec<String> = self.methods.iter().filter(may).cloned().collect();
        (!methods.is_empty()).then(|| Self { host: self.host.clone(), methods })
    }
}
