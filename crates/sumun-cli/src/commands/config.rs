//! `sumun config`: the settings of a task, explained.

use sumun::tasks::{TASKS, named};

use crate::failure::Failure;
use crate::language::said;
use crate::output::print;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun config classify > run.toml
  sumun train --config run.toml --set train.lr=0.01";

/// The arguments of `sumun config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The task
    #[arg(value_name = "TASK", value_parser = TASKS.map(|task| task.name()))]
    task: String,
}

/// Prints the template.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let task = named(&arguments.task)?;
    let name = task.name();
    let about = format!("Settings of `sumun train {name}`. Remove what you do not change.");
    let usage = format!("Use with: sumun train {name} --config FILE");
    let template = task.settings()?.template_in(|explained| said(explained).into_owned());
    print(&format!("# {}\n# {}\n\n{template}", said(&about), said(&usage)))
}
