//! Floor 3: the HTTP API. Handlers translate; `app` decides.

mod actions;
mod allowance;
mod answers;
mod api_keys;
mod arrival;
mod audit;
mod batches;
mod body;
mod certificates;
mod conditions;
mod cookies;
mod credential;
mod download;
mod duplicates;
mod events;
mod exports;
mod files;
mod guide;
mod health;
mod idempotency;
mod identity_providers;
mod imports;
mod invitations;
mod jobs;
mod language;
mod listing;
mod matching;
mod me;
mod members;
mod merges;
mod metrics;
mod modules;
mod oidc;
mod openapi;
mod operator;
mod outcomes;
mod own_account;
mod parameters;
mod persons;
mod plans;
mod plugin_calls;
mod plugins;
mod preference;
mod problem;
mod profiles;
mod questions;
mod records;
mod registry;
mod request_id;
mod roles;
mod rollouts;
mod routes;
mod schema;
mod sessions;
mod shares;
mod teams;
mod tenant;
mod tenants;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::app::App;

/// Largest request body.
const BODY_LIMIT: usize = 1 << 20;
/// Largest body of a batch.
const BATCH_BODY_LIMIT: usize = 16 << 20;

/// The whole API over this application.
pub fn router(app: &Arc<App>) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(records::list, records::create))
        .routes(routes!(records::get, records::update, records::delete))
        .routes(routes!(batches::batch))
        .routes(routes!(batches::upsert))
        .routes(routes!(batches::restore))
        .routes(routes!(matching::change))
        .routes(routes!(matching::delete))
        .routes(routes!(duplicates::duplicates))
        .routes(routes!(merges::merge))
        .routes(routes!(merges::unmerge))
        .routes(routes!(profiles::get))
        .routes(routes!(events::timeline))
        .routes(routes!(events::list))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::deliveries::list))
        .routes(routes!(webhooks::deliveries::replay_since))
        .routes(routes!(webhooks::deliveries::replay))
        .routes(routes!(questions::search))
        .routes(routes!(questions::aggregate))
        .routes(routes!(questions::linked))
        .routes(routes!(questions::search_all))
        .routes(routes!(exports::stream))
        .routes(routes!(files::get, files::set))
        .routes(routes!(imports::create))
        .routes(routes!(imports::get, imports::change))
        .routes(routes!(imports::start))
        .routes(routes!(imports::undo))
        .routes(routes!(imports::errors))
        .routes(routes!(exports::create))
        .routes(routes!(exports::get))
        .routes(routes!(exports::get_file))
        .routes(routes!(shares::list, shares::create))
        .routes(routes!(shares::remove))
        .routes(routes!(persons::export))
        .routes(routes!(persons::erase))
        .routes(routes!(persons::file))
        .routes(routes!(certificates::list))
        .routes(routes!(certificates::get))
        .merge(people())
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .merge(extensions())
        .routes(routes!(guide::get))
        .routes(routes!(guide::propose))
        .routes(routes!(guide::accept))
        .routes(routes!(tenant::usage))
        .routes(routes!(tenant::export))
        .routes(routes!(tenant::get_export))
        .routes(routes!(tenant::get_file))
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::get, tenants::change, tenants::remove))
        .routes(routes!(tenants::suspend))
        .routes(routes!(tenants::resume))
        .routes(routes!(tenants::restore))
        .routes(routes!(tenants::usage))
        .routes(routes!(tenants::export))
        .routes(routes!(schema::list, schema::add_object))
        .routes(routes!(schema::get, schema::change_object))
        .routes(routes!(schema::add_field))
        .routes(routes!(schema::change_field))
        .routes(routes!(openapi::document))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::get))
        .split_for_parts();
    api.merge(openapi::pages())
        .route("/", get(openapi::front))
        .route("/api/v1/x/{plugin}/{*path}", module_routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::Extension(Arc::new(openapi::Base::new(document))))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(app), request_id::layer))
        .with_state(Arc::clone(app))
}

/// Routes of modules: their own, and so in no document of the host.
fn module_routes() -> MethodRouter<Arc<App>> {
    get(routes::any).post(routes::any).put(routes::any).patch(routes::any).delete(routes::any)
}

/// Modules, and the plugins and plans that the operator has for them.
fn extensions() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(modules::list))
        .routes(routes!(modules::set, modules::purge))
        .routes(routes!(plugin_calls::usage))
        .routes(routes!(plugin_calls::logs))
        .routes(routes!(plugin_calls::failures))
        .routes(routes!(plugin_calls::replay))
        .routes(routes!(plugin_calls::dead_letters))
        .routes(routes!(plugin_calls::retry_dead_letter))
        .routes(routes!(plugin_calls::drop_dead_letter))
        .routes(routes!(plugin_calls::access))
        .routes(routes!(plugins::list, plugins::install))
        .routes(routes!(plugins::get))
        .routes(routes!(registry::readme))
        .routes(routes!(registry::screenshot))
        .routes(routes!(registry::component))
        .routes(routes!(registry::statistics))
        .routes(routes!(plugins::list_keys, plugins::add_key))
        .routes(routes!(plugins::revoke_key))
        .routes(routes!(actions::call))
        .routes(routes!(actions::view))
        .routes(routes!(modules::roll_back))
        .routes(routes!(modules::shadow))
        .routes(routes!(plans::list))
        .routes(routes!(plans::put, plans::remove))
        .routes(routes!(rollouts::roll_out))
        .routes(routes!(rollouts::revoke))
        .routes(routes!(rollouts::restore))
}

/// Who works here, how they come in, and what they may do.
fn people() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(me::get))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::change))
        .routes(routes!(sessions::sign_in, sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::end_of_user))
        .routes(routes!(invitations::create))
        .routes(routes!(invitations::accept))
        .routes(routes!(own_account::change_password))
        .routes(routes!(own_account::begin))
        .routes(routes!(own_account::confirm))
        .routes(routes!(own_account::disable))
        .routes(routes!(own_account::renew_codes))
        .routes(routes!(own_account::disable_of_user))
        .routes(routes!(identity_providers::list))
        .routes(routes!(identity_providers::put, identity_providers::remove))
        .routes(routes!(oidc::callback))
        .routes(routes!(oidc::start))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::change, teams::remove))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::get, roles::replace, roles::remove))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is nothing at this path")
}

async fn wrong_method() -> Response {
    Problem::wrong_method().into()
}
