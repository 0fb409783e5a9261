//! Data set M of the design: records made by a rule, so that every run has the same ones.

use serde_json::{Map, Value, json};

/// Tenants of the whole data set.
pub const TENANTS: usize = 1_000;
/// Contacts of all tenants together.
pub const CONTACTS: usize = 1_000_000;
/// How much smaller the next tenant is: the first has a tenth of all contacts, the middle one some 350.
const ZIPF: f64 = 0.9;

/// For a hundred contacts.
const COMPANIES: usize = 20;
const DEALS: usize = 30;
const ACTIVITIES: usize = 200;

const FIRST: [&str; 24] = [
    "Anna", "Bruno", "Clara", "David", "Elena", "Farid", "Grace", "Hugo", "Irene", "Jonas", "Katja", "Leon", "Maria",
    "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tara", "Umar", "Vera", "Walid", "Zoë",
];
const SYLLABLES: [&str; 24] = [
    "bar", "ken", "lo", "mir", "ta", "vel", "son", "ru", "dan", "fi", "gor", "hal", "jen", "kov", "lind", "mas", "nor",
    "pe", "ris", "stei", "tul", "wer", "yam", "zan",
];
const FAMILIES: [&str; 16] =
    ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林"];
const GIVEN: [&str; 16] =
    ["伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明"];
pub const CITIES: [&str; 40] = [
    "Amsterdam",
    "Athens",
    "Basel",
    "Bergen",
    "Berlin",
    "Bern",
    "Bilbao",
    "Bologna",
    "Bordeaux",
    "Bremen",
    "Brno",
    "Cork",
    "Dresden",
    "Dublin",
    "Gdansk",
    "Geneva",
    "Ghent",
    "Graz",
    "Hamburg",
    "Helsinki",
    "Kraków",
    "Leeds",
    "Lille",
    "Lisbon",
    "Ljubljana",
    "Lyon",
    "Malmö",
    "Milan",
    "Munich",
    "Nantes",
    "Oslo",
    "Porto",
    "Prague",
    "Riga",
    "Seville",
    "Tallinn",
    "Turin",
    "Vienna",
    "Vilnius",
    "Zürich",
];
pub const STAGES: [&str; 6] = ["new", "qualified", "offer", "negotiation", "won", "lost"];
const KINDS: [&str; 5] = ["call", "email", "meeting", "chat", "note"];
const WORDS: [&str; 12] = [
    "asked", "about", "delivery", "price", "contract", "renewal", "visit", "sample", "support", "invoice", "quality",
    "schedule",
];

/// How many records a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub contacts: usize,
    pub companies: usize,
    pub deals: usize,
    pub activities: usize,
}

/// The sizes of the tenants, the largest first, for this many contacts in all.
pub fn sizes(tenants: usize, contacts: usize) -> Vec<Size> {
    #[expect(clippy::cast_precision_loss, reason = "a thousand tenants")]
    let weights: Vec<f64> = (1..=tenants).map(|rank| (rank as f64).powf(-ZIPF)).collect();
    let all: f64 = weights.iter().sum();
    let of = |weight: f64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a million"
        )]
        let contacts = (contacts as f64 * weight / all).round().max(10.0) as usize;
        let share = |percent: usize| (contacts * percent / 100).max(1);
        Size { contacts, companies: share(COMPANIES), deals: share(DEALS), activities: share(ACTIVITIES) }
    };
    weights.into_iter().map(of).collect()
}

/// Numbers by chance that are the same in every run.
pub struct Chance(u64);

impl Chance {
    pub fn of(series: usize, number: usize) -> Self {
        Self((series as u64).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ number as u64)
    }

    /// Below a bound (splitmix64).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 16).unwrap_or(0) % bound.max(1)
    }

    pub fn of_list<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// The tenant's own fields of contacts.
pub fn contact_fields() -> Vec<Value> {
    let field = |name: &str, kind: &str| json!({"name": format!("x_{name}"), "label": name, "type": kind});
    let with = |mut field: Value, name: &str, value: Value| {
        field[name] = value;
        field
    };
    let options = json!([{"value": "gold", "label": "Gold"}, {"value": "silver", "label": "Silver"}]);
    vec![
        with(with(field("level", "select"), "options", options), "indexed", json!(true)),
        with(field("score", "integer"), "indexed", json!(true)),
        with(field("region", "text"), "indexed", json!(true)),
        field("since", "date"),
        field("segment", "text"),
        field("budget", "money"),
        field("vip", "boolean"),
        field("reference", "text"),
        field("site", "url"),
        field("seen", "datetime"),
    ]
}

/// The tenant's own object for sales that may come.
pub fn deal_object() -> Value {
    let stages: Vec<Value> = STAGES.iter().map(|stage| json!({"value": stage, "label": stage})).collect();
    json!({"name": "x.deal", "label": "Deal", "plural": "Deals", "fields": [
        {"name": "x_name", "label": "Name", "type": "text", "required": true},
        {"name": "x_stage", "label": "Stage", "type": "select", "options": stages, "indexed": true},
        {"name": "x_amount", "label": "Amount", "type": "money", "indexed": true},
        {"name": "x_contact", "label": "Contact", "type": "link", "to": "contact"},
        {"name": "x_company", "label": "Company", "type": "link", "to": "company", "indexed": true},
        {"name": "x_close", "label": "Closes", "type": "date"},
    ]})
}

pub fn company(tenant: usize, number: usize) -> Map<String, Value> {
    let mut chance = Chance::of(tenant * 7 + 1, number);
    object(json!({
        "name": format!("{} {number}", surname(&mut chance)),
        "city": chance.of_list(&CITIES),
        "industry": chance.of_list(&WORDS),
        "employees": chance.below(5_000),
        "external_id": format!("c-{number}"),
    }))
}

/// The contact of this number.
pub fn contact(tenant: usize, number: usize, companies: &[String]) -> Map<String, Value> {
    let mut chance = Chance::of(tenant * 7 + 2, number);
    let name = name(&mut chance);
    let mut contact = object(json!({
        "name": name,
        "job_title": chance.of_list(&WORDS),
        "email": format!("p{number}@{}.example", chance.of_list(&SYLLABLES)),
        "phone": format!("+4930{:07}", chance.below(10_000_000)),
        "city": chance.of_list(&CITIES),
        "country": "DE",
        "address": format!("{} street {}\n🏠", surname(&mut chance), chance.below(200)),
        "language": "de-DE",
        "birthday": format!("19{:02}-{:02}-{:02}", 40 + chance.below(60), 1 + chance.below(12), 1 + chance.below(28)),
        "source": chance.of_list(&WORDS),
        "lifecycle": chance.of_list(&["registered", "nurtured", "prospect", "customer", "dormant"]),
        "external_id": format!("m-{number}"),
        "x_level": chance.of_list(&["gold", "silver"]),
        "x_score": chance.below(1_000),
        "x_region": format!("region {}", chance.below(20)),
        "x_since": format!("20{:02}-01-01", 10 + chance.below(16)),
        "x_segment": chance.of_list(&WORDS),
        "x_budget": {"amount": format!("{}.50", chance.below(9_000)), "currency": "EUR"},
        "x_vip": chance.below(10) == 0,
        "x_reference": format!("r{number}"),
        "x_site": format!("https://{}.example/", chance.of_list(&SYLLABLES)),
        "x_seen": "2026-05-01T12:00:00Z",
    }));
    if !companies.is_empty() {
        contact.insert("company".to_owned(), companies[chance.below(companies.len())].as_str().into());
    }
    if chance.below(20) == 0 {
        let length = 150 + chance.below(2_500);
        let note: Vec<&str> = (0..length).map(|_| chance.of_list(&WORDS)).collect();
        contact.insert("note".to_owned(), note.join(" ").into());
    }
    contact
}

pub fn deal(tenant: usize, number: usize, contacts: &[String], companies: &[String]) -> Map<String, Value> {
    let mut chance = Chance::of(tenant * 7 + 3, number);
    object(json!({
        "x_name": format!("{} {number}", chance.of_list(&WORDS)),
        "x_stage": chance.of_list(&STAGES),
        "x_amount": {"amount": format!("{}.00", chance.below(90_000)), "currency": "EUR"},
        "x_contact": contacts[chance.below(contacts.len())],
        "x_company": companies[chance.below(companies.len())],
        "x_close": format!("2026-{:02}-01", 1 + chance.below(12)),
    }))
}

pub fn activity(tenant: usize, number: usize, contacts: &[String]) -> Map<String, Value> {
    let mut chance = Chance::of(tenant * 7 + 4, number);
    object(json!({
        "kind": chance.of_list(&KINDS),
        "happened_at": format!("2026-{:02}-{:02}T{:02}:00:00Z", 1 + chance.below(11), 1 + chance.below(28), chance.below(24)),
        "subject": format!("{} {}", chance.of_list(&WORDS), chance.of_list(&WORDS)),
        "body": (0..20).map(|_| chance.of_list(&WORDS)).collect::<Vec<_>>().join(" "),
        "minutes": chance.below(90),
        "contact": contacts[chance.below(contacts.len())],
    }))
}

/// One in twelve is Chinese.
fn name(chance: &mut Chance) -> String {
    if chance.below(12) == 0 {
        return format!("{}{}{}", chance.of_list(&FAMILIES), chance.of_list(&GIVEN), chance.of_list(&GIVEN));
    }
    format!("{} {}", chance.of_list(&FIRST), surname(chance))
}

fn surname(chance: &mut Chance) -> String {
    let mut name = String::new();
    for nth in 0..4 {
        let syllable = chance.of_list(&SYLLABLES);
        let (head, tail) = syllable.split_at(1);
        let head = if nth == 0 { head.to_uppercase() } else { head.to_owned() };
        name = name + &head + tail;
    }
    name
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_those_of_the_design() {
        let sizes = sizes(TENANTS, CONTACTS);
        let all: usize = sizes.iter().map(|size| size.contacts).sum();
        assert!((990_000..1_010_000).contains(&all), "{all}");
        assert!((80_000..110_000).contains(&sizes[0].contacts), "{:?}", sizes[0]);
        assert!((200..400).contains(&sizes[500].contacts), "{:?}", sizes[500]);
    }

    #[test]
    fn every_run_has_the_same_records() {
        assert_eq!(contact(3, 7, &[]), contact(3, 7, &[]));
        assert_ne!(contact(3, 7, &[]), contact(4, 7, &[]));
    }
}
