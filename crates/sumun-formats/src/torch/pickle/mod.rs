//! Python's pickle, as far as PyTorch writes it, read as data.
//!
//! A pickle is a program for a machine with a stack. This machine has the instructions that build values, and calls nothing:
//! of functions that a pickle would call, those in [`calls`] are known by name, and what they would make is made here; any
//! other is an error that names it. Instructions that only very old or unusual pickles have are refused as well.

mod calls;
mod dtype;
mod machine;
mod node;
mod numpy;

pub(super) use machine::Pickle;
pub(super) use node::{Id, Node, Nodes, Object, View};

const FORMAT: &str = "PyTorch file";
