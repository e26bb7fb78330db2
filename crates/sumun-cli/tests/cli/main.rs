//! The command line from the outside: what it prints, where, and with which exit code.

mod bad_input;
mod bad_models;
mod forecast;
mod generate;
mod interrupt;
mod place;
mod tasks;
mod usage;
