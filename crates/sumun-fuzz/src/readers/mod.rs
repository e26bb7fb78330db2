//! Every reader of bytes.
//!
//! What a reader is asked beside its bytes (options, columns, names) is a function of the bytes: a finding is one file.

mod files;
mod foreign;
mod keras;
mod records;
mod settings;
mod tables;
mod texts;

use std::fmt::Display;
use std::path::PathBuf;

use sumun_testing::Random;
use tempfile::TempDir;

pub use files::{checkpoint, model, run};
pub use foreign::foreign;
pub use keras::{hdf5, keras};
pub use records::{pairs, records, tagged};
pub use settings::{config, grid, setting};
pub use tables::table;
pub use texts::{text, tokenizer, vectors};

/// What a person would read.
fn said<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// The choices that go with bytes.
fn choices(bytes: &[u8]) -> Random {
    // FNV-1a (Fowler, Noll & Vo).
    let hash = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Random::new(bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash))
}

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder for temporary files");
}

/// A file of that name with these bytes, for readers that take no other.
fn written(name: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a folder for temporary files");
        path
    })
}
