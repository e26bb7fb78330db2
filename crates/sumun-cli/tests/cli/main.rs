//! The command line from the outside: what it prints, where, and with which exit code.

mod backtest;
mod bad_input;
mod bad_models;
mod bench;
mod browser;
mod completions;
mod continued;
mod find_lr;
mod folder;
mod forecast;
mod foreign;
mod generate;
mod inspect;
mod interrupt;
mod language;
mod lies;
mod man;
mod panel;
mod place;
mod quantize;
mod runs;
mod stream;
mod tasks;
mod translate;
mod tune;
mod usage;
