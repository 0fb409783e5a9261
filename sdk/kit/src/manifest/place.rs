//! Where a part of the manifest stands in the files of its folder: `hooks.scheduled[0].cron` is on a line of
//! `plugin.toml`, `objects[0].label` on one of an object's file.

use std::path::PathBuf;

use serde::de::{DeserializeOwned, IgnoredAny};
use toml::de::{DeTable, DeValue};

/// A file that the manifest is made of.
#[derive(Debug)]
pub struct Source {
    /// Its path in the folder.
    pub file: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// A step on the way into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a member.
    Key(String),
    /// To an item, counted from 0.
    Item(usize),
}

/// The steps of a path such as `hooks.scheduled[0].cron`.
pub fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(|key| Step::Key(key.to_owned())));
        steps.extend(pieces.filter_map(|item| item.strip_suffix(']')?.parse().ok()).map(Step::Item));
    }
    steps
}

/// The line of what the steps lead to in a file of TOML; of as much of the way as there is.
pub fn line_in_toml(text: &str, steps: &[Step]) -> usize {
    let Ok(whole) = DeTable::parse(text) else { return 1 };
    let mut value = DeValue::Table(whole.into_inner());
    let mut at = 0;
    for step in steps {
        let next = match (step, value) {
            (Step::Key(name), DeValue::Table(table)) => {
                let found = table.into_iter().find(|(key, _)| key.get_ref() == name);
                found.map(|(key, member)| (key.span().start, member.into_inner()))
            }
            (Step::Item(place), DeValue::Array(items)) => {
                let found = items.into_iter().nth(*place);
                found.map(|item| (item.span().start, item.into_inner()))
            }
            _ => None,
        };
        let Some((start, inner)) = next else { break };
        (at, value) = (start, inner);
    }
    line(text, at)
}

/// The same in a file of JSON.
pub fn line_in_json(text: &str, steps: &[Step]) -> usize {
    let mut reader = Reader { text, at: 0 };
    let mut found = 0;
    for step in steps {
        let Some(place) = reader.enter(step) else { break };
        found = place;
    }
    line(text, found)
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Goes through JSON that was read before: only where something stands is looked for.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// Goes to what a step leads to, and says where its key or, in a list, it itself begins.
    fn enter(&mut self, step: &Step) -> Option<usize> {
        let opened = self.next()?;
        // A path of a JSON Schema counts items as if they were members.
        let item = match step {
            Step::Item(item) => Some(*item),
            Step::Key(key) => key.parse().ok(),
        };
        self.at += 1;
        match (opened, step) {
            (b'{', Step::Key(name)) => loop {
                if self.next()? == b',' {
                    self.at += 1;
                    self.next()?;
                }
                let begin = self.at;
                let key: String = self.read()?;
                self.next().filter(|byte| *byte == b':')?;
                self.at += 1;
                if key == *name {
                    return Some(begin);
                }
                self.read::<IgnoredAny>()?;
            },
            (b'[', _) => {
                for _ in 0..item? {
                    self.read::<IgnoredAny>()?;
                    self.next().filter(|byte| *byte == b',')?;
                    self.at += 1;
                }
                self.next()?;
                Some(self.at)
            }
            _ => None,
        }
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads one value.
    fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter::<T>();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_on_its_line() {
        let toml = "name = \"x\"\n\n[hooks]\nscheduled = [\n    { name = \"a\", cron = \"* * * * *\" },\n    { name = \"b\",\n      cron = \"x\" },\n]\n\n[[actions]]\nname = \"a\"\n\n[[actions]]\nname = \"b\"\ntitle = \"B\"\n";
        for (path, line) in [
            ("name", 1),
            ("hooks", 3),
            ("hooks.scheduled", 4),
            ("hooks.scheduled[0].cron", 5),
            ("hooks.scheduled[1]", 6),
            ("hooks.scheduled[1].cron", 7),
            ("actions[0].name", 11),
            ("actions[1].title", 15),
            // Of what is not there: as far as it is.
            ("hooks.scheduled[1].colour", 6),
            ("hooks.scheduled[7].name", 4),
            ("permissions.kv", 1),
        ] {
            assert_eq!(line_in_toml(toml, &steps(path)), line, "{path}");
        }
        let json = "{\n  \"name\": \"a.b\",\n  \"fields\": [\n    {\"name\": \"x\\\"}\", \"type\": 1},\n    {\n      \"name\": \"y\",\n      \"type\": [1, [2], -3.5e1,\n        true]\n    }\n  ]\n}\n";
        for (path, line) in [
            ("", 1),
            ("name", 2),
            ("fields", 3),
            ("fields[0].type", 4),
            ("fields[1]", 5),
            ("fields[1].name", 6),
            ("fields.1.type", 7),
            ("fields[1].type[3]", 8),
            ("fields[1].label", 5),
            ("fields[2]", 3),
            ("colour", 1),
        ] {
            assert_eq!(line_in_json(json, &steps(path)), line, "{path}");
        }
    }
}
