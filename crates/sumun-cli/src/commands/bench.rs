//! `sumun bench`: the speed grid on this machine.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sumun::Precision;
use sumun::bench::{Case, CaseGrid, CaseKind, CaseTimes, measure};

use crate::arguments::{on_threads, real, threads};
use crate::failure::Failure;
use crate::language::said;
use crate::output::print;
use crate::terminal::{Style, left, number, right, shortened, width};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun bench
  sumun bench --only sine_lstm,step_gru_64 --threads 2 --seconds 5
  sumun bench --precision bf16
  sumun bench --precision int8
  sumun bench --grid my_sizes.json --json > times.jsonl

A training case is a whole step: packing, forward, loss, backward and Adam. GFLOP/s
count the matrix products, in the best time; the peak is what the processor's
multiply-adds reach beside the case, on as many threads. The times of a busy
machine say little; those of others are in docs/performance.md.";

/// The arguments of `sumun bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A JSON file of cases, of the form of crates/sumun/src/bench/grid.json [default: that grid, which is built in]
    #[arg(long, value_name = "FILE")]
    grid: Option<PathBuf>,
    /// Time only these cases, slow ones too, in the order of the grid
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Threads to compute with
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, default_value_t = 1)]
    threads: usize,
    /// About how long to time each case, at least five times
    #[arg(long, value_name = "S", value_parser = real::<f64>, allow_negative_numbers = true, default_value_t = 2.0)]
    seconds: f64,
    /// How many bits the numbers of products have: f32, bf16, or int8, with which the training cases are left out
    #[arg(long, value_name = "BITS", value_parser = precisions(), default_value = "f32")]
    precision: Precision,
    /// Time the slow cases too
    #[arg(long)]
    slow: bool,
    /// Print one JSON object a case, each on one line, instead of a table
    #[arg(long)]
    json: bool,
}

fn precisions() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name))
        .map(|name| Precision::named(&name).expect("the parser takes these names alone"))
}

/// Times the cases, and prints each when it is done.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let grid = match &arguments.grid {
        Some(path) => CaseGrid::read(path)?,
        None => CaseGrid::own()?,
    };
    let only: Option<Vec<String>> =
        arguments.only.map(|names| names.iter().map(|name| name.trim().to_owned()).collect());
    let precision = arguments.precision;
    let mut cases: Vec<Case> = grid.choose(only.as_deref(), arguments.slow)?.into_iter().cloned().collect();
    if precision == Precision::Int8 {
        // One that was asked for by name says why it cannot be timed so.
        cases.retain(|case| only.is_some() || case.kind != CaseKind::Train);
    }
    if precision != Precision::F32 {
        cases.iter_mut().for_each(|case| case.precision = precision);
    }
    let names = cases.iter().map(|case| width(&shown(&case.name))).max().unwrap_or(0).max(4);
    on_threads(Some(arguments.threads), || {
        for (i, case) in cases.iter().enumerate() {
            let measured = measure(case, arguments.seconds)?;
            if arguments.json {
                print(&json_line(&measured)?)?;
                continue;
            }
            if i == 0 {
                // Only now: what cannot be timed at all leaves nothing behind.
                print(&header(names, &measured))?;
            }
            print(&row(names, &measured))?;
        }
        Ok(())
    })?
}

fn shown(name: &str) -> String {
    shortened(name, 40)
}

fn json_line(measured: &CaseTimes) -> Result<String, Failure> {
    let line = serde_json::to_string(measured).map_err(|error| Failure::Output(error.into()))?;
    Ok(line + "\n")
}

fn columns(names: usize, [name, best, median, gflops, share, path]: [&str; 6]) -> String {
    format!(
        "{}  {}  {}  {}  {}  {path}",
        left(name, names),
        right(best, 9),
        right(median, 9),
        right(gflops, 7),
        right(share, 7)
    )
}

fn header(names: usize, measured: &CaseTimes) -> String {
    let CaseTimes { peer, threads, .. } = measured;
    let threads = if *threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
    let titles = ["case", "best ms", "median ms", "GFLOP/s", "of peak", "path"].map(said);
    let titles = columns(names, titles.each_ref().map(|title| title.as_ref()));
    let precision = match Precision::named(measured.precision) {
        Some(Precision::Int8) => "weights of 8 bits",
        Some(Precision::Bf16) => "products of bf16",
        _ => "single precision",
    };
    let about = format!("{}, {}, {}", said(peer), said(&threads), said(precision));
    format!("{about}\n\n{}\n", Style::for_stdout().bold(&titles))
}

fn row(names: usize, measured: &CaseTimes) -> String {
    let [best, median, gflops] = [measured.best_ms, measured.median_ms, measured.gflops].map(number);
    let share = format!("{:.0} %", 100.0 * measured.peak_share);
    let cells = [&shown(&measured.name), &best, &median, &gflops, &share, measured.path];
    format!("{}\n", columns(names, cells))
}
