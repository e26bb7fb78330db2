//! Ctrl-C while a model learns: once to finish the step and save, twice to end at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, INTERRUPTED};
use crate::language::said;
use crate::progress::above_bar;

/// A flag that the first Ctrl-C raises. The second one ends the process.
pub(crate) fn stop_flag(quiet: bool) -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    let handler = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        if !quiet {
            above_bar(&said("finishing this step and saving; Ctrl-C again ends at once"));
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::Usage(format!("Ctrl-C cannot be caught: {error}; try again")))?;
    Ok(stop)
}
