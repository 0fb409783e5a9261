//! Rule `floors`: inside the host, imports point down only.

use super::paths::{Reference, passed_on, references};
use super::token::{Token, tokens};
use super::{Finding, Source};

/// Each floor and what it may import of ours; `main` and `lib` tie all together and are free.
const FLOORS: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("access", &["domain"]),
    ("plugin", &["domain"]),
    ("outbound", &["domain"]),
    ("store", &["domain", "access"]),
    ("app", &["domain", "access", "store", "plugin", "outbound"]),
    ("http", &["app", "domain"]),
    ("console", &["app", "domain"]),
    ("mcp", &["app", "domain"]),
    ("cli", &["app", "domain", "http"]),
];

/// The file that makes the proofs which store asks for; store may know nothing else of access.
const PROOF: &str = "permit";

/// What access passes on from its proofs' file, by name.
pub fn proofs(sources: &[Source]) -> Vec<String> {
    let access = sources.iter().find(|source| source.path == "host/src/access.rs");
    access.map(|source| passed_on(&tokens(&source.text), PROOF)).unwrap_or_default()
}

pub fn check(source: &Source, tokens: &[Token], proofs: &[String]) -> Vec<Finding> {
    let Some(path) = source.in_host().and_then(|path| path.strip_suffix(".rs")) else { return Vec::new() };
    let module: Vec<&str> = path.split('/').collect();
    let floor = module[0];
    if matches!(floor, "main" | "lib") {
        return Vec::new();
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
        let message = format!("`{floor}` is no floor: put the file into one (docs/architecture.md has the map)");
        return vec![Finding::new(source, 1, "floors", message)];
    };
    references(tokens, &module)
        .into_iter()
        .filter_map(|reference| {
            refusal(floor, allowed, &reference, proofs)
                .map(|message| Finding::new(source, reference.line, "floors", message))
        })
        .collect()
}

fn refusal(floor: &str, allowed: &[&str], reference: &Reference, proofs: &[String]) -> Option<String> {
    let target = reference.segments.first().map_or("", String::as_str);
    if target == floor {
        return None;
    }
    if !FLOORS.iter().any(|(name, _)| *name == target) {
        return Some(format!("`crate::{target}` belongs to no floor: name the item where it is defined"));
    }
    if !allowed.contains(&target) {
        let list = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
        return Some(format!(
            "{floor} must not import {target} (it may import {list}): move the code up, or pass the value down"
        ));
    }
    let item = reference.segments.get(1).map_or("", String::as_str);
    (floor == "store" && target == "access" && item != PROOF && !proofs.iter().any(|proof| proof == item)).then(|| {
        "store may take only proofs from access (what access.rs passes on from permit), each by its name: \
         decide in app, hand the proof down"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn found(path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: path.into(), text: text.into() };
        let access = Source { path: "host/src/access.rs".into(), text: "pub use permit::{Permit, Read};".into() };
        check(&source, &tokens(text), &proofs(&[access])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_import_upwards_is_found() {
        assert_eq!(found("host/src/store/records.rs", "//! S.\nuse crate::app::App;"), [2]);
        assert_eq!(found("host/src/domain/id.rs", "use crate::{\n    store::db::Tx,\n    plugin,\n};"), [2, 3]);
        assert_eq!(found("host/src/http/records.rs", "fn a() { crate::store::read() }"), [1]);
        assert_eq!(found("host/src/plugin.rs", "use super::access::Permit;"), [1]);
    }

    #[test]
    fn an_import_downwards_is_fine() {
        assert_eq!(found("host/src/app/records.rs", "use crate::{access, domain::id::Id, plugin, store};"), NONE);
        assert_eq!(found("host/src/cli/serve.rs", "use crate::{app::App, http};"), NONE);
        assert_eq!(found("host/src/main.rs", "use guildhall::store;"), NONE);
        assert_eq!(found("host/src/store/records.rs", "// use crate::app::App;\nuse super::db::Tx;"), NONE);
        assert_eq!(found("sdk/rust/src/lib.rs", "use crate::app::App;"), NONE);
    }

    #[test]
    fn store_takes_only_the_proof_from_access() {
        assert_eq!(found("host/src/store/records.rs", "use crate::access::{Permit, Read, permit::Chore};"), NONE);
        assert_eq!(found("host/src/store/records.rs", "use crate::access::Access;"), [1]);
        assert_eq!(found("host/src/store/records.rs", "use crate::access::{self, Permit};"), [1]);
        assert_eq!(found("host/src/store/records.rs", "use crate::access;"), [1]);
    }

    #[test]
    fn a_file_outside_the_floors_is_found() {
        assert_eq!(found("host/src/helpers.rs", "//! H."), [1]);
        assert_eq!(found("host/src/app/a.rs", "use crate::Helper;"), [1]);
    }
}
