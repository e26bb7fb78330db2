//! What a setting is: its key in a configuration file, its option on the command line, what it takes and what it does.
//!
//! A task declares its settings as the fields of structs, one line each; [`Settings`] are all that it reads, with their
//! defaults. Values come together as TOML tables of sections: defaults, then a file, then single settings. A key that the
//! task does not read is an error that names the nearest. [`SETTINGS`](crate::tasks::SETTINGS) lists those of all tasks;
//! nothing here knows a task.

mod choices;
mod declare;
mod kind;
mod or;
mod range;
mod read;
mod row;

pub use choices::{
    Cell, ClassWeights, DifferenceChoice, Level, Normalize, OutputChoice, Pooling, PrecisionChoice, Switch,
};
pub(crate) use declare::{Typed, is_open, plain, row_named, settings};
pub use kind::Kind;
pub use or::Or;
pub use range::Range;
pub(crate) use read::{LAYERS, MOST_CONFIG, check_train, misfit, unknown, unwritable};
pub use read::{Settings, read_config};
pub use row::Setting;
pub(crate) use row::alone;
