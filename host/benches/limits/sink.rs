//! A receiver of webhooks that counts them: `POST /` takes one, `GET /` says how many came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::Result;
use super::answer::serve;

/// Takes webhooks until the process is killed.
pub async fn run() -> Result<()> {
    let came = async |State(count): State<Arc<AtomicU64>>| count.load(Ordering::Relaxed).to_string();
    let take = async |State(count): State<Arc<AtomicU64>>, _: Bytes| {
        count.fetch_add(1, Ordering::Relaxed);
        StatusCode::NO_CONTENT
    };
    serve(Router::new().route("/", get(came).post(take)).with_state(Arc::new(AtomicU64::new(0)))).await
}
