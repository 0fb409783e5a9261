//! Which events a module hears of, and what of them.

use serde_json::{Map, Value as Json, json};

use crate::app::catalog::{Catalog, Module};
use crate::app::guest::is_encrypted;
use crate::domain::event::{MAX_DEPTH, PastEvent};
use crate::domain::event_type::TypePattern;
use crate::domain::permission::Action;
use crate::domain::plugin::{Manifest, OnEvents};

/// What one module hears of.
pub struct Hears<'a> {
    catalog: &'a Catalog,
    manifest: &'a Manifest,
    on_events: &'a OnEvents,
    types: Vec<TypePattern>,
}

impl<'a> Hears<'a> {
    /// What a module hears of; none when it hears of nothing.
    pub fn of(catalog: &'a Catalog, module: &'a Module) -> Option<Self> {
        let on_events = module.manifest.hooks.on_events.as_ref()?;
        let types = on_events.types.iter().filter_map(|text| TypePattern::parse(text).ok()).collect();
        Some(Self { catalog, manifest: &module.manifest, on_events, types })
    }

    /// Most events of one call.
    pub fn batch(&self, usual: u32, most: u32) -> u32 {
        self.on_events.batch.unwrap_or(usual).clamp(1, most)
    }

    /// Whether the module is to hear of an event: of a type that it named, about records that it may read, or of
    /// a module that it stands on. Not of what it made itself, nor of what a long chain of modules led to.
    pub fn wants(&self, event: &PastEvent) -> bool {
        let of_type = self.types.iter().any(|pattern| pattern.matches(&event.event_type()));
        let is_own = event.cause.as_deref() == Some(self.manifest.id.as_str());
        if !of_type || is_own || event.depth > MAX_DEPTH {
            return false;
        }
        match (&event.own_type, &event.plugin) {
            (Some(_), Some(plugin)) => self.manifest.requires.iter().any(|required| required.plugin == *plugin),
            (Some(_), None) => false,
            (None, _) => {
                self.catalog.whole.object(&event.object).is_some()
                    && self.manifest.grants(&event.object, Action::Read).is_some()
            }
        }
    }

    /// An event as the module may see it: with the fields that it was granted.
    pub fn shown(&self, event: &PastEvent) -> String {
        let mut event = event.clone();
        if event.own_type.is_none() {
            event.before = self.visible(&event.object, event.before);
            event.after = self.visible(&event.object, event.after);
        }
        json!(event).to_string()
    }

    fn visible(&self, object: &str, values: Json) -> Json {
        let (Some(grant), Some(object)) =
            (self.manifest.grants(object, Action::Read), self.catalog.whole.object(object))
        else {
            return Json::Object(Map::new());
        };
        let Json::Object(mut values) = values else { return values };
        values.retain(|name, _| (object.position(name).is_none() || grant.covers(name)) && !is_encrypted(object, name));
        Json::Object(values)
    }
}
