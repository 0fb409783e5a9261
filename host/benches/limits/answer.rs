//! Serving, and what the handlers answer.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use serde::Serialize;
use tokio::net::TcpListener;

use super::Result;

pub type Answer = std::result::Result<Response, Failure>;

/// Serves on a free port until the process is killed.
pub async fn serve(routes: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // As the host does; without it the answers would wait longer, not shorter.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

pub fn json(body: &impl Serialize) -> Answer {
    Ok(([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(body)?).into_response())
}

/// Any error, as a 500 that the load generator will count.
pub struct Failure(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
