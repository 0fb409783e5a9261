//! `/jobs`: work that goes on after the request that asked for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use uuid::Uuid;

use super::Problem;
use super::answers::{Reading, Writing};
use super::credential::Authenticated;
use super::parameters::{limit, parameters};
use crate::app::{App, AppError, JobPage, JobView, JobsRequest};

/// List the tenant's jobs, the newest first.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    params(
        ("kind" = Option<String>, Query, description = "Only of this kind: `import`, `undo_import`, `export`, `export_tenant`, `change_records`, `delete_records`, `recompute`, `export_person`, `erase_person`"),
        ("state" = Option<String>, Query, description = "Only in this state: `queued`, `running`, `done`, `failed`, `cancelled`"),
        ("limit" = Option<u32>, Query, description = "Jobs on the page, 1 to 500; 50 when not given", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = JobPage),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    uri: Uri,
) -> Result<Json<JobPage>, Problem> {
    let mut parameters = parameters(&uri, &["kind", "state", "limit", "cursor"])?;
    let mut take = |name: &str| parameters.remove(name);
    let request =
        JobsRequest { kind: take("kind"), state: take("state"), limit: limit(take("limit"))?, cursor: take("cursor") };
    Ok(Json(app.jobs(&caller, &request).await?))
}

/// Get a job.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = Uuid, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "The job", body = JobView),
        Reading,
    ),
    security(("key" = []))
)]
pub async fn get(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(app.job(&caller, id_of("job", &id)?).await?))
}

/// Cancel a job.
///
/// From the answer on it changes nothing more; what it did stays. A job that
/// has ended stays as it is.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = Uuid, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "The job as it is now", body = JobView),
        Writing,
    ),
    security(("key" = []))
)]
pub async fn cancel(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(app.cancel_job(&caller, id_of("job", &id)?).await?))
}

/// What is no id names nothing.
pub fn id_of(what: &str, id: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(id).map_err(|_| AppError::no_record(what, &id).into())
}
