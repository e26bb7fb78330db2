//! Tasks from the outside: configurations, taggers, trainings that stop and go on, and files that were tampered with.

mod config;
mod divergence;
mod events;
mod faults;
mod folds;
mod inspect;
mod labels;
mod lessons;
mod resume;
mod smoothing;
mod tag;
mod tampered;
mod tune;
