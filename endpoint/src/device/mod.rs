//! What cameras, microphones and speakers have in common.

mod loss;

pub use loss::{DeviceLoss, LossReason};
