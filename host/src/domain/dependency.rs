//! What computed fields are computed from, and that none is computed from itself.

use std::collections::HashMap;

use super::field::{Calculation, Field, Source};
use super::filter::Target;
use super::schema::Schema;

/// A field of an object.
type Node<'a> = (&'a str, &'a str);

/// Whether a node is being looked at, or is done.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Open,
    Done,
}

/// Refuses a schema in which a formula names an unknown field, or a field
/// would be computed from itself.
pub fn check(schema: &Schema) -> Result<(), String> {
    let mut marks = HashMap::new();
    for object in schema.objects() {
        for field in &object.fields {
            visit(schema, (&object.name, field.name()), &mut marks)?;
        }
    }
    Ok(())
}

/// The places of the formulas among these fields, each behind those that it reads.
pub fn order(fields: &[Field]) -> Vec<usize> {
    fn add(fields: &[Field], at: usize, seen: &mut Vec<usize>, order: &mut Vec<usize>) {
        let Source::Calculation(Calculation::Formula(formula)) = &fields[at].source else { return };
        if seen.contains(&at) {
            return;
        }
        seen.push(at);
        for name in formula.expression.names() {
            if let Some(read) = fields.iter().position(|field| field.name() == name) {
                add(fields, read, seen, order);
            }
        }
        order.push(at);
    }
    let (mut seen, mut order) = (Vec::new(), Vec::new());
    for at in 0..fields.len() {
        add(fields, at, &mut seen, &mut order);
    }
    order
}

fn visit<'a>(schema: &'a Schema, node: Node<'a>, marks: &mut HashMap<Node<'a>, Mark>) -> Result<(), String> {
    match marks.get(&node) {
        Some(Mark::Done) => return Ok(()),
        Some(Mark::Open) => return Err(format!("`{}.{}` would be computed from itself", node.0, node.1)),
        None => {}
    }
    marks.insert(node, Mark::Open);
    for read in reads(schema, node)? {
        visit(schema, read, marks)?;
    }
    marks.insert(node, Mark::Done);
    Ok(())
}

/// The fields that a field is computed from.
pub(super) fn reads<'a>(schema: &'a Schema, (name, field): Node<'a>) -> Result<Vec<Node<'a>>, String> {
    let Some(object) = schema.object(name) else { return Ok(Vec::new()) };
    let Some(at) = object.position(field) else { return Ok(Vec::new()) };
    Ok(match &object.fields[at].source {
        Source::Input | Source::AutoNumber(_) => Vec::new(),
        Source::Calculation(Calculation::Formula(formula)) => {
            let mut nodes = Vec::new();
            for read in formula.expression.names() {
                let place = object
                    .position(read)
                    .ok_or_else(|| format!("`{name}.{field}` reads the unknown field `{read}`"))?;
                if object.fields[place].kind.is_sealed() {
                    return Err(format!("`{name}.{field}` reads the encrypted field `{read}`"));
                }
                nodes.push((object.name.as_str(), object.fields[place].name()));
            }
            nodes
        }
        Source::Calculation(Calculation::RollUp(rollup)) => {
            let from = schema.gatherings(&rollup.def.object);
            let gathering = from.iter().find(|gathering| gathering.object.name == object.name && gathering.at == at);
            let (Some(gathering), Some(from)) = (gathering, schema.object(&rollup.def.object)) else {
                return Ok(Vec::new());
            };
            let filtered = gathering.filter.iter().flat_map(super::filter::Filter::targets);
            let filtered = filtered.filter_map(|target| match target {
                Target::Field(place) => Some(place),
                _ => None,
            });
            let places = gathering.field.into_iter().chain([gathering.link]).chain(filtered);
            places.map(|place| (from.name.as_str(), from.fields[place].name())).collect()
        }
    })
}
