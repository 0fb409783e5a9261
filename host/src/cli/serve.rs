//! `guildhall serve`.

use std::sync::Arc;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::output::line;
use crate::app::{App, AppError};
use crate::http;

/// Serves until the process is told to stop; requests that run are finished.
pub async fn serve(app: Arc<App>, listen: &str) -> Result<(), AppError> {
    let setup = |error: std::io::Error| AppError::Setup(format!("{listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(setup)?;
    let address = listener.local_addr().map_err(setup)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(setup)?;
    line(&format!("listening on http://{address}"))?;
    let listener = listener.tap_io(|stream| {
        // Without it, small answers can wait for the other side's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    axum::serve(listener, http::router(&app))
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        })
        .await
        .map_err(setup)
}
