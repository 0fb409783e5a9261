//! What reads questions reads anything: arbitrary input is refused or taken, and never ends the host.

use std::sync::Arc;

use guildhall::domain::aggregate::Aggregate;
use guildhall::domain::clock::Timestamp;
use guildhall::domain::core_objects::CORE_OBJECTS;
use guildhall::domain::cursor::{CursorKey, Place};
use guildhall::domain::filter::{Filter, Scope, from_pairs};
use guildhall::domain::id::TenantId;
use guildhall::domain::moment::Moment;
use guildhall::domain::object::Object;
use guildhall::domain::query::{parse_fields, parse_sort};
use guildhall::domain::schema::Schema;
use guildhall::domain::search::terms;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

fn schema() -> Schema {
    let object = |text: &&str| Arc::new(Object::check(serde_json::from_str(text).unwrap(), None).unwrap());
    Schema::new(CORE_OBJECTS.iter().map(object)).unwrap()
}

/// Names that mean something, and such that do not.
fn names() -> impl Strategy<Value = String> {
    let known = [
        "_and",
        "_or",
        "_not",
        "_some",
        "_none",
        "_every",
        "_eq",
        "_neq",
        "_lt",
        "_gte",
        "_in",
        "_nin",
        "_between",
        "_null",
        "_nempty",
        "_contains",
        "_nicontains",
        "_starts_with",
        "company",
        "parent",
        "orders",
        "contacts",
        "subsidiaries",
        "name",
        "id",
        "version",
        "created_at",
        "birthday",
        "total",
        "status",
        "amount",
        "currency",
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn leaves() -> impl Strategy<Value = Json> {
    let words = ["$now", "$now(-30d)", "$today(", "$start_of(month,-99999)", "$me", "$my_teams", "2026-01-01", "EUR"];
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "\\$[a-z_]{0,9}\\(?[-+0-9a-z, ]{0,9}\\)?".prop_map(Json::from),
        proptest::sample::select(words.to_vec()).prop_map(Json::from),
    ]
}

fn trees() -> impl Strategy<Value = Json> {
    leaves().prop_recursive(12, 200, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            proptest::collection::vec((names(), inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_filter_is_read_or_refused(json in trees(), micros in any::<i64>()) {
        let schema = schema();
        for object in schema.objects() {
            let scope = Scope {
                schema: &schema,
                object,
                moment: Moment { at: Timestamp::from_micros(micros), timezone: "America/Santiago".parse().unwrap() },
                me: Uuid::nil(),
                teams: &[],
                sees: &|object, _| object.name != "order",
            };
            for read in [Filter::parse(&scope, &json), Filter::parse_loose(&scope, &json)] {
                match read {
                    Ok(filter) => prop_assert!(filter.reached().iter().all(|object| object.name != "order")),
                    Err(faults) => prop_assert!(!faults.is_empty()),
                }
            }
        }
    }

    #[test]
    fn any_question_for_figures_is_read_or_refused(members in proptest::collection::vec((names(), trees()), 0..5), which in 0_usize..3) {
        let schema = schema();
        let mut body: Map<String, Json> = members.into_iter().collect();
        if let Some((_, json)) = body.clone().into_iter().next() {
            body.insert(["group_by", "measures", "sort"][which].to_owned(), json);
        }
        for object in schema.objects() {
            let _ = Aggregate::parse(object, &body);
        }
    }

    #[test]
    fn any_parameters_are_read_or_refused(
        pairs in proptest::collection::vec((proptest::collection::vec(names(), 0..14), ".{0,20}"), 0..6),
        text in ".{0,40}",
    ) {
        let schema = schema();
        let object = schema.object("contact").unwrap();
        let _ = from_pairs(&pairs);
        let _ = parse_sort(object, text.split(','));
        let _ = parse_fields(object, &text);
        let _ = terms(&text);
    }

    #[test]
    fn only_its_own_cursor_opens_a_list(text in ".{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..60), flip in any::<(usize, u8)>()) {
        let key = CursorKey::new([7; 32]);
        let tenant = TenantId(Uuid::nil());
        prop_assert!(key.open(tenant, "list", &text).is_none());
        prop_assert!(key.open(tenant, "list", &String::from_utf8_lossy(&bytes)).is_none());
        let place = Place { moment: Timestamp::from_micros(7), values: vec![Json::from(text.clone())] };
        let cursor = key.seal(tenant, &text, &place);
        prop_assert_eq!(key.open(tenant, &text, &cursor), Some(place));
        let longer = format!("{text}|");
        prop_assert!(key.open(tenant, &longer, &cursor).is_none());
        prop_assert!(key.open(TenantId(Uuid::max()), &text, &cursor).is_none());
        let mut forged = cursor.clone().into_bytes();
        let at = flip.0 % forged.len();
        forged[at] = b"ABCDEFGHabcdefgh"[usize::from(flip.1 % 16)];
        if forged != cursor.as_bytes() {
            prop_assert!(key.open(tenant, &text, &String::from_utf8(forged).unwrap()).is_none());
        }
    }
}
