//! `sumun compare`: several runs on one page.

use std::path::PathBuf;

use serde_json::json;
use sumun::report::compare_report;
use sumun::run::RunEntry;

use super::report::{now, write_page};
use crate::failure::Failure;
use crate::output::print_json;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun compare runs/classify-train-1 runs/classify-train-2
  sumun compare runs/lr-0.01 runs/lr-0.02 --out sweep.html

Runs that are not finished are compared as far as they are.";

/// The arguments of `sumun compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folders of two to eight runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page to write, which must not exist yet
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    out: PathBuf,
    /// Print the page's name as one JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Writes the page.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let out = &arguments.out;
    let mut runs = Vec::new();
    for path in &arguments.runs {
        let found = RunEntry::read(path)?;
        runs.push(found.ok_or_else(|| {
            Failure::Usage(format!(
                "{}: there is no run; give the folder that sumun train made",
                path.display()
            ))
        })?);
    }
    let page = compare_report(&runs, &now())?;
    // With --json, stdout names the page.
    write_page(out, &page, arguments.json)?;
    if arguments.json {
        return print_json(&json!({ "page": out.to_string_lossy(), "runs": runs.len() }));
    }
    Ok(())
}
