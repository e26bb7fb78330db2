//! The speed grid: cases of recurrent work as data, each timed beside this machine's peak.
//!
//! A case does all that a user's step does. `train`: zeroed gradients, packing the batch into rows, forward, loss,
//! backward and Adam (1e-3) over every parameter, on one fixed batch; the gradient of numbers that come from no
//! embedding is left out. `forward`: packing a whole batch, the pass without gradients, and unpacking its output.
//! `step`: one time step of a stream that carries its state. All in single precision, on the fastest path, or over bf16 or weights of 8 bits where a case
//! says so.
//!
//! [`Work`] says how operations are counted. Not for comparing models: a case learns nothing.
//!
//! ```
//! use sumun::bench::{CaseGrid, measure};
//!
//! let grid = CaseGrid::parse(
//!     "example",
//!     r#"{"cases": [{"name": "tiny", "kind": "train", "cell": "gru", "batch": 4, "steps": 5,
//!                    "input": 2, "hidden": 8, "loss": "mse"}]}"#,
//! )?;
//! let measured = measure(&grid.cases[0], 0.01)?;
//! assert!(measured.best_ms <= measured.median_ms && measured.runs >= 5);
//! # Ok::<(), sumun::Error>(())
//! ```

mod case;
mod count;
mod grid;
mod run;
mod timing;

pub use case::{Case, CaseKind, CaseLoss};
pub use count::{ACTIVATION_OPERATIONS, Work};
pub use grid::CaseGrid;
pub use run::{Runner, runner};
pub use timing::{CaseTimes, measure};
