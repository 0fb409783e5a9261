//! Draws: opened with a committed seed, played, and closed with the seed told.

use guildhall_sdk::{Fault, Record, Value, json, kv, random, records};

use super::input::Input;
use crate::draws::{DRAW, TICKET, commitment, draw, hex, prizes};
use crate::ledger::{About, Ledger};
use crate::settings::Settings;

/// Where the seed is kept until the draw is closed.
fn seed_key(draw: &str) -> String {
    format!("draw:{draw}:seed")
}

/// Opens a draw, and tells the hash of its seed.
pub fn open(input: &Input<'_>) -> Result<Value, Fault> {
    let mut prizes = prizes(Some(&input.0["prizes"]))?;
    for prize in &mut prizes {
        prize.left = prize.stock;
    }
    let seed = hex(&random::bytes(32));
    let commitment = commitment(&seed);
    let record = Record::new()
        .set("name", input.needed("name")?)
        .set("state", "open")
        .set("commitment", commitment.as_str())
        .set("cost", input.integer("cost").unwrap_or(0))
        .set("blank_weight", input.integer("blank_weight").unwrap_or(0))
        .set("tickets", 0)
        .set("prizes", json!(prizes));
    let record = records::create(DRAW, record)?;
    kv::set(&seed_key(record.id()), seed.as_bytes())?;
    Ok(json!({"draw": record.id(), "commitment": commitment}))
}

fn open_draw(id: &str) -> Result<Record, Fault> {
    let unknown = || Fault::new("unknown_draw", format!("There is no draw {id}."));
    let record = records::get(DRAW, id)?.ok_or_else(unknown)?;
    match record.text("state") {
        Some("open") => Ok(record),
        _ => Err(Fault::new("draw_closed", "The draw is closed.")),
    }
}

fn seed(id: &str) -> Result<String, Fault> {
    let seed = kv::get(&seed_key(id))?.and_then(|seed| String::from_utf8(seed).ok());
    seed.ok_or_else(|| Fault::internal("The seed of the draw is gone."))
}

/// One ticket: it costs its points, and says at once what it wins.
pub fn play(input: &Input<'_>) -> Result<Value, Fault> {
    let settings = Settings::of_tenant()?;
    let mut ledger = Ledger::open(&settings);
    let id = input.needed("draw")?;
    let record = open_draw(id)?;
    let member = input.member(&mut ledger)?;
    let cost = record.integer("cost").unwrap_or_default();
    if cost > 0 {
        let about = About {
            operation: Some(input.key()),
            redemption: Some(input.key()),
            reason: Some("draw"),
            ..About::default()
        };
        ledger.redeem(&member, cost, &about)?;
    }
    let number = record.integer("tickets").unwrap_or_default() + 1;
    let blank = record.integer("blank_weight").and_then(|weight| u64::try_from(weight).ok()).unwrap_or_default();
    let mut prizes = prizes(record.value("prizes"))?;
    let won = draw(&seed(id)?, number, blank, &mut prizes).map(|place| prizes[place].name.clone());
    let ticket = Record::new()
        .set("draw", id)
        .set("member", member.as_str())
        .set("number", number)
        .set("prize", Value::from(won.as_deref()))
        .set("occurred_at", ledger.at.as_str());
    records::create(TICKET, ticket)?;
    records::update(DRAW, id, Record::new().set("tickets", number).set("prizes", json!(prizes)))?;
    ledger.save()?;
    Ok(json!({"ticket": number, "prize": won}))
}

/// Ends a draw, and tells its seed.
pub fn close(input: &Input<'_>) -> Result<Value, Fault> {
    let id = input.needed("draw")?;
    let record = open_draw(id)?;
    let seed = seed(id)?;
    records::update(DRAW, id, Record::new().set("state", "closed").set("seed", seed.as_str()))?;
    kv::delete(&seed_key(id))?;
    Ok(json!({"draw": id, "commitment": record.text("commitment"), "seed": seed, "tickets": record.integer("tickets")}))
}
