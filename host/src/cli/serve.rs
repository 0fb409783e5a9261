//! `guildhall serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::output::line;
use crate::app::{App, AppError};
use crate::http;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// How long requests that run may take when the process is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long the last requests to webhooks may take after that.
const LAST_SENDINGS: Duration = Duration::from_secs(2);

/// Serves there until the process is told to stop.
pub async fn serve(app: Arc<App>, listen: &str) -> Result<(), AppError> {
    let (listener, address) = bind(listen).await?;
    line(&format!("listening on http://{address}"))?;
    serve_on(app, listener, told_to_end()?).await
}

/// Listens there; says where that is.
pub async fn bind(listen: &str) -> Result<(TcpListener, SocketAddr), AppError> {
    let setup = |error: std::io::Error| AppError::Setup(format!("{listen}: {error}"));
    let listener = TcpListener::bind(listen).await.map_err(setup)?;
    let address = listener.local_addr().map_err(setup)?;
    Ok((listener, address))
}

/// Comes about when the process is told to end: by Ctrl-C, or by whoever watches over it.
pub fn told_to_end() -> Result<impl Future<Output = ()> + Send + 'static, AppError> {
    let setup = |error: std::io::Error| AppError::Setup(format!("waiting for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(setup)?;
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Serves until that comes about; requests that run are finished,
/// unless they take too long.
pub async fn serve_on(
    app: Arc<App>,
    listener: TcpListener,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AppError> {
    let setup = |error: std::io::Error| AppError::Setup(format!("serving: {error}"));
    let listener = listener.tap_io(|stream| {
        // Without it, small answers can wait for the other side's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let chores = tokio::spawn(chores(Arc::clone(&app)));
    let work = tokio::spawn(Arc::clone(&app).work());
    let closed = Arc::clone(&app);
    let runner = Arc::clone(&app);
    let jobs = tokio::spawn(async move { runner.run_jobs().await });
    let feeding = tokio::spawn(Arc::clone(&app).feed_modules());
    let keeper = Arc::clone(&app);
    let schedules = tokio::spawn(async move { keeper.keep_schedules().await });
    let told = Arc::new(Notify::new());
    let is_told = Arc::clone(&told);
    let server = axum::serve(listener, http::router(&app).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            until.await;
            // Streams of events would go on for ever.
            closed.close();
            is_told.notify_one();
        })
        .into_future();
    let served = tokio::select! {
        served = server => served,
        () = out_of_patience(&told) => {
            tracing::warn!("some requests did not end in time");
            Ok(())
        }
    };
    chores.abort();
    if let Err(error) = app.note_requests().await {
        tracing::warn!(%error, "the last requests are not counted");
    }
    app.close();
    if tokio::time::timeout(LAST_SENDINGS, work).await.is_err() {
        tracing::warn!("some webhooks did not answer in time; they get the same again");
    }
    feeding.abort();
    schedules.abort();
    jobs.abort();
    // Dropped where they are, they are given back, so that another node takes them at once.
    let _ = jobs.await;
    app.give_back_jobs().await;
    // Jobs that ended meanwhile called modules, too.
    if let Err(error) = app.flush_ledger().await {
        tracing::warn!(%error, "the last calls of modules are not counted");
    }
    served.map_err(setup)
}

/// Ends a while after the process was told to stop.
async fn out_of_patience(told: &Notify) {
    told.notified().await;
    tokio::time::sleep(GRACE).await;
}

/// What has to be done now and then.
async fn chores(app: Arc<App>) {
    let mut minutes = tokio::time::interval(MINUTE);
    let mut hours = tokio::time::interval(HOUR);
    loop {
        let (name, done) = tokio::select! {
            _ = minutes.tick() => ("keeping terms", app.keep_terms().await),
            _ = hours.tick() => ("tidying up", app.tidy_up().await),
        };
        if let Err(error) = done {
            tracing::error!(%error, "{name} failed");
        }
    }
}
