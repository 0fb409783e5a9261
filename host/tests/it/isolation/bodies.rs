//! Bodies of requests, with places in them: by hand where an operation is like no other, from the document for fields.

use serde_json::{Map, Value as Json, json};

use super::templates::Document;
use crate::access::fields_of;

/// Members that are ids by the document, and that no request carries; may only shrink.
const LEFT_OUT: &[&str] = &[];

/// Bodies of an operation, the plainest first.
pub fn bodies(operation: &str, object: &str, described: &Json, document: &Document) -> Vec<Json> {
    let content = &described["requestBody"]["content"];
    if content.is_null() {
        return Vec::new();
    }
    let all = bodies_of(operation, object, document)
        .unwrap_or_else(|| panic!("say in `bodies_of` what {operation} takes, with `@kind` where an id can stand"));
    let mut ids = Vec::new();
    find_ids(document, document.resolve(&content["application/json"]["schema"]), &mut ids);
    for id in ids {
        let is_tried = all.iter().any(|body| carries(body, &id));
        assert!(
            is_tried || LEFT_OUT.contains(&id.as_str()),
            "`{id}` of {operation} is an id, and no body of it has a place for one: add one in `bodies_of`"
        );
    }
    all
}

#[expect(clippy::too_many_lines, reason = "a table of operations and what they take")]
fn bodies_of(operation: &str, object: &str, document: &Document) -> Option<Vec<Json>> {
    let (plain, links) = (plain(object), links(object, document));
    let own = format!("@{object}");
    let with = |base: &Json, more: &Json| {
        let mut all = base.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Json::Object(all)
    };
    let each_link = |base: &Json| -> Vec<Json> { links.iter().map(|link| with(base, link)).collect() };
    let one = |json: Json| vec![json];
    Some(match operation {
        "create" => [one(plain.clone()), each_link(&plain)].concat(),
        "update" => [one(json!({})), links.clone()].concat(),
        "batch" => {
            let updates = links.iter().map(|link| json!({"op": "update", "id": own, "fields": link}));
            let creates = each_link(&plain).into_iter().map(|fields| json!({"op": "create", "fields": fields}));
            let operations = updates.chain(creates).chain([
                json!({"op": "delete", "id": own, "version": 2}),
                json!({"op": "restore", "id": format!("@{object}!")}),
                json!({"op": "update", "id": own, "fields": {}}),
            ]);
            let of = |operation| ["atomic", "each"].map(|mode| json!({"mode": mode, "operations": [operation]}));
            operations.flat_map(of).collect()
        }
        "upsert" => {
            let base = json!({"match": "external_id", "fields": with(&plain, &json!({"external_id": "never"}))});
            let linked =
                links.iter().map(|link| json!({"match": "external_id", "fields": with(&base["fields"], link)}));
            [json!({"match": "@field", "fields": {"external_id": "x"}})].into_iter().chain(linked).collect()
        }
        "merge" => {
            let other = format!("@{object}#2");
            vec![
                json!({"into": own, "from": [other]}),
                json!({"into": own, "from": [other], "fields": {"name": {"from": other}}}),
            ]
        }
        "unmerge" => one(json!({"merge": "@merge"})),
        "duplicates" => [one(json!({"id": own}))]
            .into_iter()
            .chain(links.iter().map(|link| one(json!({"fields": link}))))
            .flatten()
            .collect(),
        "search" => {
            let mut all = vec![
                json!({"text": "@word"}),
                json!({"sort": ["@field"]}),
                json!({"fields": ["@field"]}),
                json!({"expand": ["@field"]}),
                json!({"cursor": format!("@cursor:list:{object}")}),
            ];
            all.extend(filters(object, document).into_iter().map(|filter| json!({"filter": filter, "count": "exact"})));
            all
        }
        "aggregate" => {
            let mut all =
                vec![json!({"group_by": ["@field"]}), json!({"measures": [{"fn": "count", "field": "@field"}]})];
            all.extend(filters(object, document).into_iter().map(|filter| json!({"filter": filter})));
            all
        }
        "change_matching" => {
            let change = json!({"note": "x"});
            let filtered =
                filters(object, document).into_iter().map(|filter| json!({"filter": filter, "fields": change}));
            filtered.chain(links.iter().map(|link| json!({"filter": {}, "all": true, "fields": link}))).collect()
        }
        "delete_matching" => filters(object, document).into_iter().map(|filter| json!({"filter": filter})).collect(),
        "share" => {
            ["user", "team", "company"].map(|with| json!({"with": with, "subject": format!("@{with}")})).to_vec()
        }
        "create_user" | "change_user" => {
            let base =
                if operation == "create_user" { json!({"email": "new@example.com", "name": "N"}) } else { json!({}) };
            [
                json!({"manager": "@user"}),
                json!({"company": "@company"}),
                json!({"roles": ["@role"]}),
                json!({"email": "@email"}),
            ]
            .iter()
            .map(|more| with(&base, more))
            .collect()
        }
        "create_team" | "change_team" => [json!({"parent": "@team"}), json!({"members": ["@user"]})]
            .iter()
            .map(|more| with(&json!({"name": "New team"}), more))
            .collect(),
        "create_api_key" => {
            vec![json!({"name": "k", "user": "@user"}), json!({"name": "k", "service": true, "role": "@role"})]
        }
        "create_role" | "replace_role" => {
            let rule = |rule: Json| json!({"name": "@role", "label": "R", "rules": [rule]});
            let mut all = vec![
                json!({"name": "@role", "label": "R", "extends": ["@role"]}),
                rule(json!({"objects": ["@object"], "actions": ["read"]})),
                rule(json!({"objects": ["contact"], "actions": ["read"], "except": ["@field"]})),
            ];
            if operation == "replace_role" {
                all.extend(
                    filters("contact", document)
                        .into_iter()
                        .map(|filter| rule(json!({"objects": ["contact"], "actions": ["read"], "filter": filter}))),
                );
            } else {
                // A new name would be a new role each time.
                for body in &mut all {
                    body["name"] = json!("owner");
                }
            }
            all
        }
        "create_webhook" => one(json!({"url": "https://hooks.example.com/", "types": ["@type"]})),
        "change_webhook" => one(json!({"types": ["@type"]})),
        "replay_webhook" => one(json!({"since": "2020-01-01T00:00:00Z"})),
        "create_export" => {
            let mut all = vec![
                json!({"object": "@object"}),
                json!({"object": "contact", "fields": ["@field"]}),
                json!({"object": "contact", "sort": "@field"}),
            ];
            all.extend(
                filters("contact", document).into_iter().map(|filter| json!({"object": "contact", "filter": filter})),
            );
            all
        }
        "change_import" => {
            vec![json!({"mapping": {"name": "@field"}}), json!({"options": {"mode": "upsert", "key": "@field"}})]
        }
        "start_import" => one(json!({"key": "@field", "mode": "upsert"})),
        // Names of what is new are the tenant's own: what others call theirs is tried by itself.
        "add_object" => one(json!({"name": "nothing", "label": "N", "plural": "N", "fields": []})),
        "change_object" | "change_field" => one(json!({"label": "L"})),
        "add_field" => one(json!({"name": "x_new", "label": "N", "type": "link", "to": "@object"})),
        "set_module" => one(json!({"consent": ["*"]})),
        "put_plan" => one(json!({"max_users": 5})),
        "shadow_module" => one(json!({"version": "0.1.0"})),
        "invite_user" | "call_action" => one(json!({})),
        "erase_person" => one(json!({"confirm": own})),
        "propose_modules" => one(json!({"answers": {"industry": "retail"}})),
        "accept_modules" => one(json!({"modules": []})),
        "roll_out_plugin" => one(json!({"version": "0.1.0", "tenants": ["@tenant"]})),
        "revoke_plugin" => one(json!({"reason": "R"})),
        "install_plugin" => one(json!("no component")),
        "add_plugin_key" => one(json!({"publisher": "acme", "key": "ed25519:"})),
        "create_tenant" => one(json!({"slug": "new", "name": "New"})),
        "change_tenant" => one(json!({"name": "New"})),
        "put_identity_provider" => {
            let base =
                json!({"label": "L", "issuer": "https://id.example.com", "client_id": "c", "client_secret": "s"});
            vec![base.clone(), with(&base, &json!({"default_role": "@role"}))]
        }
        "change_password" => one(json!({"current_password": "x", "password": "y"})),
        "confirm_second_factor" => one(json!({"code": "123456"})),
        "begin_second_factor" | "end_second_factor" | "renew_recovery_codes" => one(json!({"current_password": "x"})),
        "create_import" => one(json!("name\nSomebody\n")),
        "set_content" => one(json!("content")),
        _ => return None,
    })
}

/// Filters that name one thing, in every way in which a filter can.
pub fn filters(object: &str, document: &Document) -> Vec<Json> {
    let own = format!("@{object}");
    if object.is_empty() {
        return Vec::new();
    }
    let mut all = vec![
        json!({"id": {"_eq": own}}),
        json!({"id": {"_in": [own]}}),
        json!({"_not": {"id": {"_eq": own}}}),
        json!({"_or": [{"id": {"_eq": own}}, {"id": {"_eq": own}}]}),
    ];
    for (name, field) in document.fields(object) {
        for kind in Document::names(&field) {
            let at = format!("@{kind}");
            if field["type"].to_string().contains("array") {
                all.push(json!({name.as_str(): {"_has": at}}));
                all.push(json!({name.as_str(): {"_some": {"id": {"_eq": at}}}}));
                all.push(json!({name.as_str(): {"_none": {"id": {"_eq": at}}}}));
            } else if field["type"].to_string().contains("object") {
                all.push(json!({name.as_str(): {"_has": {"object": kind, "id": at}}}));
            } else {
                all.push(json!({name.as_str(): {"_eq": at}}));
                all.push(json!({name.as_str(): {"_neq": at}}));
                if kind != "user" {
                    all.push(json!({name.as_str(): {"id": {"_eq": at}}}));
                }
            }
        }
    }
    for (end, link, kind) in [("contact", "orders", "order"), ("company", "contacts", "contact")] {
        if object == end {
            for how in ["_some", "_none", "_every"] {
                all.push(json!({link: {how: {"id": {"_eq": format!("@{kind}")}}}}));
            }
        }
    }
    all
}

/// Fields of a new record that name nothing.
fn plain(object: &str) -> Json {
    if object.is_empty() {
        return json!({});
    }
    let linked = ["contact", "order", "conversation"].map(|kind| (kind.to_owned(), json!(format!("@{kind}"))));
    fields_of(object, &Json::Object(linked.into_iter().collect::<Map<_, _>>()))
}

/// Each link of an object, as a field that names something.
fn links(object: &str, document: &Document) -> Vec<Json> {
    let mut links = Vec::new();
    for (name, field) in document.fields(&format!("{object}.changes")) {
        for kind in Document::names(&field) {
            let at = format!("@{kind}");
            let value = match &field["type"] {
                kind if kind.to_string().contains("array") => json!([at]),
                of if of.to_string().contains("object") => json!({"object": kind, "id": at}),
                _ => json!(at),
            };
            links.push(json!({name.as_str(): value}));
        }
    }
    links
}

/// Names of members that are ids.
fn find_ids(document: &Document, schema: &Json, into: &mut Vec<String>) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let member = document.resolve(member);
        let is_id = |schema: &Json| schema["format"] == "uuid";
        if is_id(member) || is_id(&member["items"]) || !Document::names(member).is_empty() {
            into.push(name.clone());
        }
        find_ids(document, member, into);
        find_ids(document, document.resolve(&member["items"]), into);
    }
}

/// Whether a body has a place for a thing in a member of this name.
fn carries(body: &Json, member: &str) -> bool {
    let is_place = |json: &Json| json.as_str().is_some_and(|text| text.starts_with('@'));
    match body {
        Json::Object(members) => members.iter().any(|(name, json)| {
            let has_place = is_place(json)
                || json.as_array().is_some_and(|items| items.iter().any(is_place))
                || json.as_object().is_some_and(|inner| inner.values().any(is_place));
            (name == member && has_place) || carries(json, member)
        }),
        Json::Array(items) => items.iter().any(|item| carries(item, member)),
        _ => false,
    }
}
