//! The largest functions of a component, for who has to make it smaller.

use wasmparser::{Name, NameSectionReader};

/// So many are kept.
const KEPT: usize = 10;

/// The largest functions, the largest first.
#[derive(Debug, Default)]
pub struct Largest(Vec<Function>);

/// A function of a component.
#[derive(Clone, Debug)]
pub struct Function {
    /// The core module that it is in, counted from 0.
    pub module: u64,
    /// Its index in there.
    pub index: u32,
    /// Bytes of its body.
    pub bytes: usize,
    /// What the name section calls it.
    pub name: Option<String>,
}

impl Largest {
    /// Keeps a function, when it is one of the largest.
    pub fn add(&mut self, module: u64, index: u32, bytes: usize) {
        let place = self.0.partition_point(|known| known.bytes >= bytes);
        if place < KEPT {
            self.0.insert(place, Function { module, index, bytes, name: None });
            self.0.truncate(KEPT);
        }
    }

    /// Names those of a module.
    pub fn name(&mut self, module: u64, names: NameSectionReader<'_>) {
        let functions = names.into_iter().flatten().find_map(|name| match name {
            Name::Function(functions) => Some(functions),
            _ => None,
        });
        for naming in functions.into_iter().flatten().flatten() {
            let is_it = |known: &&mut Function| known.module == module && known.index == naming.index;
            if let Some(known) = self.0.iter_mut().find(is_it) {
                let name = format!("{:#}", rustc_demangle::demangle(naming.name));
                known.name = Some(name.chars().filter(|c| !c.is_control()).take(200).collect());
            }
        }
    }

    /// As a list.
    pub fn into_list(self) -> Vec<Function> {
        self.0
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { module, index, bytes, name } = self;
        match name {
            Some(name) => write!(f, "`{name}` (function {index} of core module {module}, {bytes} bytes)"),
            None => write!(f, "function {index} of core module {module} ({bytes} bytes)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_the_first_of_equals_stands_first() {
        let mut largest = Largest::default();
        for (index, bytes) in [5, 9, 9, 1, 2, 3, 4, 6, 7, 8, 10, 0].into_iter().enumerate() {
            largest.add(0, u32::try_from(index).unwrap(), bytes);
        }
        let list = largest.into_list();
        assert_eq!(list.iter().map(|known| known.bytes).collect::<Vec<_>>(), [10, 9, 9, 8, 7, 6, 5, 4, 3, 2]);
        assert_eq!((list[1].index, list[2].index), (1, 2));
    }
}
