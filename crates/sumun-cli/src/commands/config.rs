//! `sumun config`: the settings of a task, explained.

use sumun::settings::{Reader, template};

use crate::failure::Failure;
use crate::output::print;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun config classify > run.toml
  sumun train --config run.toml --set train.lr=0.01";

/// The arguments of `sumun config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The task
    #[arg(value_name = "TASK", value_parser = Reader::NAMES.to_vec())]
    task: String,
}

/// Prints the template.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let task: Reader = arguments.task.parse()?;
    print(&format!(
        "# Settings of `sumun train {task}`. Remove what you do not change.\n# Use with: sumun train {task} --config \
         FILE\n\n{}",
        template(task)
    ))
}
