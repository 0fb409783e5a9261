//! What is asked in each kind of work: of the host by requests, of the raw database by statements.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::client::Client;
use super::data::{self, CITIES, Chance};
use super::fill::Tenant;
use super::work::Work;
use crate::bench::Engine;
use crate::bench::load::Line;
use crate::bench::window::CONTACT as CREATE;

/// Different requests of one kind.
const REQUESTS: usize = 400;
/// Pages that are turned before the deep one.
const PAGES: usize = 199;
/// Tenants in which pages are turned that far.
const DEEP: usize = 4;
/// Records of a batch.
const BATCH: usize = 1_000;
/// Columns of a contact that both sides read.
const CONTACT: &str = "c.*";

/// A request and the statement that does the same.
pub struct Pair {
    pub line: Line,
    pub sql: String,
}

pub struct Requests<'a> {
    pub engine: Engine,
    pub tenants: &'a [Tenant],
    pub client: &'a reqwest::Client,
    pub address: &'a str,
}

impl Requests<'_> {
    pub async fn of(&self, work: Work) -> Result<Vec<Pair>> {
        match work {
            Work::DeepPage => return self.deep_pages().await,
            Work::Batch => return Ok(vec![self.batch(&self.tenants[0])]),
            _ => {}
        }
        let mut chance = Chance::of(99, work as usize);
        Ok((0..REQUESTS).map(|_| self.pair(work, &mut chance)).collect())
    }

    /// A tenant by chance, as often as it has contacts.
    fn tenant(&self, chance: &mut Chance) -> &Tenant {
        let all: usize = self.tenants.iter().map(|tenant| tenant.size.contacts).sum();
        let mut at = chance.below(all);
        for tenant in self.tenants {
            if at < tenant.size.contacts {
                return tenant;
            }
            at -= tenant.size.contacts;
        }
        &self.tenants[0]
    }

    fn pair(&self, work: Work, chance: &mut Chance) -> Pair {
        let tenant = self.tenant(chance);
        let key = Some(tenant.key.as_str());
        let contact = tenant.contacts[chance.below(tenant.contacts.len())].as_str();
        let city = chance.of_list(&CITIES);
        let owner = self.id(&tenant.id);
        let of_tenant = format!("c.tenant_id = {owner} and c.deleted_at is null");
        let from = format!("select {CONTACT} from o_contact c where {of_tenant}");
        match work {
            Work::Read => Pair {
                line: Line::get(key, format!("/api/v1/records/contact/{contact}")),
                sql: format!("{from} and c.id = {}", self.id(contact)),
            },
            Work::List | Work::DeepPage => Pair {
                line: list(key, &json!({"city": {"_eq": city}})),
                sql: format!("{from} and c.city = '{city}' order by c.name, c.id limit 50"),
            },
            Work::LinkFilter => Pair {
                line: list(key, &json!({"company": {"city": {"_eq": city}}})),
                sql: format!(
                    "{from} and exists (select 1 from o_company p where p.tenant_id = {owner} and p.id = c.company \
                     and p.city = '{city}' and p.deleted_at is null) order by c.name, c.id limit 50"
                ),
            },
            Work::SearchRare => self.search(tenant, &[&surname(tenant, chance)], false),
            Work::SearchPrefix => {
                let head =
                    format!("{}{}", chance.of_list(&["bar", "ken", "mir", "vel"]), chance.of_list(&["lo", "ta"]));
                self.search(tenant, &[&head], true)
            }
            Work::SearchCommon => self.search(tenant, &[&city.to_lowercase()], false),
            Work::SearchTwoCommon => {
                let name = chance.of_list(&["anna", "bruno", "clara", "david"]);
                self.search(tenant, &["example", name], false)
            }
            Work::Aggregate => self.aggregate(tenant),
            Work::Create => self.create(tenant),
            Work::Batch => self.batch(tenant),
            Work::Update => Pair {
                line: Line::patch(key, format!("/api/v1/records/contact/{contact}"), r#"{"city":"Town @number"}"#),
                sql: format!(
                    "update {} set city = 'Town ' || {}, version = version + 1 where tenant_id = {owner} and id = {}",
                    self.written(),
                    self.number(),
                    self.id(contact)
                ),
            },
            // 70 % read, 15 % list, 10 % write, 3 % search, 2 % report.
            Work::Mixed => {
                let work = match chance.below(100) {
                    0..70 => Work::Read,
                    70..85 => Work::List,
                    85..90 => Work::Create,
                    90..95 => Work::Update,
                    95..98 => Work::SearchPrefix,
                    _ => Work::Aggregate,
                };
                self.pair(work, chance)
            }
        }
    }

    /// Words of the search table, as they are kept there.
    fn search(&self, tenant: &Tenant, words: &[&str], is_beginning: bool) -> Pair {
        let owner = self.id(&tenant.id);
        let has = |alias: &str, word: &str| {
            let of = format!("{alias}.tenant_id = {owner} and {alias}.object = 'contact'");
            let mut end = word.to_owned();
            end.push('~');
            if is_beginning {
                format!("{of} and {alias}.token >= '{word}' and {alias}.token < '{end}'")
            } else {
                format!("{of} and {alias}.token = '{word}'")
            }
        };
        let other = words.get(1).map_or_else(String::new, |word| {
            format!(" and exists (select 1 from search_token u where {} and u.record_id = t.record_id)", has("u", word))
        });
        let order = if is_beginning { "t.token, t.place" } else { "t.place" };
        Pair {
            line: Line::post(
                Some(&tenant.key),
                "/api/v1/records/contact/search",
                json!({"text": words.join(" "), "limit": 20}).to_string(),
            ),
            sql: format!(
                "select {CONTACT} from search_token t join o_contact c on c.tenant_id = t.tenant_id and c.id = t.record_id \
                 where {}{other} and c.deleted_at is null order by {order}, t.record_id desc limit 20",
                has("t", words[0])
            ),
        }
    }

    fn aggregate(&self, tenant: &Tenant) -> Pair {
        let body = json!({"group_by": ["x_stage"], "measures": [{"fn": "count"}, {"fn": "sum", "field": "x_amount"}]});
        let path = "/api/v1/records/x.deal/aggregate";
        Pair {
            line: Line::post(Some(&tenant.key), path, body.to_string()),
            sql: format!(
                "select x_s1, count(*), sum(x_n1) from x_record where tenant_id = {} and object = 'x.deal' \
                 and deleted_at is null group by x_s1",
                self.id(&tenant.id)
            ),
        }
    }

    fn create(&self, tenant: &Tenant) -> Pair {
        Pair {
            line: Line::post(Some(&tenant.key), "/api/v1/records/contact", CREATE),
            sql: insert(self.engine, self.written(), &self.id(&tenant.id), 1),
        }
    }

    fn batch(&self, tenant: &Tenant) -> Pair {
        let operation = |nth: usize| {
            let body = CREATE.replace("@number", &format!("@number-{nth}"));
            format!(r#"{{"op":"create","fields":{body}}}"#)
        };
        let operations: Vec<String> = (0..BATCH).map(operation).collect();
        let body = format!(r#"{{"mode":"atomic","operations":[{}]}}"#, operations.join(","));
        Pair {
            line: Line::post(Some(&tenant.key), "/api/v1/records/contact/batch", body),
            sql: insert(self.engine, self.written(), &self.id(&tenant.id), BATCH),
        }
    }

    async fn deep_pages(&self) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        // Tenants that are too small for so many pages give their last one.
        for tenant in &self.tenants[..DEEP.min(self.tenants.len())] {
            let client = Client::of(self.client, self.address, &tenant.key);
            let path = "/api/v1/records/contact?sort=name&limit=50".to_owned();
            let mut page = client.get(&path).await?;
            for _ in 0..PAGES {
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                let next = client.get(&format!("{path}&cursor={cursor}")).await?;
                if next["next_cursor"].is_null() {
                    break;
                }
                page = next;
            }
            let cursor = page["next_cursor"].as_str().context("a tenant has fewer contacts than a page")?;
            let last = page["data"].as_array().and_then(|data| data.last()).context("an empty page")?;
            let (name, id) = (last["name"].as_str().context("no name")?, last["id"].as_str().context("no id")?);
            pairs.push(Pair {
                line: Line::get(Some(&tenant.key), format!("{path}&cursor={cursor}")),
                sql: format!(
                    "select {CONTACT} from o_contact c where c.tenant_id = {} and c.deleted_at is null \
                     and (c.name, c.id) > ('{}', {}) order by c.name, c.id limit 50",
                    self.id(&tenant.id),
                    name.replace('\'', "''"),
                    self.id(id)
                ),
            });
        }
        Ok(pairs)
    }

    /// A table that only the raw database writes.
    fn written(&self) -> &'static str {
        written(self.engine)
    }

    fn id(&self, id: &str) -> String {
        literal(self.engine, id)
    }

    fn number(&self) -> &'static str {
        number(self.engine)
    }
}

/// A table that only the raw database writes: on SQLite it stands in a file of its own.
pub fn written(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "o_contact",
        Engine::Postgres => "limit_contact",
    }
}

pub fn literal(engine: Engine, id: &str) -> String {
    match engine {
        Engine::Sqlite => format!("x'{}'", id.replace('-', "")),
        Engine::Postgres => format!("'{id}'::uuid"),
    }
}

/// A number that is never used again.
fn number(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "?1",
        Engine::Postgres => "nextval('limit_number')",
    }
}

/// Inserts contacts in one statement.
pub fn insert(engine: Engine, table: &str, owner: &str, rows: usize) -> String {
    let (new, now, numbers) = match engine {
        Engine::Sqlite => {
            let numbers = format!(
                "with recursive r (k) as (select 1 union all select k + 1 from r where k < {rows}) \
                                   select ?1 || '-' || k as n from r"
            );
            ("randomblob(16)", "0", numbers)
        }
        Engine::Postgres => {
            let numbers = format!("select nextval('limit_number') as n from generate_series(1, {rows})");
            ("gen_random_uuid()", "now()", numbers)
        }
    };
    format!(
        "insert into {table} (tenant_id, id, version, created_at, updated_at, name, email, city, external_id) \
         select {owner}, {new}, 1, {now}, {now}, 'Bench contact ' || n, 'bench' || n || '@example.com', 'Town ' || n, \
         'bench-' || n from ({numbers}) as numbers"
    )
}

/// The family name of a contact of the tenant, in Latin letters.
fn surname(tenant: &Tenant, chance: &mut Chance) -> String {
    loop {
        let contact = data::contact(tenant.number, chance.below(tenant.size.contacts), &[]);
        let name = contact.get("name").and_then(Value::as_str).unwrap_or_default();
        if let Some(surname) = name.split(' ').nth(1) {
            return surname.to_lowercase();
        }
    }
}

fn list(key: Option<&str>, filter: &Value) -> Line {
    Line::get(key, format!("/api/v1/records/contact?filter={}&sort=name&limit=50", encoded(&filter.to_string())))
}

/// As it stands in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
