//! Golden files, gradient checks and comparisons for Sumun's own tests.
