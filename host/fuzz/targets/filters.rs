//! The filter language: what is read can be written down and read again, means the same,
//! and reaches nothing that its asker may not see.
#![no_main]

use guildhall_fuzz::domain::filter::{Filter, MAX_GROUPS, MAX_TERMS, from_pairs};
use guildhall_fuzz::print::print;
use guildhall_fuzz::world::{Neighbours, is_shown, object, record, scope};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

fuzz_target!(|input: (u8, bool, bool, &str)| {
    let (chosen, sees_all, is_url, text) = input;
    let object = object(chosen);
    let scope = scope(object, sees_all);
    let read = if is_url {
        let Ok(json) = from_pairs(&pairs(text)) else { return };
        Filter::parse_loose(&scope, &json)
    } else {
        let Ok(json) = serde_json::from_str::<Json>(text) else { return };
        Filter::parse(&scope, &json)
    };
    let filter = match read {
        Ok(filter) => filter,
        Err(faults) => {
            assert_eq!(faults.len(), 1);
            assert!(faults[0].field.starts_with("filter"), "{:?}", faults[0]);
            return;
        }
    };
    let top = object;
    let written = print(object, &filter, &|object, field| {
        // What is filtered itself is checked by who asks.
        let is_top = object.name == top.name;
        assert!(sees_all || is_top || is_shown(object, field), "{} {field:?}", object.name);
    });
    let typical = record(object);
    let holds = filter.matches(&typical, &Neighbours);
    assert_eq!(Filter::Not(Box::new(filter.clone())).matches(&typical, &Neighbours), !holds);
    match Filter::parse(&scope, &written) {
        Ok(again) => {
            assert_eq!(print(object, &again, &|_, _| {}), written);
            assert_eq!(again.matches(&typical, &Neighbours), holds, "{written}");
        }
        // Written down, each list of conditions is a group of its own.
        Err(faults) => {
            assert!(matches!(faults[0].code, "filter_too_deep" | "filter_too_large"), "{faults:?} {written}");
        }
    }
    assert!(filter.targets().len() <= MAX_TERMS * 2 + MAX_GROUPS);
});

/// `a.b._eq=x&…`
fn pairs(text: &str) -> Vec<(Vec<String>, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(path, value)| (path.split('.').map(str::to_owned).collect(), value.to_owned())).collect()
}
