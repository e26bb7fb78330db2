//! `sumun completions`: what a shell needs to complete commands, options and the values that are a fixed choice.

use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::print;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun completions bash > ~/.local/share/bash-completion/completions/sumun
  sumun completions zsh > \"${fpath[1]}/_sumun\"
  sumun completions fish > ~/.config/fish/completions/sumun.fish
  sumun completions elvish >> ~/.config/elvish/rc.elv
  sumun completions powershell >> $PROFILE

The folders must exist; a new shell reads them.";

/// The arguments of `sumun completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Prints the script for a shell, made from `command`, the whole command line.
pub(crate) fn run(arguments: &Arguments, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "sumun", &mut script);
    print(&String::from_utf8_lossy(&script))
}
