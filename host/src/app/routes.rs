//! Requests to routes of modules.

use std::sync::Arc;

use super::module_calls::{CallError, ModuleCall};
use super::unit_of_work::Cause;
use super::{App, AppError};
use crate::access::{Create, Denied, Read};
use crate::domain::caller::Caller;
use crate::domain::permission::Area;
use crate::domain::plugin::{Input, Output, RouteRequest, RouteResponse};
use crate::plugin::Failure;

/// What became of a request to a route.
#[derive(Debug)]
pub enum Routed {
    /// The module answered.
    Answered(RouteResponse),
    /// There is no such route, or no such module.
    Unknown,
    /// The route knows other methods.
    WrongMethod,
}

impl App {
    /// Has a module answer a request, and commits what it wrote before that, unless it is a dry run.
    pub async fn route(
        self: &Arc<Self>,
        caller: &Caller,
        plugin: &str,
        request: RouteRequest,
        is_dry: bool,
    ) -> Result<Routed, AppError> {
        let catalog = self.catalog_of(caller).await?;
        let Some(module) = catalog.module(plugin) else { return Ok(Routed::Unknown) };
        match module.manifest.hooks.takes(&request.method, &request.path) {
            None => return Ok(Routed::Unknown),
            Some(false) => return Ok(Routed::WrongMethod),
            Some(true) => {}
        }
        let mut cause = Cause::new(self.ids.make());
        // Who may look may ask for something; whether the module may do anything for them is another question.
        match self.access.check_area::<Create>(caller, Area::Actions) {
            Ok(_) => {}
            Err(Denied::Policy(error)) => return Err(Denied::Policy(error).into()),
            Err(denied) if request.method != "GET" => return Err(denied.into()),
            Err(_) => {
                self.access.check_area::<Read>(caller, Area::Actions)?;
                cause.looks_only = true;
            }
        }
        let input = Input::HttpRoute(request);
        let call = ModuleCall { caller, plugin, input, cause, further: Vec::new(), is_dry };
        match self.call_module(&call).await {
            Ok(Output::Response(response)) => Ok(Routed::Answered(response)),
            Ok(_) => Err(AppError::Hook { plugin: plugin.to_owned(), failure: Failure::HostFault }),
            Err(CallError::Lost) => Err(AppError::Contended),
            Err(CallError::App(error)) => Err(error),
        }
    }
}
