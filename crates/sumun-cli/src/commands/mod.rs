//! One file a command: its arguments, and what it does with the library.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod man;
mod outcome;
pub(crate) mod predict;
mod report;
pub(crate) mod runs;
pub(crate) mod summary;
pub(crate) mod train;
