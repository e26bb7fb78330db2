//! What layers call: checked arguments in, a path chosen, drivers or the reference equations run.

mod activation;
pub mod linear;
pub(crate) mod peak;
pub mod philox;
pub(crate) mod prepared;
pub mod softmax;
pub mod table;
pub(crate) mod trace;
pub mod update;
