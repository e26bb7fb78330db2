//! The `sumun` command line: argument parsing, progress and exit codes. The library does the work.

mod arguments;
mod commands;
#[cfg(test)]
mod examples;
mod failure;
mod figures;
mod interrupt;
mod language;
mod output;
mod progress;
mod scores;
mod settings;
mod spelling;
mod task_call;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use commands::{
    apply, backtest, bench, compare, completions, config, evaluate, export, find_lr, generate, import,
    inspect, man, predict, quantize, runs, show, summary, train, tune,
};
use failure::{Failure, after};
use language::Asked;

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
    #[command(arg_required_else_help = true, args_conflicts_with_subcommands = true, after_help = after(train::EXAMPLES))]
    Train(train::Arguments),
    /// Search for the settings that a task is learnt best with
    #[command(arg_required_else_help = true, args_conflicts_with_subcommands = true, after_help = after(tune::EXAMPLES))]
    Tune(tune::Arguments),
    /// Find which learning rate a training bears
    #[command(arg_required_else_help = true, after_help = after(find_lr::EXAMPLES))]
    FindLr(find_lr::Arguments),
    /// Forecast from several origins of a file, each time by a model that has seen nothing after it
    #[command(args_override_self = true, arg_required_else_help = true, after_help = after(backtest::EXAMPLES))]
    Backtest(backtest::Arguments),
    /// Print the settings of a task as a commented configuration file
    #[command(after_help = after(config::EXAMPLES))]
    Config(config::Arguments),
    /// Print what a model predicts: the steps ahead, labels, numbers, tags or texts
    #[command(args_override_self = true, after_help = after(predict::EXAMPLES))]
    Predict(predict::Arguments),
    /// Measure a trained model on a file, beside the baselines
    #[command(args_override_self = true, after_help = after(evaluate::EXAMPLES))]
    Evaluate(evaluate::Arguments),
    /// Write text with a trained language model
    #[command(args_override_self = true, after_help = after(generate::EXAMPLES))]
    Generate(generate::Arguments),
    /// Show what a network does with one record: gates, states, what counted
    #[command(args_override_self = true, after_help = after(inspect::EXAMPLES))]
    Inspect(inspect::Arguments),
    /// Show what a trained model is made of
    #[command(args_override_self = true, after_help = after(summary::EXAMPLES))]
    Summary(summary::Arguments),
    /// Show what is in a model file of any program: layers, weights, architecture
    #[command(args_override_self = true, after_help = after(show::EXAMPLES))]
    Show(show::Arguments),
    /// Make a model file of a model of PyTorch, Keras, ONNX and others
    #[command(args_override_self = true, after_help = after(import::EXAMPLES))]
    Import(import::Arguments),
    /// Make a model file with weights of 8 bits: a quarter of the bytes, and faster where weights fill the caches
    #[command(args_override_self = true, after_help = after(quantize::EXAMPLES))]
    Quantize(quantize::Arguments),
    /// Write a model for another program
    #[command(args_override_self = true, after_help = after(export::EXAMPLES))]
    Export(export::Arguments),
    /// Run a model on arrays
    #[command(args_override_self = true, after_help = after(apply::EXAMPLES))]
    Apply(apply::Arguments),
    /// List the runs of a folder with their figures
    #[command(args_override_self = true, after_help = after(runs::EXAMPLES))]
    Runs(runs::Arguments),
    /// Draw the curves of several runs over each other, in one HTML page
    #[command(args_override_self = true, after_help = after(compare::EXAMPLES))]
    Compare(compare::Arguments),
    /// Time recurrent layers on this machine, beside what its processor can do
    #[command(args_override_self = true, after_help = after(bench::EXAMPLES))]
    Bench(bench::Arguments),
    /// Print what a shell needs to complete commands, options and values
    #[command(after_help = after(completions::EXAMPLES))]
    Completions(completions::Arguments),
    /// Print the page of the manual of a command, or write all pages
    #[command(after_help = after(man::EXAMPLES))]
    Man(man::Arguments),
}

fn main() -> ExitCode {
    // Training allocates and frees the same pieces at every step.
    sumun::keep_freed_memory();
    let asked = Asked::of(std::env::args_os(), |name| std::env::var_os(name));
    language::speak(asked.language);
    if let Some(problem) = asked.problem {
        return Failure::Usage(problem).report();
    }
    let matches = whole_command().try_get_matches_from(&asked.arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &asked.arguments),
    };
    let result = match cli.command {
        Command::Train(arguments) => train::run(arguments),
        Command::Tune(arguments) => tune::run(arguments),
        Command::FindLr(arguments) => find_lr::run(arguments),
        Command::Backtest(arguments) => backtest::run(arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Generate(arguments) => generate::run(arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Summary(arguments) => summary::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Quantize(arguments) => quantize::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments, whole_command()),
        Command::Man(arguments) => man::run(&arguments, command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The whole command line, in the language that is spoken.
fn command() -> clap::Command {
    let command = Cli::command().arg(language::argument());
    match language::catalogue() {
        Some(catalogue) => language::translated_help(command, catalogue),
        None => command,
    }
}

/// As [`command`], with what the parser adds to it.
fn whole_command() -> clap::Command {
    let mut command = command();
    match language::catalogue() {
        Some(catalogue) => {
            command.build();
            language::with_help_command(command, catalogue)
        }
        None => command,
    }
}

/// Shows the help or version that was asked for, or says in one line what is wrong.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => match error.print() {
            Ok(()) => ExitCode::from(error.exit_code() as u8),
            Err(problem) => Failure::Output(problem).report(),
        },
        _ => Failure::Usage(
            failure::usage_line(error, &asked_command(arguments)) + &train::instead(error, arguments),
        )
        .report(),
    }
}

/// The command that was asked for, such as `sumun train forecast`, for the hint at its help.
fn asked_command(arguments: &[OsString]) -> String {
    let root = command();
    let mut command = &root;
    let mut name = root.get_name().to_owned();
    for word in arguments.iter().skip(1) {
        let Some(next) = word.to_str().and_then(|word| command.find_subcommand(word)) else { break };
        command = next;
        name += &format!(" {}", command.get_name());
    }
    name
}
