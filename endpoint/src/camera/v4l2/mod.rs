//! Cameras of the kernel's Video4Linux: what they offer, what is chosen, and their pictures without a copy.

mod capture;
mod convert;
mod enumerate;
mod locate;
pub(crate) mod mapped;
pub mod negotiate;

pub use capture::V4l2Camera;
pub use convert::{PlaneBuffers, Range, split_nv12, split_yuyv};
pub use enumerate::{CameraDescription, CameraFormat, CameraMode};
pub(crate) use enumerate::{camera_nodes, describe};
pub use locate::Locator;
