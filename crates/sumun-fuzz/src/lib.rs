//! Attacks on everything in Sumun that reads bytes or takes sizes from a caller.
//!
//! A [`Target`] is a function of bytes: it gives them to a reader, or makes
//! calls of them. [`mutate`](mutate::mutate) makes
//! such bytes from a corpus: it knows the forms of files (lines, JSON, archives, packed files, model files), changes what is
//! inside and repairs lengths and checksums afterwards, so that the change reaches what is behind them. [`judge`](judge::judge)
//! runs a target on bytes and says what went wrong: a panic, over a second of CPU, more memory than the bytes justify.
//!
//! The same targets are run by the program of this crate (`cargo run --release -p sumun-fuzz -- table --runs 100000 --seed 1`),
//! by its tests (the regressions, and a few runs of each target), and by cargo-fuzz (the folder `fuzz` of the repository).
//! Every run is a function of target, seed and number, so what was found once is found again.

pub mod calls;
pub mod corpus;
pub mod judge;
pub mod lie;
pub mod mutate;
pub mod readers;
pub mod target;

pub use target::{TARGETS, Target};
