//! The one table of what the host offers to plugins: the audit reads it, and nothing else says it.

use semver::Version;

use super::Invalid;
use crate::domain::plugin::API;

/// An interface that a plugin can import.
pub struct Interface {
    /// Package and name.
    pub name: &'static str,
    /// The newest version that this host has; older ones of the same major are the same functions, and fewer.
    pub version: &'static str,
    /// The part of `[permissions]` without which importing it makes no sense.
    pub needs: Option<&'static str>,
}

/// What a plugin can import: one line for each major version of an interface.
pub const INTERFACES: &[Interface] = &[
    Interface { name: "guildhall:core/types", version: "1.1.0", needs: None },
    Interface { name: "guildhall:core/log", version: "1.1.0", needs: None },
    Interface { name: "guildhall:core/config", version: "1.1.0", needs: None },
    Interface { name: "guildhall:core/clock", version: "1.1.0", needs: None },
    Interface { name: "guildhall:core/random", version: "1.1.0", needs: None },
    Interface { name: "guildhall:core/context", version: "1.1.0", needs: None },
    Interface { name: "guildhall:data/records", version: "1.1.0", needs: Some("records") },
    Interface { name: "guildhall:kv/store", version: "1.1.0", needs: Some("kv") },
    Interface { name: "guildhall:http/client", version: "1.1.0", needs: Some("http") },
    Interface { name: "guildhall:events/publish", version: "1.1.0", needs: Some("events") },
    Interface { name: "guildhall:jobs/queue", version: "1.1.0", needs: Some("jobs") },
    Interface { name: "guildhall:secrets/handle", version: "1.1.0", needs: Some("secrets") },
    Interface { name: "guildhall:actions/call", version: "1.1.0", needs: Some("actions") },
];

/// Where the names of hooks stand among exports.
pub const HOOKS: &str = "guildhall:hooks/";
/// What the names of our own packages begin with.
pub const OURS: &str = "guildhall:";

/// The API of this host, as manifests and messages name it.
pub fn api() -> String {
    format!("{}.{}", API.0, API.1)
}

/// The interface that an import names, when this host has it in that version or a newer one that fits.
pub fn offered(import: &str, api: &str) -> Result<&'static Interface, Invalid> {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let known: Vec<&Interface> = INTERFACES.iter().filter(|interface| interface.name == name).collect();
    if known.is_empty() {
        return Err(if name.starts_with(OURS) {
            Invalid::Api(format!(
                "the component imports `{import}`: built for API {api}, this host has {}",
                self::api()
            ))
        } else {
            Invalid::Component(format!("the component imports `{import}`, which this host does not have"))
        });
    }
    // A version that is not final fits nothing, not even itself.
    let asked = Version::parse(version).ok().filter(|asked| asked.pre.is_empty());
    let fits = |interface: &&&Interface| {
        let has = Version::parse(interface.version);
        asked.as_ref().zip(has.ok()).is_some_and(|(asked, has)| asked.major == has.major && *asked <= has)
    };
    known.iter().find(fits).copied().ok_or_else(|| {
        let built = asked.map_or_else(|| api.to_owned(), |asked| format!("{}.{}", asked.major, asked.minor));
        Invalid::Api(format!("the component imports `{import}`: built for API {built}, this host has {}", self::api()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_as_the_linker_has_them() {
        for interface in INTERFACES {
            let Version { major, minor, .. } = Version::parse(interface.version).unwrap();
            let of = |version: String| offered(&format!("{}@{version}", interface.name), "1.0");
            assert!(of(interface.version.to_owned()).is_ok(), "{}", interface.name);
            assert!((0..=minor).all(|minor| of(format!("{major}.{minor}.0")).is_ok()), "{}", interface.name);
            for other in [
                format!("{major}.{}.0", minor + 1),
                format!("{}.0.0", major + 1),
                format!("0.{minor}.0"),
                format!("{}-rc.1", interface.version),
                "1".to_owned(),
                String::new(),
            ] {
                assert!(matches!(of(other), Err(Invalid::Api(_))), "{}", interface.name);
            }
        }
        let newer = offered("guildhall:core/log@1.97.0", "1.0").err().unwrap().to_string();
        assert!(newer.contains(&format!("built for API 1.97, this host has {}", api())), "{newer}");
        assert!(matches!(offered("guildhall:core/logs@1.0.0", "1.0"), Err(Invalid::Api(_))));
        assert!(matches!(offered("wasi:cli/environment@0.2.0", "1.0"), Err(Invalid::Component(_))));
    }
}
