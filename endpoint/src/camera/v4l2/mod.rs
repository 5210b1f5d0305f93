//! Cameras of the kernel's Video4Linux: what they offer, what is chosen, and their pictures without a copy.

mod capture;
mod convert;
mod enumerate;
mod holder;
mod locate;
pub(crate) mod mapped;
pub mod negotiate;
mod pixels;
mod refusal;

pub use capture::V4l2Camera;
pub use convert::{Layout, PlaneBuffers, Range, split};
pub use enumerate::{CameraDescription, CameraFormat, CameraMode};
pub(crate) use enumerate::{camera_nodes, code, describe, is_other};
pub use locate::Locator;
