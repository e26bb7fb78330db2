//! Every setting of a training, once: its key in a configuration file, its option on the command line, what it takes and
//! what it does.
//!
//! [`SETTINGS`] is the table of all. A task reads some [`Group`]s of it, and has defaults: its [`Settings`]. Values come
//! together as TOML tables of sections: defaults, then a file, then single settings. A key that no row has, or that the
//! task does not read, is an error that names the nearest.

mod choices;
mod kind;
mod read;
mod row;
mod table;

pub use choices::{Cell, ClassWeights, DifferenceChoice, Level, Pooling, Switch};
pub use kind::Kind;
pub(crate) use kind::{WrittenClip, clip};
pub use read::{ConfigKeys, Settings, read_config, setting};
pub(crate) use read::{check_train, misfit};
pub use row::{Group, Setting};
pub use table::SETTINGS;
