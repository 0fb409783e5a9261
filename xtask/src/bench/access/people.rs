//! A tenant with a team, and contacts that belong to its members and to others.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::bench::installation::Installation;
use crate::bench::records::client::Client;
use crate::bench::server::Server;

/// Cities with contacts of the team; as many more have contacts of others.
pub const CITIES: usize = 50;
/// Members of the team.
const MEMBERS: usize = 8;
/// Contacts in one commit.
const BATCH: usize = 1_000;

/// Who asks.
pub struct Shop {
    /// Sees everything.
    pub key: String,
    /// Sees what the team has, without some fields.
    pub restricted: String,
    /// Some of the team's contacts.
    pub contacts: Vec<String>,
}

/// Makes and fills it, and checks that both see the same list.
pub async fn fill(installation: &Installation, server: &Server, contacts: usize) -> Result<Shop> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let tenant = installation.make_tenant("shop").await?;
    let client = Client::of(&http, server.address(), &tenant.key);
    let role = json!({"name": "field", "label": "Field", "rules": [
        {"objects": ["contact"], "actions": ["read"], "scope": "team", "except": ["note", "phone", "birthday"]},
    ]});
    client.post("/api/v1/roles", &role).await?;
    let mut users = Vec::new();
    for number in 0..=MEMBERS {
        let user = json!({"email": format!("m{number}@example.com"), "name": format!("M{number}"), "roles": ["field"]});
        users.push(text(&client.post("/api/v1/users", &user).await?, "id")?);
    }
    let (team, stranger) = users.split_at(MEMBERS);
    client.post("/api/v1/teams", &json!({"name": "Field", "members": team})).await?;
    let key = client.post("/api/v1/api-keys", &json!({"name": "field", "user": team[0]})).await?;
    let restricted = text(&key, "key")?;
    let mut ids = Vec::new();
    for from in (0..contacts).step_by(BATCH) {
        let batch = (from..contacts.min(from + BATCH)).map(|at| {
            let city = at % (2 * CITIES);
            let owner = if city < CITIES { &team[at / 7 % MEMBERS] } else { &stranger[0] };
            contact(at, city, owner)
        });
        ids.extend(client.create_all("contact", batch.collect()).await?);
    }
    let mine = ids.into_iter().enumerate().filter(|(at, _)| at % (2 * CITIES) < CITIES).map(|(_, id)| id);
    let see = async |key: &str| Client::of(&http, server.address(), key).get(&listing(7, "name")).await;
    let (whole, some) = (see(&tenant.key).await?, see(&restricted).await?);
    let ids = |page: &Value| -> Vec<Value> {
        page["data"].as_array().into_iter().flatten().map(|one| one["id"].clone()).collect()
    };
    ensure!(!ids(&whole).is_empty() && ids(&whole) == ids(&some), "the two callers do not see the same list");
    ensure!(whole["data"][0].get("note").is_some() && some["data"][0].get("note").is_none(), "nothing is masked");
    Ok(Shop { contacts: mine.collect(), key: tenant.key, restricted })
}

pub fn listing(city: usize, sort: &str) -> String {
    format!("/api/v1/records/contact?filter[city][_eq]=Town%20{city}&sort={sort}&limit=50")
}

fn contact(at: usize, city: usize, owner: &str) -> Map<String, Value> {
    let fields = json!({
        "name": format!("Contact {:06}", at * 7919 % 1_000_003),
        "email": format!("c{at}@example.com"),
        "phone": format!("+4930{at:07}"),
        "city": format!("Town {city}"),
        "note": "A note of some length, as people write them beside a contact.",
        "owner": owner,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn text(value: &Value, name: &str) -> Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {value}"))
}
