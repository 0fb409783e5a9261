//! Views of modules: what people see of them, as a tree that the host checks.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{App, AppError};
use crate::access::Read;
use crate::domain::caller::Caller;
use crate::domain::permission::Area;
use crate::domain::plugin::{Input, Output, ViewKind};
use crate::domain::view_tree;
use crate::plugin::Failure;

/// Where a view stands, and what the person chose.
#[derive(Clone, Debug, Default)]
pub struct ViewRequest {
    /// For a panel: the object of the record that it stands beside.
    pub object: Option<String>,
    /// For a panel: the record.
    pub id: Option<String>,
    /// What the person chose.
    pub params: Map<String, Json>,
}

impl App {
    /// A view of a module.
    pub async fn module_view_of(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        name: &str,
        request: ViewRequest,
    ) -> Result<Json, AppError> {
        self.access.check_area::<Read>(caller, Area::Actions)?;
        let catalog = self.catalog_of(caller).await?;
        let missing = || AppError::NotFound { what: "view".to_owned(), id: format!("{name} of {plugin}") };
        let module = catalog.module(plugin).ok_or_else(missing)?;
        let view = module.manifest.view(name).ok_or_else(missing)?;
        let ViewRequest { object, id, params } = request;
        let mut input = json!({"params": params});
        if view.kind == ViewKind::Panel {
            let of = view.object.as_deref().unwrap_or_default();
            if object.as_deref().is_some_and(|object| object != of) {
                return Err(AppError::invalid("object", "unknown_option", format!("is `{of}` for this view")));
            }
            let required =
                || AppError::invalid("id", "required", format!("names the {of} that the view stands beside"));
            let id = id.ok_or_else(required)?;
            let id = Uuid::parse_str(&id).map_err(|_| AppError::no_record(of, &id))?;
            let permit = self.reader(caller, of).await?;
            self.store.get(&permit, id).await?.ok_or_else(|| AppError::no_record(of, &id))?;
            input = json!({"object": of, "id": id, "params": params});
        } else if object.is_some() || id.is_some() {
            return Err(AppError::invalid("object", "unknown_field", "this view stands beside no record"));
        }
        let input = Input::View { name: name.to_owned(), input: input.to_string() };
        let failed = |failure| AppError::Hook { plugin: plugin.to_owned(), failure };
        let Output::Json(text) = self.ask_module(caller, &catalog, module, input).await? else {
            return Err(failed(Failure::HostFault));
        };
        let is_action = |name: &str| module.manifest.action(name).is_some();
        view_tree::read(&text, &is_action).map_err(|_| failed(Failure::HostFault))
    }
}
