//! How much of everything a component has. What is counted here costs its compiler time or memory.

use wasmparser::{
    BinaryReaderError, ComponentExternalKind, Encoding, FunctionBody, KnownCustom, Operator, Parser, Payload, TypeRef,
};

use super::super::engine::TABLE_ELEMENTS;
use super::super::limits::MEMORY_CAP;
use super::Invalid;
use super::largest::Largest;

/// Name of the custom section that holds the manifest.
const MANIFEST_SECTION: &str = "guildhall:manifest";
/// Name of the one that says what the component was built with.
const SDK_SECTION: &str = "guildhall:sdk";
/// Largest manifest.
const MANIFEST: usize = 256 << 10;
/// Core modules and components inside, and how deep they may stand in one another.
const MODULES: u64 = 64;
const COMPONENTS: u64 = 64;
const DEPTH: usize = 8;
/// Instances of core modules, as many as the pool has for one component.
const INSTANCES: u64 = 200;
const FUNCTIONS: u64 = 50_000;
const BODY: usize = 512 << 10;
const LOCALS: u64 = 2_000;
/// Where the branches of one function go by tables.
const BRANCHES: u64 = 65_536;
/// Of each: exports, imports, types, globals, segments.
const ITEMS: u64 = 10_000 / 2;
const PAGE: u64 = 64 << 10;

/// What was found.
pub struct Shape<'a> {
    /// The section with the manifest.
    pub manifest: &'a [u8],
    /// What the component imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The section that says what it was built with.
    pub sdk: Option<&'a [u8]>,
    /// Its largest functions.
    pub largest: Largest,
}

/// So many of something, of so many that are allowed.
struct Count {
    what: &'static str,
    found: u64,
    most: u64,
}

impl Count {
    fn new(what: &'static str, most: u64) -> Self {
        Self { what, found: 0, most }
    }

    fn add(&mut self, more: impl TryInto<u64>) -> Result<(), Invalid> {
        self.found = self.found.saturating_add(more.try_into().unwrap_or(u64::MAX));
        if self.found <= self.most {
            return Ok(());
        }
        Err(Invalid::Component(format!("the component has more than {} {}", self.most, self.what)))
    }
}

/// Everything that is counted over the whole component.
struct Counts {
    modules: Count,
    components: Count,
    instances: Count,
    functions: Count,
    exports: Count,
    imports: Count,
    types: Count,
    globals: Count,
    segments: Count,
    memory: Count,
    elements: Count,
}

impl Counts {
    fn new() -> Self {
        Self {
            modules: Count::new("core modules", MODULES),
            components: Count::new("components inside", COMPONENTS),
            instances: Count::new("core instances", INSTANCES),
            functions: Count::new("functions", FUNCTIONS),
            exports: Count::new("exports", ITEMS),
            imports: Count::new("imports", ITEMS),
            types: Count::new("types", ITEMS * 2),
            globals: Count::new("globals", ITEMS * 2),
            segments: Count::new("segments of data and elements", ITEMS * 2),
            memory: Count::new("bytes of memory at the start", MEMORY_CAP as u64),
            elements: Count::new("table elements at the start", TABLE_ELEMENTS as u64),
        }
    }
}

/// The core module that is being read.
#[derive(Default)]
struct Module {
    number: u64,
    imported: u32,
    bodies: u32,
}

/// Counts, and finds what stands at the top.
pub fn of(component: &[u8]) -> Result<Shape<'_>, Invalid> {
    let mut counts = Counts::new();
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let (mut manifest, mut sdk) = (None, None);
    let mut largest = Largest::default();
    let mut nested: Vec<Encoding> = Vec::new();
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(broken)?;
        let is_top = nested.len() == 1;
        match payload {
            Payload::Version { encoding, .. } => {
                if nested.len() >= DEPTH {
                    return Err(Invalid::Component(format!("components stand more than {DEPTH} deep in one another")));
                }
                if encoding == Encoding::Module {
                    counts.modules.add(1_u64)?;
                    module = Module { number: counts.modules.found - 1, ..Module::default() };
                } else if !nested.is_empty() {
                    counts.components.add(1_u64)?;
                }
                nested.push(encoding);
            }
            Payload::End(_) => {
                nested.pop();
            }
            Payload::ComponentImportSection(section) => {
                counts.imports.add(section.count())?;
                for import in section.into_iter().filter(|_| is_top) {
                    imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                counts.exports.add(section.count())?;
                for export in section.into_iter().filter(|_| is_top) {
                    let export = export.map_err(broken)?;
                    if export.kind == ComponentExternalKind::Instance {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            Payload::CustomSection(section) if is_top && section.name() == MANIFEST_SECTION => {
                if section.data().len() > MANIFEST {
                    return Err(Invalid::Component(format!("the manifest is larger than {MANIFEST} bytes")));
                }
                if manifest.replace(section.data()).is_some() {
                    return Err(Invalid::Component(format!(
                        "the component has more than one `{MANIFEST_SECTION}` section"
                    )));
                }
            }
            Payload::CustomSection(section) if is_top && section.name() == SDK_SECTION => sdk = Some(section.data()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known()
                    && nested.last() == Some(&Encoding::Module)
                {
                    largest.name(module.number, names);
                }
            }
            Payload::ImportSection(section) => {
                counts.imports.add(section.count())?;
                for import in section.into_imports() {
                    let is_function = matches!(import.map_err(broken)?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    module.imported = module.imported.saturating_add(u32::from(is_function));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len();
                check_body(&body)?;
                largest.add(module.number, module.imported.saturating_add(module.bodies), bytes);
                module.bodies = module.bodies.saturating_add(1);
            }
            other => counts.section(other)?,
        }
    }
    let manifest =
        manifest.ok_or_else(|| Invalid::Component(format!("the component has no `{MANIFEST_SECTION}` section")))?;
    Ok(Shape { manifest, imports, exports, sdk, largest })
}

impl Counts {
    /// What is only counted.
    fn section(&mut self, payload: Payload<'_>) -> Result<(), Invalid> {
        match payload {
            Payload::TypeSection(section) => self.types.add(section.count()),
            Payload::CoreTypeSection(section) => self.types.add(section.count()),
            Payload::ComponentTypeSection(section) => self.types.add(section.count()),
            Payload::FunctionSection(section) => self.functions.add(section.count()),
            Payload::ComponentCanonicalSection(section) => self.functions.add(section.count()),
            Payload::GlobalSection(section) => self.globals.add(section.count()),
            Payload::ExportSection(section) => self.exports.add(section.count()),
            Payload::ElementSection(section) => self.segments.add(section.count()),
            Payload::DataSection(section) => self.segments.add(section.count()),
            Payload::InstanceSection(section) => self.instances.add(section.count()),
            Payload::ComponentInstanceSection(section) => self.instances.add(section.count()),
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory.add(memory.map_err(broken)?.initial.saturating_mul(PAGE))?;
                }
                Ok(())
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.elements.add(table.map_err(broken)?.ty.initial)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// What one function may have.
fn check_body(body: &FunctionBody<'_>) -> Result<(), Invalid> {
    if body.range().len() > BODY {
        return Err(Invalid::Component(format!("a function is larger than {BODY} bytes")));
    }
    let mut locals = Count::new("locals in one function", LOCALS);
    for local in body.get_locals_reader().map_err(broken)? {
        locals.add(local.map_err(broken)?.0)?;
    }
    let mut branches = Count::new("branches by table in one function", BRANCHES);
    for operator in body.get_operators_reader().map_err(broken)? {
        if let Operator::BrTable { targets } = operator.map_err(broken)? {
            branches.add(targets.len())?;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "errors come by value where they are mapped")]
fn broken(error: BinaryReaderError) -> Invalid {
    Invalid::Component(format!("not a WebAssembly component: {error}"))
}
