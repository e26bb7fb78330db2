//! One file a command: its arguments, and what it does with the library.

pub(crate) mod evaluate;
pub(crate) mod predict;
pub(crate) mod summary;
pub(crate) mod train_forecast;
