//! The `sumun` command line: argument parsing, progress and exit codes. The library does the work.

mod arguments;
mod commands;
mod failure;
mod output;
mod progress;
mod scores;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use commands::{evaluate, predict, summary, train_forecast};
use failure::{EXIT_CODES, Failure};

/// Train recurrent neural networks (RNN, LSTM, GRU) on your own files, and use them.
#[derive(Debug, Parser)]
#[command(
    name = "sumun",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = MAIN_EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const MAIN_EXAMPLES: &str = "\
Examples:
  sumun train forecast data/electricity.csv --target value --horizon 24
  sumun predict runs/electricity
  sumun evaluate runs/electricity newer.csv

Results go to standard output, everything for people to stderr. `sumun COMMAND --help` explains a command.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on a file
    #[command(subcommand, arg_required_else_help = true)]
    Train(Train),
    /// Print what comes after the end of a file
    #[command(args_override_self = true, after_help = after(predict::EXAMPLES))]
    Predict(predict::Arguments),
    /// Measure a trained model on a file, beside the baselines
    #[command(args_override_self = true, after_help = after(evaluate::EXAMPLES))]
    Evaluate(evaluate::Arguments),
    /// Show what a trained model is made of
    #[command(args_override_self = true, after_help = after(summary::EXAMPLES))]
    Summary(summary::Arguments),
}

#[derive(Debug, Subcommand)]
enum Train {
    /// Learn to forecast columns of a CSV file
    #[command(args_override_self = true, after_help = after(train_forecast::EXAMPLES))]
    Forecast(Box<train_forecast::Arguments>),
}

fn after(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let result = match cli.command {
        Command::Train(Train::Forecast(arguments)) => train_forecast::run(*arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Summary(arguments) => summary::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Shows the help or version that was asked for, or says in one line what is wrong.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // The reader may have closed the pipe; that is no failure.
            let _ = error.print();
            ExitCode::from(error.exit_code() as u8)
        }
        _ => Failure::Usage(failure::usage_line(error, &asked_command())).report(),
    }
}

/// The command that was asked for, such as `sumun train forecast`, for a hint where help is.
fn asked_command() -> String {
    let root = Cli::command();
    let mut command = &root;
    let mut name = root.get_name().to_owned();
    for word in std::env::args_os().skip(1) {
        let Some(next) = word.to_str().and_then(|word| command.find_subcommand(word)) else { break };
        command = next;
        name += &format!(" {}", command.get_name());
    }
    name
}
