//! Floor 3: the HTTP API. Handlers translate; `app` decides.

mod answers;
mod body;
mod conditions;
mod credential;
mod exports;
mod health;
mod idempotency;
mod imports;
mod jobs;
mod listing;
mod modules;
mod openapi;
mod problem;
mod records;
mod request_id;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::app::App;

/// Largest request body.
const BODY_LIMIT: usize = 1 << 20;

/// The whole API over this application.
pub fn router(app: &Arc<App>) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(records::list, records::create))
        .routes(routes!(records::get, records::update, records::delete))
        .routes(routes!(exports::stream))
        .routes(routes!(imports::create))
        .routes(routes!(imports::get, imports::change))
        .routes(routes!(imports::start))
        .routes(routes!(imports::undo))
        .routes(routes!(imports::errors))
        .routes(routes!(exports::create))
        .routes(routes!(exports::get))
        .routes(routes!(exports::get_file))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .routes(routes!(modules::list))
        .routes(routes!(modules::set))
        .routes(routes!(openapi::document))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .split_for_parts();
    api.merge(openapi::pages())
        .route("/", get(openapi::front))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::Extension(Arc::new(openapi::Base::new(document))))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(app), request_id::layer))
        .with_state(Arc::clone(app))
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is nothing at this path")
}

async fn wrong_method() -> Response {
    Problem::wrong_method().into()
}
