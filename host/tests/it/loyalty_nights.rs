//! What time does to points and tiers of retail loyalty, in a shop far from UTC, with nights in which nothing ran.

use std::time::Duration;

use guildhall::domain::clock::{Clock, Timestamp};
use serde_json::{Value as Json, json};

use crate::loyalty::{LOYALTY, act, adds_up, buys, configure, euros, figures, refused};
use crate::support::{Actor, On, TestApp};

both!(
    nights_that_were_missed_are_made_up_for
    many_lots_go_in_one_night
    tiers_rise_with_orders_and_fall_when_their_time_is_over
);

/// A shop in Auckland, where it is the 27th, 11 o'clock at night.
async fn in_auckland(on: On) -> (TestApp, Clock, Actor) {
    let clock = Clock::manual(Timestamp::parse("2026-11-27T10:00:00Z").unwrap());
    let test = TestApp::start_with(on, clock.clone(), crate::support::settings()).await;
    test.app.install_plugin(&crate::support::plugin(LOYALTY)).await.unwrap();
    let key = test.app.create_tenant_in("south", "South", "Pacific/Auckland").await.unwrap().api_key;
    let kiri = test.ann.with_key(&key);
    kiri.put(&format!("/api/v1/modules/{LOYALTY}"), &json!({"consent": ["*"]})).await.assert(200);
    (test, clock, kiri)
}

/// So many days pass, and then everything that is due is done.
async fn days(test: &TestApp, clock: &Clock, days: u64) {
    clock.advance(Duration::from_hours(24 * days));
    test.app.queue_due_tasks().await.unwrap();
    test.app.run_due_jobs().await.unwrap();
}

async fn nights_that_were_missed_are_made_up_for(on: On) {
    let (test, clock, kiri) = in_auckland(on).await;
    let settings = json!({
        "pending_for": "10D", "expires_after": "30D", "birthday_points": 77,
        "referrer_points": 11, "referee_points": 22,
    });
    configure(&kiri, settings).await;
    let ann = kiri.create("contact", json!({"name": "Ann", "birthday": "1990-12-02"})).await;
    let friend = kiri.create("contact", json!({"name": "Friend", "birthday": "2000-02-29"})).await;
    // The same moment: the 27th here, although it is the 26th in UTC.
    buys(&kiri, &ann, "100.00", "2026-11-26T12:00:00Z").await;
    buys(&kiri, &ann, "40.00", "2026-11-12").await;
    let member = kiri.all("loyalty.member", &[]).await.remove(0);
    act(&kiri, "refer", json!({"member": member["id"], "referee": friend["id"]})).await;
    buys(&kiri, &friend, "5.00", "2026-11-12").await;
    assert_eq!(figures(&kiri, &ann, &["points", "pending"]).await, [140, 100]);
    refused(&kiri, "redeem", json!({"contact": ann["id"], "points": 41}), "insufficient_points").await;
    let spend = json!({"key": "early", "contact": ann["id"], "points": 40});
    act(&kiri, "redeem", spend).await;
    // Nine days in which no job ran: the points still wait on the 6th, and the birthday of the 2nd is made up for.
    days(&test, &clock, 9).await;
    assert_eq!(figures(&kiri, &ann, &["points", "pending", "spent"]).await, [188, 100, 40]);
    assert_eq!(figures(&kiri, &friend, &["points"]).await, [27]);
    days(&test, &clock, 1).await;
    assert_eq!(figures(&kiri, &ann, &["points", "pending"]).await, [188, 0]);
    // Points that come back keep their end, the 12th of December, and go with it.
    act(&kiri, "return_points", json!({"redemption": "early"})).await;
    days(&test, &clock, 5).await;
    assert_eq!(figures(&kiri, &ann, &["points", "expired"]).await, [228, 0]);
    days(&test, &clock, 1).await;
    assert_eq!(figures(&kiri, &ann, &["points", "expired", "spent"]).await, [188, 40, 0]);
    // The 100 go after the 27th of December, and the gifts with their own ends; nothing goes twice.
    days(&test, &clock, 60).await;
    assert_eq!(figures(&kiri, &ann, &["points", "expired"]).await, [0, 228]);
    days(&test, &clock, 1).await;
    assert_eq!(figures(&kiri, &ann, &["points", "expired"]).await, [0, 228]);
    // Who edits the birthday has had it this year all the same; one of 29 February comes on the 28th.
    let path = format!("/api/v1/records/contact/{}", ann["id"].as_str().unwrap());
    kiri.patch(&path, &json!({"birthday": "1990-02-13"})).await.assert(200);
    days(&test, &clock, 10).await;
    kiri.patch(&path, &json!({"birthday": "1990-02-25"})).await.assert(200);
    days(&test, &clock, 14).await;
    let members = kiri.all("loyalty.member", &[]).await;
    let gifts = kiri.all("loyalty.entry", &[("filter", r#"{"reason":{"_eq":"birthday"}}"#)]).await;
    let given = |contact: &Json| {
        let member = members.iter().find(|member| member["contact"] == contact["id"]).unwrap();
        gifts.iter().filter(|gift| gift["member"] == member["id"]).count()
    };
    assert_eq!((given(&ann), given(&friend)), (2, 1));
    adds_up(&kiri).await;
}

async fn many_lots_go_in_one_night(on: On) {
    let (test, clock, kiri) = in_auckland(on).await;
    configure(&kiri, json!({"expires_after": "1D"})).await;
    let contact = kiri.create("contact", json!({"name": "Ann"})).await;
    let fields = json!({"contact": contact["id"], "placed_at": "2026-11-27", "total": euros("1.00")});
    let operations = vec![json!({"op": "create", "fields": fields}); 600];
    let body = json!({"mode": "atomic", "operations": operations});
    kiri.post("/api/v1/records/order/batch", &body).await.assert(200);
    days(&test, &clock, 3).await;
    assert_eq!(figures(&kiri, &contact, &["points", "expired", "lifetime_earned"]).await, [0, 600, 600]);
    adds_up(&kiri).await;
}

async fn tiers_rise_with_orders_and_fall_when_their_time_is_over(on: On) {
    let (test, clock, kiri) = in_auckland(on).await;
    let tiers = json!([
        {"name": "Bronze", "from": 0}, {"name": "Silver", "from": 100, "multiplier": "1.5"},
        {"name": "Gold", "from": 200, "multiplier": "2"},
    ]);
    configure(&kiri, json!({"tiers": tiers, "tier_window": "year", "tier_kept_years": 0})).await;
    let contact = kiri.create("contact", json!({"name": "Ann"})).await;
    // The order that lifts a member has the new tier's points already; they are cut off once.
    for (amount, points) in [("50.00", 50), ("51.00", 50 + 76), ("99.99", 50 + 76 + 199)] {
        buys(&kiri, &contact, amount, "2026-11-27").await;
        assert_eq!(figures(&kiri, &contact, &["points"]).await, [points], "{amount}");
    }
    let tier = async || {
        let member = kiri.all("loyalty.member", &[]).await.remove(0);
        (member["tier"].as_str().unwrap().to_owned(), member["tier_until"].as_str().map(str::to_owned))
    };
    assert_eq!(tier().await, ("Gold".to_owned(), Some("2026-12-31".to_owned())));
    days(&test, &clock, 34).await;
    assert_eq!(tier().await.0, "Gold");
    // One down, and kept for the new year; then to the lowest, which has no end.
    days(&test, &clock, 1).await;
    assert_eq!(tier().await, ("Silver".to_owned(), Some("2027-12-31".to_owned())));
    // Whatever becomes of an order of the year that is over, it lifts nobody any more.
    let order = &kiri.all("order", &[]).await[0]["id"];
    kiri.patch(&format!("/api/v1/records/order/{}", order.as_str().unwrap()), &json!({"status": "fulfilled"}))
        .await
        .assert(200);
    assert_eq!(tier().await, ("Silver".to_owned(), Some("2027-12-31".to_owned())));
    days(&test, &clock, 365).await;
    assert_eq!(tier().await, ("Bronze".to_owned(), None));
    // I11: every step has its event. The first three are of one moment of this clock, in no order.
    let events = kiri.all("loyalty.tier_event", &[]).await;
    let mut steps: Vec<String> = events.iter().map(|event| format!("{} {}", event["from"], event["to"])).collect();
    steps.sort_unstable();
    let mut expected = [
        "null \"Bronze\"",
        "\"Bronze\" \"Silver\"",
        "\"Silver\" \"Gold\"",
        "\"Gold\" \"Silver\"",
        "\"Silver\" \"Bronze\"",
    ];
    expected.sort_unstable();
    assert_eq!(steps, expected);
}
