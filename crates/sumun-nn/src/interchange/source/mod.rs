//! A trained model as source code: C99 for a stream, and NumPy to read.
//!
//! Both are written from a [`Plan`](plan::Plan): the layers of a model in their order, with what each reads, as what a step does.

mod c;
mod link;
mod numpy;
mod plan;

pub use c::to_c;
pub use numpy::to_numpy;
