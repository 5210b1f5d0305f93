//! Tasks of which one connection each depends: a panic in one ends that connection, and is counted.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::metrics::Metrics;

/// Spawns the task of one connection. A panic in it is our own bug: logged, counted, and the end of that task alone.
///
/// What the task owns tells others of its end when it is dropped.
pub(crate) fn spawn(
    metrics: &Arc<Metrics>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let metrics = Arc::clone(metrics);
    // Nothing that the task shares with others is changed in steps that a panic could leave half done.
    let caught = AssertUnwindSafe(task).catch_unwind();
    // Not an async block, which would have room for the task twice.
    tokio::spawn(caught.map(move |ended| {
        if let Err(panic) = ended {
            metrics.task_panics.inc();
            let panic = message(panic.as_ref());
            tracing::error!(
                task = name,
                panic,
                "a task panicked; its connection is closed"
            );
        }
    }));
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
