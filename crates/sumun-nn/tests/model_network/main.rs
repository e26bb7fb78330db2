//! Whole models: gradients, results, files, training, and what is refused.

mod files;
mod gradients;
mod models;
mod properties;
mod refused;
mod results;
mod training;
