//! Golden files, gradient checks and comparisons for Sumun's own tests.
//!
//! Everything here is for tests: what cannot go on panics with a message that says what was found. The crate
//! knows no other crate of the workspace, so that each of them can use it.

mod close;
mod golden;
mod gradient;
mod guide;
mod literals;
mod random;

pub use close::assert_close;
pub use golden::{FromReal, Golden, Tensor, Values, golden_dir, golden_files, golden_files_of};
pub use gradient::central_differences;
pub use guide::{GuideExample, guide_examples, guide_folder, guide_pages};
pub use literals::{texts, texts_of};
pub use random::Random;
