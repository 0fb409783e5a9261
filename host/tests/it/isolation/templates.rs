//! Requests with places in them, made from the document: `@contact` stands where the id of a contact can stand.
//!
//! A new parameter, body or member is told here what it can carry: see [`of_path`], [`of_query`] and [`bodies`].

use serde_json::{Map, Value as Json, json};

use super::bodies::{bodies, filters};
use crate::access::ENTRANCES;

/// A request of an operation.
#[derive(Clone, Debug)]
pub struct Template {
    /// The operation, without the name of its object.
    pub operation: String,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, Json)>,
    pub headers: Vec<(String, Json)>,
    pub body: Option<Json>,
}

/// What the document says, for those who look something up in it.
pub struct Document(pub Json);

impl Document {
    /// A schema, or what it refers to.
    pub fn resolve<'a>(&'a self, schema: &'a Json) -> &'a Json {
        match schema["$ref"].as_str() {
            Some(to) => &self.0["components"]["schemas"][to.rsplit('/').next().unwrap()],
            None => schema,
        }
    }

    /// The fields of an object, or of what is written of it.
    pub fn fields(&self, name: &str) -> Map<String, Json> {
        self.0["components"]["schemas"][name]["properties"].as_object().cloned().unwrap_or_default()
    }

    /// What a field names, when it is a link or a user: the kinds of things.
    pub fn names(field: &Json) -> Vec<String> {
        let of = |schema: &Json| match &schema["x-names"] {
            Json::String(one) => vec![one.clone()],
            Json::Array(many) => many.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            _ => Vec::new(),
        };
        [of(field), of(&field["items"]), of(&field["properties"]["id"])].concat()
    }
}

/// Headers that carry nothing of a tenant's.
const PLAIN_HEADERS: &[&str] = &["Prefer", "Duplicate-Check", "Guildhall-Signature", "Accept-Language"];
/// Parameters that carry nothing of a tenant's; the cursor of jobs is the id of one, with which ids are only compared.
const PLAIN: &[&str] = &[
    "limit",
    "count",
    "deleted",
    "format",
    "header",
    "bom",
    "name",
    "start",
    "encoding",
    "delimiter",
    "dry_run",
    "mode",
    "empty",
    "decimal",
    "dates",
    "country_code",
    "currency",
    "action",
    "since",
    "until",
    "kind",
    "state",
    "status",
    "request",
    "from",
    "to",
    "level",
    "code",
    "plugin",
    "host",
    // In front of the module's own, which `failure_replay` tries.
    "invocation",
    "allow_downgrade",
    "search",
];

/// What stands for a parameter of a path.
fn of_path(path: &str, parameter: &str, object: &str, document: &Document) -> String {
    match parameter {
        "id" if path.starts_with("/api/v1/records/") => format!("@{object}"),
        "id" if path.starts_with("/api/v1/imports/") => "@import".to_owned(),
        "id" if path.starts_with("/api/v1/exports/") => "@export".to_owned(),
        "id" if path.starts_with("/api/v1/jobs/") => "@job".to_owned(),
        "id" if path.starts_with("/api/v1/files/") => "@file".to_owned(),
        "id" if path.starts_with("/api/v1/person-exports/") => "@person_export".to_owned(),
        "id" if path.starts_with("/api/v1/certificates/") => "@certificate".to_owned(),
        "id" if path.starts_with("/api/v1/tenant/export/") => "@tenant_export".to_owned(),
        "webhook" | "event" | "user" | "team" | "key" | "share" | "role" | "object" | "session" | "tenant" => {
            format!("@{parameter}")
        }
        // Providers are called what each tenant calls them; keys of publishers are the operator's.
        // Actions and views are what each module calls them.
        "provider" | "plugin_key" | "plan" | "name" | "screenshot" => "nothing".to_owned(),
        "field" if path.contains("/links/") => {
            let fields = document.fields(object);
            let link = fields.iter().find(|(_, field)| field["format"] == "uuid" && !field["x-names"].is_null());
            link.filter(|(_, field)| field["x-names"] != "user").map_or("nothing".to_owned(), |(name, _)| name.clone())
        }
        "field" => "@field".to_owned(),
        "failure" => "@failure".to_owned(),
        // One that was set aside is tried in `module_events`.
        "letter" => "@event".to_owned(),
        // Of these, each tenant has its own.
        "plugin" if path.contains("/failures/") => "test.hostile".to_owned(),
        // Plugins are the operator's: every tenant may know of them.
        "plugin" => "guildhall.retail-loyalty".to_owned(),
        "version" => "0.1.0".to_owned(),
        _ => panic!("say in `of_path` what `{{{parameter}}}` of {path} names"),
    }
}

/// What a parameter of a query can carry: one request for each.
fn of_query(operation: &str, parameter: &str, object: &str, document: &Document) -> Vec<Json> {
    match parameter {
        // What stands beside a record is tried with a module that has views.
        "object" | "id" if operation == "get_view" => Vec::new(),
        "filter" => filters(object, document),
        "sort" | "fields" | "expand" | "field" | "key" => vec![json!("@field")],
        "cursor" if operation == "list_jobs" => Vec::new(),
        "cursor" => vec![json!(format!("@cursor:{operation}:{object}"))],
        "after" => vec![json!("@place")],
        "q" => vec![json!("@word")],
        "object" | "objects" => vec![json!("@object")],
        "type" => vec![json!("@type")],
        // An object and an id: what comes is a list of entries, in which others' are not; see `plugin_access`.
        "record" if operation == "list_plugin_access" => Vec::new(),
        "record" => vec![json!("@contact"), json!("@company")],
        "subject" => vec![json!("@user"), json!("@key")],
        _ if PLAIN.contains(&parameter) => Vec::new(),
        _ => panic!("say in `of_query` what `{parameter}` of {operation} can carry, or in `PLAIN` that it is nothing"),
    }
}

/// What a header can carry.
fn of_header(operation: &str, header: &str) -> Vec<Vec<(String, Json)>> {
    let one = |name: &str, value: &str| vec![vec![(name.to_owned(), json!(value))]];
    match header {
        "If-Match" | "If-None-Match" => one(header, "\"2\""),
        "Last-Event-ID" => {
            vec![vec![("accept".to_owned(), json!("text/event-stream")), (header.to_owned(), json!("@place"))]]
        }
        // Tried by a test of its own: see `a_key_of_a_retry_is_its_senders`.
        "Idempotency-Key" => Vec::new(),
        _ if PLAIN_HEADERS.contains(&header) => Vec::new(),
        _ => panic!(
            "say in `of_header` what `{header}` of {operation} can carry, or in `PLAIN_HEADERS` that it is nothing"
        ),
    }
}

/// Every request that the document describes, once for each thing that it can carry.
pub fn templates(document: &Document) -> Vec<Template> {
    let mut all = Vec::new();
    for (path, item) in document.0["paths"].as_object().unwrap() {
        let object = path.strip_prefix("/api/v1/records/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        for (method, described) in item.as_object().unwrap() {
            let name = described["operationId"].as_str().unwrap();
            // What makes a credential is tried where people sign in: here, its limits would answer.
            if ENTRANCES.contains(&name) {
                continue;
            }
            let operation = name.strip_suffix(&format!("_{}", object.replace('.', "_"))).unwrap_or(name);
            let mut base = Template {
                operation: operation.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                query: Vec::new(),
                headers: Vec::new(),
                body: None,
            };
            let parameters: Vec<(&str, &str)> = described["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| (one["in"].as_str().unwrap(), one["name"].as_str().unwrap()))
                .collect();
            for (place, parameter) in &parameters {
                if *place == "path" {
                    let value = of_path(path, parameter, object, document);
                    base.path = base.path.replace(&format!("{{{parameter}}}"), &value);
                }
            }
            base.query = match operation {
                "search_all" => vec![("q".to_owned(), json!("ann"))],
                "create_import" => vec![("object".to_owned(), json!("contact")), ("format".to_owned(), json!("csv"))],
                _ => Vec::new(),
            };
            // What would begin a job, or change the tenant, is only tried.
            if operation.ends_with("_matching") || operation == "erase_person" {
                base.headers.push(("prefer".to_owned(), json!("dry-run")));
            }
            let bodies = bodies(operation, object, described, document);
            base.body = bodies.first().cloned();
            all.push(base.clone());
            all.extend(bodies.into_iter().skip(1).map(|body| Template { body: Some(body), ..base.clone() }));
            for (place, parameter) in parameters {
                match place {
                    "path" => {}
                    "query" => {
                        let others = base.query.iter().filter(|(name, _)| name != parameter).cloned();
                        let others: Vec<_> = others.collect();
                        for value in of_query(operation, parameter, object, document) {
                            let query = others.iter().cloned().chain([(parameter.to_owned(), value)]).collect();
                            all.push(Template { query, ..base.clone() });
                        }
                    }
                    "header" => {
                        for headers in of_header(operation, parameter) {
                            let headers = base.headers.iter().cloned().chain(headers).collect();
                            all.push(Template { headers, ..base.clone() });
                        }
                    }
                    other => panic!("a parameter in {other}: say here what it can carry"),
                }
            }
        }
    }
    all
}

impl Template {
    /// The kinds of things that can stand in it, place by place.
    pub fn places(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        self.fill(&mut |_, kind| {
            kinds.push(kind.to_owned());
            String::new()
        });
        kinds
    }

    /// The same request with something in each place; the places are counted.
    pub fn fill(&self, value: &mut dyn FnMut(usize, &str) -> String) -> Self {
        let mut count = 0;
        let mut next = |kind: &str| {
            count += 1;
            value(count - 1, kind)
        };
        let path = self.path.split('/').map(|part| part.strip_prefix('@').map_or(part.to_owned(), &mut next));
        let path = path.collect::<Vec<_>>().join("/");
        let mut named = |pairs: &[(String, Json)]| -> Vec<(String, Json)> {
            pairs.iter().map(|(name, json)| (name.clone(), filled(json, &mut next))).collect()
        };
        let (query, headers) = (named(&self.query), named(&self.headers));
        let body = self.body.as_ref().map(|body| filled(body, &mut next));
        Self { path, query, headers, body, ..self.clone() }
    }
}

fn filled(json: &Json, next: &mut dyn FnMut(&str) -> String) -> Json {
    match json {
        Json::String(text) => json!(text.strip_prefix('@').map_or(text.clone(), next)),
        Json::Array(items) => items.iter().map(|item| filled(item, next)).collect(),
        Json::Object(members) => members.iter().map(|(name, json)| (name.clone(), filled(json, next))).collect(),
        other => other.clone(),
    }
}
