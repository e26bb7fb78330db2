//! Labelled records from files: texts or sequences of numbers with a label each, and sentences with a tag on every token.
//!
//! [`Records`] and [`Pairs`] of texts come from CSV, TSV or JSONL, [`Tagged`] sentences from JSONL, CoNLL columns or tables of words. Every
//! problem of a file is an error that names its line and says what to do. [`Classes`] turn labels into ids.
//!
//! Not for a series in columns of time and values ([`data`](crate::data)), nor for files that do not fit in memory.
//!
//! ```
//! use sumun::records::{Input, RecordSpec, Records};
//!
//! let jsonl = "{\"text\": \"a brilliant story\", \"label\": \"good\"}\n{\"text\": \"a boring plot\", \"label\": \"bad\"}\n";
//! let records = Records::from_reader("reviews.jsonl", jsonl.as_bytes(), &RecordSpec::default())?;
//! assert_eq!(records.records[1].input, Input::Text("a boring plot".into()));
//! let classes = records.classes()?;
//! assert_eq!(classes.names(), ["bad", "good"]);
//! assert_eq!(records.class_ids(&classes)?, [1, 0]);
//! # Ok::<(), sumun::Error>(())
//! ```

mod choose;
mod conll;
mod fasttext;
mod folder;
mod jsonl;
mod kinds;
mod label_columns;
mod labelled;
mod labels;
mod lines;
mod lists;
mod number_rows;
mod numbers;
mod open;
mod pairs;
mod raw;
mod raw_lines;
mod record;
mod recordings;
mod sentence;
mod table;
mod tagged;
mod ts_file;
mod windows;
mod word_table;

pub use conll::Columns;
pub use labelled::Records;
pub use labels::Classes;
pub(crate) use open::{STANDARD_INPUT, counted, open_with};
pub use pairs::{Pair, PairFields, PairSpec, Pairs};
pub(crate) use raw::Known;
pub use record::{Beside, Fields, Form, Input, Lists, Record, RecordSpec, XLayout};
pub use sentence::{Sentence, TaggedSpec};
pub use tagged::Tagged;

#[cfg(test)]
mod tests;
