//! Rule `contract`: what of `wit/` was released stays as it is, but for functions that the host adds, and every item
//! is documented. The copies of releases, and the components that were built against them, are never edited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use wit_parser::{Handle, Interface, Resolve, Type, TypeDefKind, TypeId, WorldItem};

use super::Finding;
use crate::workspace;

/// Where the contract is, and below it, what was released.
const HOME: &str = "wit";
const RELEASED: &str = "released";

/// What is never edited, once git has it.
const FROZEN: [&str; 2] = ["wit/released", "host/tests/fixtures/frozen"];

/// Compares the contract with each of its releases.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let home = root.join(HOME);
    let now = read(sources(&home)?)?;
    let mut findings = undocumented(&now);
    findings.extend(edited(&changes(root)));
    let mut releases: Vec<_> = home.join(RELEASED).read_dir()?.collect::<Result<_, _>>()?;
    releases.sort_by_key(std::fs::DirEntry::file_name);
    for release in releases {
        let name = release.file_name().to_string_lossy().into_owned();
        let texts = files(&release.path())?;
        findings.extend(compare(&name, &read(texts)?, &now));
    }
    Ok(findings)
}

/// What git says has become of frozen files since this branch left the published one; in a clone without, since the
/// last commit; nothing outside of git.
fn changes(root: &Path) -> String {
    let git = |arguments: &[&str]| workspace::output(Command::new("git").current_dir(root).args(arguments)).ok();
    let base = git(&["merge-base", "origin/main", "HEAD"]).unwrap_or_else(|| "HEAD".to_owned());
    let [contract, components] = FROZEN;
    let changes = git(&["diff", "--name-status", "--no-renames", base.trim(), "--", contract, components]);
    changes.unwrap_or_default()
}

/// Frozen files that are not new.
fn edited(changes: &str) -> Vec<Finding> {
    let lines = changes.lines().filter_map(|line| line.split_once('\t')).filter(|(what, _)| *what != "A");
    let message = "belongs to a release, and there are plugins that were built against it: restore it";
    lines.map(|(_, path)| Finding { path: path.to_owned(), ..finding(message.to_owned()) }).collect()
}

/// The files of all packages, by their paths.
fn sources(home: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in home.read_dir()? {
        let folder = entry?.path();
        if folder.is_dir() && !folder.ends_with(RELEASED) {
            texts.extend(files(&folder)?);
        }
    }
    Ok(texts)
}

fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            texts.insert(path.display().to_string(), std::fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

/// Reads packages, each after those that it stands on.
fn read(mut texts: BTreeMap<String, String>) -> Result<Resolve> {
    let mut resolve = Resolve::default();
    while !texts.is_empty() {
        let mut failures = Vec::new();
        let mut rest = BTreeMap::new();
        let count = texts.len();
        for (path, text) in texts {
            let mut next = resolve.clone();
            match next.push_source(&path, &text) {
                Ok(_) => resolve = next,
                Err(error) => {
                    failures.push(format!("{error:#}"));
                    rest.insert(path, text);
                }
            }
        }
        if rest.len() == count {
            bail!("{}", failures.join("\n"));
        }
        texts = rest;
    }
    Ok(resolve)
}

/// Interfaces by `guildhall:core/log`, without their version.
fn interfaces(resolve: &Resolve) -> BTreeMap<String, &Interface> {
    let named = resolve.interfaces.iter().filter_map(|(_, interface)| {
        let package = &resolve.packages[interface.package?].name;
        Some((format!("{}:{}/{}", package.namespace, package.name, interface.name.as_ref()?), interface))
    });
    named.collect()
}

/// Names of interfaces that plugins export.
fn exported(resolve: &Resolve) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, world) in &resolve.worlds {
        for item in world.exports.values() {
            let WorldItem::Interface { id, .. } = item else { continue };
            let interface = &resolve.interfaces[*id];
            let of = |(name, one): (&String, &&Interface)| std::ptr::eq(*one, interface).then(|| name.clone());
            names.extend(interfaces(resolve).iter().find_map(of));
        }
    }
    names
}

/// What of a release is not any more as it was.
fn compare(release: &str, released: &Resolve, now: &Resolve) -> Vec<Finding> {
    let current = interfaces(now);
    // A world that is dropped takes no plugin away that exports what it named.
    let exported: BTreeSet<String> = exported(now).into_iter().chain(exported(released)).collect();
    let mut findings = Vec::new();
    let mut tell =
        |what: String| findings.push(finding(format!("{what} of release {release}: make a new one beside it")));
    for (name, interface) in interfaces(released) {
        let Some(other) = current.get(&name) else {
            tell(format!("`{name}` is gone"));
            continue;
        };
        for (function, signature) in &interface.functions {
            match other.functions.get(function) {
                None => tell(format!("`{name}.{function}` is gone")),
                Some(new) => {
                    let shape = |resolve: &Resolve, function: &wit_parser::Function| {
                        let params: Vec<String> = function
                            .params
                            .iter()
                            .map(|one| format!("{}: {}", one.name, shape(resolve, &one.ty)))
                            .collect();
                        format!("({}) -> {:?}", params.join(", "), function.result.map(|ty| shape(resolve, &ty)))
                    };
                    if shape(released, signature) != shape(now, new) {
                        tell(format!("`{name}.{function}` is not what it was in the contract"));
                    }
                }
            }
        }
        for (kind, id) in &interface.types {
            match other.types.get(kind) {
                Some(new) if definition(released, *id) == definition(now, *new) => {}
                _ => tell(format!("the type `{name}.{kind}` is not what it was in the contract")),
            }
        }
        let added = other.functions.keys().find(|function| !interface.functions.contains_key(*function));
        if let Some(function) = added.filter(|_| exported.contains(&name)) {
            tell(format!("`{name}.{function}` is new, and plugins export the interface as it was in the contract"));
        }
    }
    findings
}

/// A type as it is seen from outside: through every name that it has.
fn shape(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => definition(resolve, *id),
        plain => format!("{plain:?}"),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let of = |ty: &Type| shape(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields: Vec<String> =
                record.fields.iter().map(|one| format!("{}: {}", one.name, of(&one.ty))).collect();
            format!("record {{{}}}", fields.join(", "))
        }
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", tuple.types.iter().map(of).collect::<Vec<_>>().join(", ")),
        TypeDefKind::Variant(variant) => {
            let cases: Vec<String> =
                variant.cases.iter().map(|one| format!("{}({})", one.name, maybe(&one.ty))).collect();
            format!("variant {{{}}}", cases.join(", "))
        }
        TypeDefKind::Enum(all) => format!("enum {:?}", all.cases.iter().map(|one| &one.name).collect::<Vec<_>>()),
        TypeDefKind::Flags(all) => format!("flags {:?}", all.flags.iter().map(|one| &one.name).collect::<Vec<_>>()),
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Type(ty) => of(ty),
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => format!("handle {:?}", resolve.types[*id].name),
        other => other.as_str().to_owned(),
    }
}

/// Interfaces, functions and types that nobody has described.
fn undocumented(resolve: &Resolve) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, interface) in interfaces(resolve) {
        let mut tell = |what: String, docs: &wit_parser::Docs| {
            if docs.contents.as_ref().is_none_or(|text| text.trim().is_empty()) {
                findings.push(finding(format!("{what} has no description")));
            }
        };
        tell(format!("`{name}`"), &interface.docs);
        for (function, one) in &interface.functions {
            tell(format!("`{name}.{function}`"), &one.docs);
        }
        for (kind, id) in &interface.types {
            let one = &resolve.types[*id];
            // What is taken over by `use` is described where it is defined.
            if matches!(one.kind, TypeDefKind::Type(Type::Id(_))) {
                continue;
            }
            tell(format!("`{name}.{kind}`"), &one.docs);
            if let TypeDefKind::Record(record) = &one.kind {
                for field in &record.fields {
                    tell(format!("`{name}.{kind}.{}`", field.name), &field.docs);
                }
            }
        }
    }
    findings
}

fn finding(message: String) -> Finding {
    Finding { path: HOME.to_owned(), line: 1, rule: "contract", message, warning: false }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    const BEFORE: &str = "/// P.\npackage a:b@1.0.0;\n/// I.\ninterface i {\n/// R.\nrecord r {\n/// X.\nx: string }\n/// F.\nf: func(r: r) -> option<u32>;\n}\n";

    fn one(text: &str) -> Result<Resolve> {
        read(BTreeMap::from([("a.wit".to_owned(), text.to_owned())])).context("reading")
    }

    fn against(change: impl Fn(&str) -> String) -> Vec<String> {
        let (before, after) = (one(BEFORE).unwrap(), one(&change(BEFORE)).unwrap());
        compare("1.0.0", &before, &after).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_was_released_stays() {
        assert!(against(str::to_owned).is_empty());
        let added = |text: &str| text.replace("/// F.", "/// G.\ng: func();\n/// F.").replace("1.0.0", "1.1.0");
        assert!(against(added).is_empty());
        let in_a_world = |text: &str| added(text) + "world w { export i; }";
        assert!(against(in_a_world)[0].contains("`a:b/i.g` is new"));
        let (before, after) =
            (one(&(BEFORE.to_owned() + "world w { export i; }")).unwrap(), one(&added(BEFORE)).unwrap());
        assert!(compare("1.0.0", &before, &after)[0].message.contains("`a:b/i.g` is new"), "its world is gone");
        for (from, to, told) in [
            ("option<u32>", "option<u64>", "`a:b/i.f` is not what it was"),
            ("func(r: r)", "func(s: r)", "`a:b/i.f` is not what it was"),
            ("x: string }", "x: string,\n/// Y.\ny: u8 }", "the type `a:b/i.r` is not what it was"),
            ("f: func", "g: func", "`a:b/i.f` is gone"),
            ("interface i", "interface j", "`a:b/i` is gone"),
        ] {
            let told_of = against(|text| text.replace(from, to));
            assert!(told_of.iter().any(|message| message.contains(told)), "{from} to {to}: {told_of:?}");
        }
    }

    #[test]
    fn a_release_only_gets_new_files() {
        let found =
            edited("A\twit/released/2.0.0/core.wit\nM\twit/released/1.0.0/core.wit\nD\twit/released/1.0.0/data.wit\n");
        let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["wit/released/1.0.0/core.wit", "wit/released/1.0.0/data.wit"]);
    }

    #[test]
    fn everything_is_described() {
        assert!(undocumented(&one(BEFORE).unwrap()).is_empty());
        for part in ["/// I.\n", "/// R.\n", "/// X.\n", "/// F.\n"] {
            assert_eq!(undocumented(&one(&BEFORE.replace(part, "")).unwrap()).len(), 1, "{part}");
        }
    }
}
