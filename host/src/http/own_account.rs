//! `/me/…`: what users change of how they sign in themselves. It needs a session; a key is not enough.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::Problem;
use super::answers::Writing;
use super::arrival::From;
use super::body::{ObjectBody, read_body};
use super::credential::Authenticated;
use super::jobs::id_of;
use super::sessions::signed_in;
use crate::app::{App, CodeInput, FactorView, PasswordChange, PresentPassword, RecoveryCodes, SignedInView};

/// Change the own password.
///
/// All sessions end; the answer sets the cookie of a new one.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "people", operation_id = "change_password",
    request_body = PasswordChange,
    responses((status = 201, description = "Changed, and signed in anew", body = SignedInView), Writing),
    security(("session" = []))
)]
pub async fn change_password(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    From(from): From,
    body: ObjectBody,
) -> Result<Response, Problem> {
    Ok(signed_in(&app.change_password(&caller, &read_body::<PasswordChange>(&body)?, &from).await?))
}

/// Begin a second factor.
///
/// It holds once a code of it was confirmed; until then, another one may be begun in its place.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor", tag = "people", operation_id = "begin_second_factor",
    request_body = PresentPassword,
    responses((status = 201, description = "What the authenticator needs; shown here only", body = FactorView), Writing),
    security(("session" = []))
)]
pub async fn begin(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    body: ObjectBody,
) -> Result<(StatusCode, Json<FactorView>), Problem> {
    let view = app.begin_factor(&caller, &read_body::<PresentPassword>(&body)?).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Confirm the second factor with a code.
///
/// All sessions end; the answer sets the cookie of a new one, and shows the recovery codes.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/confirm", tag = "people", operation_id = "confirm_second_factor",
    request_body = CodeInput,
    responses((status = 201, description = "It holds from now on", body = SignedInView), Writing),
    security(("session" = []))
)]
pub async fn confirm(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    From(from): From,
    body: ObjectBody,
) -> Result<Response, Problem> {
    Ok(signed_in(&app.confirm_factor(&caller, &read_body::<CodeInput>(&body)?, &from).await?))
}

/// End the own second factor, with the password.
#[utoipa::path(
    post, path = "/api/v1/me/second-factor/disable", tag = "people", operation_id = "end_second_factor",
    request_body = PresentPassword,
    responses((status = 204, description = "There is none any more"), Writing),
    security(("session" = []))
)]
pub async fn disable(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    body: ObjectBody,
) -> Result<StatusCode, Problem> {
    app.end_factor(&caller, &read_body::<PresentPassword>(&body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make new recovery codes, with the password; the old ones hold no more.
#[utoipa::path(
    post, path = "/api/v1/me/recovery-codes", tag = "people", operation_id = "renew_recovery_codes",
    request_body = PresentPassword,
    responses((status = 201, description = "The codes, shown here only", body = RecoveryCodes), Writing),
    security(("session" = []))
)]
pub async fn renew_codes(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    body: ObjectBody,
) -> Result<(StatusCode, Json<RecoveryCodes>), Problem> {
    let view = app.renew_codes(&caller, &read_body::<PresentPassword>(&body)?).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// End the second factor of a user who has lost it.
///
/// Only who may give the user's roles does that.
#[utoipa::path(
    delete, path = "/api/v1/users/{user}/second-factor", tag = "people", operation_id = "end_second_factor_of_user",
    params(("user" = String, Path, description = "Id of the user")),
    responses((status = 204, description = "There is none any more"), Writing),
    security(("key" = []))
)]
pub async fn disable_of_user(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.end_factor_of(&caller, id_of("user", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
