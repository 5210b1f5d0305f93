//! What a camera is doing, and what happened to its pictures.

use crate::device::DeviceLoss;
use crate::picture::frame::PictureSize;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the pictures of an open camera are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamFormat {
    /// The camera's name, for people.
    pub name: String,
    /// Four characters of the driver's format, `MJPG` when pictures pass untouched; `JPEG` for other sources.
    pub format: String,
    /// Size of the pictures.
    pub size: PictureSize,
    /// Pictures a second as the driver promises.
    pub fps: f64,
}

/// What a camera is doing; each change is told once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CameraState {
    /// Switched off by its spec.
    Off,
    /// Being opened for the first time.
    Starting,
    /// The first picture has come.
    Running(StreamFormat),
    /// No pictures now; it is tried again until it comes back.
    Lost(DeviceLoss),
}

/// Counts of a camera, written by its thread.
#[derive(Debug, Default)]
pub struct CameraCounters {
    captured: AtomicU64,
    stale: AtomicU64,
    damaged: AtomicU64,
    mended: AtomicU64,
    no_buffer: AtomicU64,
    errors: AtomicU64,
    reopened: AtomicU64,
}

/// A reading of [`CameraCounters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CameraCounts {
    /// Pictures handed to the sink.
    pub captured: u64,
    /// Pictures left out because a newer one was there already.
    pub stale: u64,
    /// Pictures that came torn: cut off, flagged by the driver, empty, or no JPEG that is sent.
    pub damaged: u64,
    /// Pictures that were sent with markers put in, or without the bytes behind them.
    pub mended: u64,
    /// Pictures dropped because all buffers had readers.
    pub no_buffer: u64,
    /// Times the camera failed or stalled.
    pub errors: u64,
    /// Times it was opened again and gave pictures.
    pub reopened: u64,
}

impl CameraCounters {
    pub(super) fn add_captured(&self) {
        self.captured.fetch_add(1, Relaxed);
    }

    pub(super) fn add_stale(&self, pictures: u64) {
        self.stale.fetch_add(pictures, Relaxed);
    }

    pub(super) fn add_damaged(&self) {
        self.damaged.fetch_add(1, Relaxed);
    }

    pub(super) fn add_mended(&self) {
        self.mended.fetch_add(1, Relaxed);
    }

    pub(super) fn add_no_buffer(&self) {
        self.no_buffer.fetch_add(1, Relaxed);
    }

    pub(super) fn add_error(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    pub(super) fn add_reopened(&self) {
        self.reopened.fetch_add(1, Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> CameraCounts {
        CameraCounts {
            captured: self.captured.load(Relaxed),
            stale: self.stale.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
            mended: self.mended.load(Relaxed),
            no_buffer: self.no_buffer.load(Relaxed),
            errors: self.errors.load(Relaxed),
            reopened: self.reopened.load(Relaxed),
        }
    }
}
