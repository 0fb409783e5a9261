//! The schemas of answers that hold records of one object.

use serde_json::{Value, json};

use crate::domain::object::Object;

/// The body of the answer to an operation, by its name; none where the handler says it, or where it is a file.
pub fn body_of(operation: &str, object: &Object) -> Option<Value> {
    let record = json!({"$ref": format!("#/components/schemas/{}", object.name)});
    // These take `fields`, and show what it asks for.
    let part = json!({"$ref": format!("#/components/schemas/{}.part", object.name)});
    match operation {
        "list" | "search" => Some(page(&part)),
        "get" => Some(part),
        // Their records are of another object, or of none.
        "linked" => Some(json!({"$ref": "#/components/schemas/RecordPage"})),
        "aggregate" => Some(json!({"$ref": "#/components/schemas/Groups"})),
        "batch" => Some(batch(&record)),
        "restore" => Some(restored(&record)),
        "duplicates" => Some(duplicates(&record)),
        "merge" => Some(merged(&record)),
        "unmerge" => Some(unmerged(&record)),
        // These have one form, whatever their object.
        "timeline" | "profile" | "change_matching" | "delete_matching" | "shares" | "share" | "erase_person"
        | "export" => None,
        _ => Some(record),
    }
}

fn page(record: &Value) -> Value {
    json!({
        "type": "object", "required": ["data", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": record},
            "next_cursor": {"type": ["string", "null"]},
            "total": {"type": "integer", "description": "Records on all pages, when `count` asks for it"},
            "complete": {"type": "boolean", "description": "Of a search: whether all records with these words were looked at"}
        }
    })
}

fn batch(record: &Value) -> Value {
    let outcome = json!({
        "type": "object", "required": ["status"],
        "properties": {
            "status": {"type": "integer", "description": "That the operation alone would have"},
            "record": record,
            "missing_links": missing_links(),
            "problem": {"$ref": "#/components/schemas/Problem"}
        }
    });
    json!({
        "type": "object", "required": ["outcomes"],
        "properties": {"outcomes": {"type": "array", "items": outcome, "description": "One for each operation, in order"}}
    })
}

fn restored(record: &Value) -> Value {
    json!({
        "type": "object", "required": ["record", "missing_links"],
        "properties": {"record": record, "missing_links": missing_links()}
    })
}

fn missing_links() -> Value {
    json!({
        "type": "array", "description": "Links of a record that is back to records that are gone",
        "items": {
            "type": "object", "required": ["field", "object", "id"],
            "properties": {"field": {"type": "string"}, "object": {"type": "string"}, "id": id()}
        }
    })
}

fn duplicates(record: &Value) -> Value {
    let reason = json!({
        "type": "object", "required": ["fields", "match", "score"],
        "properties": {
            "fields": {"type": "array", "items": {"type": "string"}},
            "match": {"type": "string"},
            "score": {"type": "integer"}
        }
    });
    let candidate = json!({
        "type": "object", "required": ["id", "score", "reasons", "record"],
        "properties": {
            "id": id(),
            "score": {"type": "integer", "description": "How likely it is the same, up to 100"},
            "reasons": {"type": "array", "items": reason, "description": "What the score is made of"},
            "record": record
        }
    });
    json!({
        "type": "object", "required": ["candidates"],
        "properties": {"candidates": {"type": "array", "items": candidate, "description": "The likeliest first"}}
    })
}

fn merged(record: &Value) -> Value {
    let link = json!({
        "type": "object", "required": ["object", "id", "field", "to"],
        "properties": {
            "object": {"type": "string"}, "id": id(), "field": {"type": "string"}, "to": id(),
            "beside": {"type": "array", "items": id(), "description": "What it links to as well"}
        }
    });
    json!({
        "type": "object", "required": ["record", "merge", "moved", "not_moved"],
        "properties": {
            "record": record,
            "merge": {"type": "string", "format": "uuid", "description": "To take it back with"},
            "moved": {"type": "integer", "description": "How many links lead to the record now"},
            "not_moved": {"type": "array", "items": link, "description": "Links that only one record may have"}
        }
    })
}

fn unmerged(record: &Value) -> Value {
    let left = json!({
        "type": "object", "required": ["object", "id", "reason"],
        "properties": {
            "object": {"type": "string"}, "id": id(), "field": {"type": "string"}, "reason": {"type": "string"}
        }
    });
    json!({
        "type": "object", "required": ["record", "restored", "moved", "not_put_back"],
        "properties": {
            "record": record,
            "restored": {"type": "array", "items": id(), "description": "The records that are there again"},
            "moved": {"type": "integer", "description": "How many links lead back"},
            "not_put_back": {"type": "array", "items": left, "description": "What stays as it is, and why"}
        }
    })
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}
