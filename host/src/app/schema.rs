//! The schema of a tenant: what there is, and what it makes for itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::{App, AppError, Catalog};
use crate::access::{AreaPermit, Chore, Configure, HostPermit, Read};
use crate::domain::audit::Note;
use crate::domain::caller::Caller;
use crate::domain::field::{Calculation, FieldDef, Source};
use crate::domain::formula::NO_RESULT;
use crate::domain::language::Languages;
use crate::domain::object::Object;
use crate::domain::own_schema::{Refusal, SchemaChange};
use crate::domain::permission::Area;
use crate::domain::translation::{Translations, replace};
use crate::store::Further;

/// Why there are no encrypted fields where the operator gave no key.
pub(super) const NO_KEY: &str = "encrypted fields need a key of the operator, and this host has none: it is started \
    with GUILDHALL_KEY_FILE";
/// Most tries when others change the schema at the same time.
const MAX_TRIES: usize = 10;

/// The objects of a tenant as callers see them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SchemaView {
    /// Counts the changes that the tenant made.
    pub version: i64,
    /// All objects, by name.
    pub objects: Vec<ObjectView>,
}

/// An object as callers see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ObjectView {
    /// Its name in paths and filters.
    pub name: String,
    /// What people read for one.
    pub label: String,
    /// What people read for many.
    pub plural: String,
    /// What it is for.
    pub description: String,
    /// Who brings it: `core`, `tenant`, or the namespace of a module.
    pub owner: String,
    /// Callers only read it.
    pub read_only: bool,
    /// Its fields, in the order people see them.
    pub fields: Vec<FieldView>,
    /// What the tenant gave for an object of its own, by language.
    #[serde(skip_serializing_if = "Translations::is_empty")]
    #[schema(value_type = Object)]
    pub translations: Translations,
}

/// A field as callers see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FieldView {
    /// Its definition.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub def: FieldDef,
    /// The tenant added it.
    pub own: bool,
    /// The host computes it.
    pub computed: bool,
}

/// A change of the schema that was made, or would be.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SchemaChanged {
    /// Version of the schema after it.
    pub version: i64,
    /// One line for each difference: `+` added, `~` changed.
    pub changes: Vec<String>,
    /// The object as it is then; none when it is retired.
    pub object: Option<ObjectView>,
}

impl App {
    /// All objects of the caller's tenant, each in the best of these languages that it has; and which these are.
    pub async fn schema(&self, caller: &Caller, languages: &Languages) -> Result<(String, SchemaView), AppError> {
        self.access.check_area::<Read>(caller, Area::Schema)?;
        let catalog = self.catalog_of(caller).await?;
        let views = catalog.schema.objects().map(|object| view_in(object, languages));
        let (spoken, objects): (BTreeSet<&str>, Vec<ObjectView>) = views.unzip();
        let spoken = spoken.into_iter().collect::<Vec<_>>().join(", ");
        Ok((spoken, SchemaView { version: catalog.own_version, objects }))
    }

    /// One object of the caller's tenant in the best of these languages that it has; with which one that is, and the
    /// version of the schema.
    pub async fn object_schema(
        &self,
        caller: &Caller,
        name: &str,
        languages: &Languages,
    ) -> Result<(i64, String, ObjectView), AppError> {
        self.access.check_area::<Read>(caller, Area::Schema)?;
        let catalog = self.catalog_of(caller).await?;
        let object = catalog.schema.object(name).ok_or_else(|| AppError::UnknownObject(name.to_owned()))?;
        let (spoken, view) = view_in(object, languages);
        Ok((catalog.own_version, spoken.to_owned(), view))
    }

    /// Changes what the tenant made for itself, when the schema is still at the
    /// version that the caller names. A dry run only says what would change.
    pub async fn change_schema(
        self: &Arc<Self>,
        caller: &Caller,
        change: &SchemaChange,
        version: Option<i64>,
        is_dry_run: bool,
    ) -> Result<SchemaChanged, AppError> {
        let permit = self.access.check_area::<Configure>(caller, Area::Schema)?;
        for _ in 0..MAX_TRIES {
            if let Some(changed) = self.try_change(permit, caller, change.clone(), version, is_dry_run).await? {
                return Ok(changed);
            }
        }
        Err(AppError::Contended)
    }

    async fn try_change(
        self: &Arc<Self>,
        permit: AreaPermit<Configure>,
        caller: &Caller,
        change: SchemaChange,
        version: Option<i64>,
        is_dry_run: bool,
    ) -> Result<Option<SchemaChanged>, AppError> {
        let modules = self.store.modules_of(HostPermit::new(Chore::Serve), caller.tenant).await?;
        let (current, own) = self.own_schema(caller.tenant).await?;
        if let Some(given) = version.filter(|given| *given != current) {
            return Err(AppError::Stale { current, given });
        }
        let before = self.build_catalog(caller.tenant, modules.clone(), current, own.clone()).await?;
        let mut after = own;
        let name = object_of(&change).to_owned();
        let diff = after.apply(&before.schema, change).map_err(refused)?;
        let definition = serde_json::to_value(&after).map_err(|error| AppError::Setup(error.to_string()))?;
        // All objects together: links, names of formulas, circles.
        let catalog =
            self.build_catalog(caller.tenant, modules, current + 1, after).await.map_err(|error| match error {
                AppError::Setup(reason) => AppError::Refused(reason),
                other => other,
            })?;
        check_formulas(&catalog, &name)?;
        if !self.can_seal() && catalog.schema.object(&name).is_some_and(|object| object.has_sealed_fields()) {
            return Err(AppError::Refused(NO_KEY.to_owned()));
        }
        let changed = SchemaChanged {
            version: if is_dry_run { current } else { current + 1 },
            changes: diff.lines.clone(),
            object: catalog.schema.object(&name).map(|object| view(object)),
        };
        if is_dry_run {
            return Ok(Some(changed));
        }
        let fill = diff.fill.as_ref().and_then(|(object, field)| {
            let object = catalog.schema.object(object)?;
            Some((object.as_ref(), object.position(field)?))
        });
        let mut further: Vec<Further> = diff.compute.iter().map(|object| self.recomputing(caller, object)).collect();
        // What was changed, not how: a default may be a value.
        let said = |line: &String| line.split(' ').take(4).collect::<Vec<_>>().join(" ");
        further.extend(self.noted(caller, Note::of_area(Area::Schema, None, diff.lines.iter().map(said).collect())));
        if !self.store.set_own_schema(permit, current, definition, fill, further, self.clock.now()).await? {
            return Ok(None);
        }
        self.catalog_changed(caller.tenant);
        self.job_queued();
        Ok(Some(changed))
    }
}

fn object_of(change: &SchemaChange) -> &str {
    match change {
        SchemaChange::AddObject(def) => &def.name,
        SchemaChange::ChangeObject { object, .. }
        | SchemaChange::AddField { object, .. }
        | SchemaChange::ChangeField { object, .. } => object,
    }
}

fn refused(refusal: Refusal) -> AppError {
    match refusal {
        Refusal::Unknown { what, name } => AppError::NotFound { what: what.to_owned(), id: name },
        Refusal::Wrong(reason) => AppError::invalid("definition", "invalid_definition", reason),
        Refusal::Breaks(reason) => AppError::Refused(reason),
    }
}

/// A formula must be able to yield its type: it is tried with typical values.
fn check_formulas(catalog: &Catalog, name: &str) -> Result<(), AppError> {
    let Some(object) = catalog.schema.object(name) else { return Ok(()) };
    for &at in &object.formulas {
        let field = &object.fields[at];
        let Source::Calculation(Calculation::Formula(formula)) = &field.source else { continue };
        let value_of = |name: &str| object.position(name).map(|at| object.fields[at].kind.sample());
        let tried = formula.expression.compute(&field.kind, |name| value_of(name).unwrap_or_default());
        match tried {
            // Typical values may happen to divide by zero.
            Err(reason) if !reason.contains(NO_RESULT) => {
                let message = format!("`{}` with typical values: {reason}", field.name());
                return Err(AppError::invalid("expression", "invalid_definition", message));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn view(object: &Object) -> ObjectView {
    let owner = match object.namespace.as_deref() {
        None => "core",
        Some(_) if object.is_own() => "tenant",
        Some(namespace) => namespace,
    };
    let fields = object.shown().map(|(place, field)| FieldView {
        def: FieldDef {
            slot: None,
            read_only: field.def.read_only || object.locked.contains(&place),
            ..field.def.clone()
        },
        own: field.is_custom,
        computed: field.is_computed(),
    });
    ObjectView {
        name: object.name.clone(),
        label: object.label.clone(),
        plural: object.plural.clone(),
        description: object.description.clone(),
        owner: owner.to_owned(),
        read_only: object.read_only,
        fields: fields.collect(),
        translations: own_translations(object),
    }
}

/// An object as who reads these languages sees it, and the one that it is in.
fn view_in<'a>(object: &'a Object, languages: &Languages) -> (&'a str, ObjectView) {
    let mut view = view(object);
    let (language, translation) = object.read_in(languages);
    let Some(translation) = translation else { return (language, view) };
    replace(&mut view.label, translation.label.as_ref());
    replace(&mut view.plural, translation.plural.as_ref());
    replace(&mut view.description, translation.description.as_ref());
    for field in &mut view.fields {
        if let Some(translation) = translation.fields.get(&field.def.name) {
            translation.apply(&mut field.def);
        }
    }
    (language, view)
}

/// What a tenant wrote for its own object, so that it can be changed; of the fields that are shown.
fn own_translations(object: &Object) -> Translations {
    let mut own = if object.is_own() { object.translations.clone() } else { Translations::new() };
    for translation in own.values_mut() {
        translation.fields.retain(|name, _| object.position(name).is_some());
    }
    own
}
