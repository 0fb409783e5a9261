//! How much of everything a manifest may list: each object is a table, each field a column, and all of it is looked
//! through whenever the plugin is called.

use super::super::Manifest;
use super::Faults;

/// Most of what is not named below.
const MOST: usize = 100;
/// Permissions for records: more than one may be for the same object.
const RECORDS: usize = 200;
/// Objects, fields of one object, and fields of all objects together.
const OBJECTS: usize = 100;
const FIELDS: usize = 200;
const ALL_FIELDS: usize = 1_000;
/// Indexes over several fields, and rules for duplicates, of one object.
const INDEXES: usize = 50;

pub fn check(manifest: &Manifest, faults: &mut Faults) {
    let (hooks, asked) = (&manifest.hooks, &manifest.permissions);
    let counts = [
        ("objects", manifest.objects.len(), OBJECTS),
        ("hooks.before-write", hooks.before_write.len(), MOST),
        ("hooks.validate", hooks.validate.len(), MOST),
        ("hooks.computed-field", hooks.computed_field.len(), MOST),
        ("hooks.on-events.types", hooks.on_events.as_ref().map_or(0, |on_events| on_events.types.len()), MOST),
        ("hooks.scheduled", hooks.scheduled.len(), MOST),
        ("hooks.http-route", hooks.http_route.len(), MOST),
        ("actions", manifest.actions.len(), MOST),
        ("views", manifest.views.len(), MOST),
        ("requires", manifest.requires.len(), MOST),
        ("permissions.records", asked.records.len(), RECORDS),
        ("permissions.http", asked.http.len(), MOST),
        ("permissions.events.publish", asked.events.publish.len(), MOST),
        ("permissions.secrets", asked.secrets.len(), MOST),
        ("permissions.actions", asked.actions.len(), MOST),
        ("permissions.reasons", asked.reasons.len(), MOST),
    ];
    for (path, count, most) in counts {
        at_most(path, count, most, faults);
    }
    for (at, grant) in asked.records.iter().enumerate() {
        at_most(&format!("permissions.records[{at}].fields"), grant.fields.len(), FIELDS, faults);
    }
    for (at, other) in asked.actions.iter().enumerate() {
        at_most(&format!("permissions.actions[{at}].actions"), other.actions.len(), MOST, faults);
    }
    for (at, object) in manifest.objects.iter().enumerate() {
        at_most(&format!("objects[{at}].fields"), object.fields.len(), FIELDS, faults);
        at_most(&format!("objects[{at}].indexes"), object.indexes.len(), INDEXES, faults);
        at_most(&format!("objects[{at}].duplicates"), object.duplicates.len(), INDEXES, faults);
    }
    let fields: usize = manifest.objects.iter().map(|object| object.fields.len()).sum();
    if fields > ALL_FIELDS {
        faults.add("objects", format!("have {fields} fields together, and may have {ALL_FIELDS}"));
    }
}

fn at_most(path: &str, count: usize, most: usize, faults: &mut Faults) {
    if count > most {
        faults.add(path, format!("are {count}, and may be {most}"));
    }
}
