//! What cameras, microphones and speakers have in common: why one is lost, and what keeps one alive.

mod loss;
mod run;
mod supervisor;

pub use loss::{DeviceLoss, LossReason};
pub(crate) use run::{Supervised, run};
pub(crate) use supervisor::Patience;
