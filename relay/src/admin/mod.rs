//! What operators look at: metrics and health, over plain HTTP on an address that is not for everyone.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::health::Health;
use crate::metrics::Metrics;

const PROMETHEUS_TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, health: Arc<Health>) {
    let text = move || {
        let text = metrics.text();
        async move { ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text) }
    };
    let router = Router::new()
        .route("/metrics", get(text))
        .route("/healthz", get(move || std::future::ready(report(&health))));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin listener ended");
    }
}

/// `ok`, or the part that is missed.
fn report(health: &Health) -> (StatusCode, String) {
    match health.missing() {
        None => (StatusCode::OK, "ok\n".into()),
        Some((part, silent_for)) => {
            let seconds = silent_for.as_duration().as_secs();
            let text = format!("no sign of life from {part} for {seconds} s\n");
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}
