//! The `sumun` command line.
fn main() {}
