//! What the reports of all tasks share: the page around the content, charts as inline SVG, curves of the training; and the
//! page that compares runs.
//!
//! A report is one self-contained HTML page. It holds everything it needs (style, charts, a few lines of script that only
//! add read-outs under the pointer), fetches nothing, follows the reader's light or dark theme, fits a phone and prints.
//! All text that comes from the caller is escaped. Numbers that are not finite stand for "undefined" everywhere: they
//! leave gaps in lines and a dash in tables. The report of each task is in the folder of that task.

#[cfg(test)]
pub(crate) mod check;
mod compare;
pub(crate) mod curves;
pub(crate) mod figures;
pub(crate) mod frame;
mod gradients;
pub(crate) mod heat;
pub(crate) mod picture;
mod png;
pub(crate) mod svg;
pub(crate) mod text;
mod ticks;

pub use compare::compare_report;
pub use curves::EpochRow;
pub use frame::LayerRow;
pub use gradients::gradient_norms_picture;
pub use picture::{Picture, states_picture, weights_picture};
pub use png::{Pngs, Written};
pub use text::percent;
