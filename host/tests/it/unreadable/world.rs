//! One of two tenants that differ in what somebody may not read.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::CONTACT;
use crate::permissions::{User, user};
use crate::support::{Actor, Reply, TestApp};

/// Hidden fields by object, with a value for each of the two tenants.
pub fn hidden() -> Vec<(&'static str, &'static str, [Json; 2])> {
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    vec![
        ("contact", "phone", [json!("+41791110000"), json!("+41792220000")]),
        ("contact", "note", [json!("alphasecret"), json!("betasecret")]),
        ("contact", "birthday", [json!("1970-01-01"), json!("1980-02-02")]),
        ("contact", "lifecycle", [json!("customer"), json!("lost")]),
        ("contact", "do_not_contact", [json!(true), json!(false)]),
        ("company", "employees", [json!(7), json!(70)]),
        ("order", "total", [money("10.00"), money("20.00")]),
        ("order", "status", [json!("paid"), json!("draft")]),
        ("order_line", "discount", [json!("0.10"), json!("0.20")]),
    ]
}

/// One of the two tenants, with somebody who sees a part of it.
pub struct World {
    pub admin: Actor,
    pub dora: User,
    /// What ids stand for: the same in both tenants.
    pub names: BTreeMap<String, String>,
    pub which: usize,
}

impl World {
    pub async fn build(test: &TestApp, admin: &Actor, which: usize) -> Self {
        for (object, field) in [
            (
                "contact",
                json!({"name": "x_told", "label": "T", "type": "formula", "returns": "text", "expression": "note == null ? name : name + note"}),
            ),
            (
                "contact",
                json!({"name": "x_again", "label": "A", "type": "formula", "returns": "text", "expression": "x_told + '!'"}),
            ),
            (
                "contact",
                json!({"name": "x_paid", "label": "P", "type": "rollup", "rollup": {"function": "count", "object": "order", "link": "contact", "filter": {"status": {"_eq": "paid"}}}}),
            ),
            (
                "contact",
                json!({"name": "x_orders", "label": "O", "type": "rollup", "rollup": {"function": "count", "object": "order", "link": "contact"}}),
            ),
            (
                "company",
                json!({"name": "x_sum", "label": "S", "type": "rollup", "returns": "money", "rollup": {"function": "sum", "object": "order", "link": "company", "field": "total", "currency": "EUR"}}),
            ),
            (
                "company",
                json!({"name": "x_count", "label": "C", "type": "rollup", "rollup": {"function": "count", "object": "order", "link": "company"}}),
            ),
        ] {
            admin.post(&format!("/api/v1/schema/{object}/fields"), &field).await.assert(201);
        }
        let of =
            |object: &str| -> Vec<&str> { hidden().iter().filter(|one| one.0 == object).map(|one| one.1).collect() };
        let every = json!(["read", "create", "update", "delete", "merge", "share", "export", "import"]);
        let mut rules: Vec<Json> = ["contact", "order", "order_line"]
            .iter()
            .map(|object| json!({"objects": [object], "actions": every, "scope": "own", "except": of(object)}))
            .collect();
        rules.push(json!({"objects": ["company"], "actions": ["read", "export", "delete"], "except": of("company")}));
        rules.push(json!({"objects": ["#events", "#jobs", "#schema", "#people"], "actions": ["read"]}));
        admin.post("/api/v1/roles", &json!({"name": "dim", "label": "Dim", "rules": rules})).await.assert(201);
        let dora = user(admin, "dora", json!(["dim"])).await;
        let mut world = Self { admin: admin.clone(), dora, names: BTreeMap::new(), which };
        // The new fields are computed for the records that are there: for none, so that versions count alike.
        test.app.run_due_jobs().await.unwrap();
        world.fill().await;
        world
    }

    /// Values of the hidden fields of an object in this tenant.
    pub fn secrets(&self, object: &str) -> serde_json::Map<String, Json> {
        let own = hidden().into_iter().filter(|one| one.0 == object);
        own.map(|(_, field, values)| (field.to_owned(), values[self.which].clone())).collect()
    }

    pub async fn add(&mut self, name: &str, object: &str, mut fields: Json) -> String {
        fields.as_object_mut().unwrap().extend(self.secrets(object));
        let path = format!("/api/v1/records/{object}");
        let made = self.admin.with("duplicate-check", "off").post(&path, &fields).await.assert(201).json();
        let id = made["id"].as_str().unwrap().to_owned();
        self.names.insert(id.clone(), name.to_owned());
        id
    }

    pub async fn fill(&mut self) {
        let owner = json!(self.dora.id);
        self.names.insert(self.dora.id.clone(), "dora".to_owned());
        let company = self.add("company", "company", json!({"name": "Acme"})).await;
        for at in 0..4 {
            let fields = json!({"name": format!("Contact {at}"), "city": (["Bern", "Thun"][at % 2]), "owner": owner, "company": company});
            let contact = self.add(&format!("contact{at}"), "contact", fields).await;
            let order = json!({"contact": contact, "company": company, "placed_at": "2026-01-01", "owner": owner, "note": format!("order {at}")});
            let order = self.add(&format!("order{at}"), "order", order).await;
            let price = json!({"amount": "100.00", "currency": "EUR"});
            self.add(&format!("line{at}"), "order_line", json!({"order": order, "unit_price": price, "quantity": "1"}))
                .await;
            // Hidden values change as often in both, and differ at every moment.
            let change = json!({"note": format!("{} once more", self.secrets("contact")["note"].as_str().unwrap())});
            self.admin.patch(&format!("{CONTACT}/{contact}"), &change).await.assert(200);
        }
        // Records out of scope: more of them in one tenant than in the other. Their orders have no company that is seen: its
        // version counts changes of roll-ups, hidden ones, too, as docs/permissions.md says.
        for at in 0..=3 * self.which {
            let fields = json!({"name": format!("Contact {at}"), "city": "Bern", "company": company});
            let contact = self.add("unseen", "contact", fields).await;
            let order = json!({"contact": contact, "placed_at": "2026-01-01", "note": "unseen order"});
            self.add("unseen", "order", order).await;
        }
    }

    /// An answer with names for ids, and without times and places of pages.
    pub fn plain(&self, reply: &Reply) -> String {
        let mut text = reply.text.clone();
        for (id, name) in &self.names {
            text = text.replace(id, name);
        }
        let head = ["content-type", "etag", "idempotency-replayed"].map(|name| reply.headers.get(name).cloned());
        format!("{} {head:?} {}", reply.status, crate::isolation::without_ids(&text, "\u{0}"))
    }

    pub fn id(&self, name: &str) -> &str {
        self.names.iter().find(|(_, known)| *known == name).unwrap().0
    }
}
