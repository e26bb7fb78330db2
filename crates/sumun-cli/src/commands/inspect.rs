//! `sumun inspect`: what a network does with one record, step by step.

use std::path::{Path, PathBuf};

use serde_json::json;
use sumun::inspect::{About, Ask, Inspection, page, pictures};
use sumun::report::{Pngs, Written};
use sumun::tasks::{ExampleOf, open};

use super::report::{command_line, expect_no_page, now, write_page};
use crate::arguments::{count, on_threads, threads};
use crate::failure::Failure;
use crate::language;
use crate::output::{print_json, say, tell_of_files};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun inspect runs/reviews --input \"not bad at all\"
  sumun inspect runs/reviews --input new.csv --record 3 --class negative --out third.html
  sumun inspect runs/pos-tagger --input \"Time flies like an arrow\" --step 3
  sumun inspect runs/dates --input \"3 March 2021\" --step 6
  sumun inspect runs/gestures --input test.jsonl --json | jq .counted.occlusion

The page has the gates and states of every recurrent layer over time, the answer, how much each
step counted in it by two methods that know nothing of each other, how far back the network
listens, and the vectors of tokens; of a translator also what each token that it wrote looked at.
What is no file is taken for a text. Of a language model a file is one text, and a forecaster reads
its end.";

/// The arguments of `sumun inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run of forecast, classify, regress, tag, translate, lm or simulate, or a model file
    run: PathBuf,
    /// What the network reads: a text, or a file with records; - is standard input
    #[arg(long, value_name = "TEXT|FILE")]
    input: String,
    /// Which record of the file, or series of a simulator or forecaster, counted from 1 [default: the first]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    record: Option<usize>,
    /// The step whose answer is explained, counted from 1: of a model that answers at every step [default: the last], of a
    /// forecast the step ahead, or of a translation the token that is written [default: the first]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    step: Option<usize>,
    /// The class, tag or token whose probability is explained [default: the most probable, or the one that was written]; of a
    /// forecast, the column
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Show one recurrent layer alone, counted from 0 through all layers and directions [default: all]
    #[arg(long, value_name = "K", value_parser = count, allow_negative_numbers = true, conflicts_with = "json")]
    layer: Option<usize>,
    /// The unit whose gates are drawn as lines, counted from 0 [default: the one that moves most]
    #[arg(long, value_name = "J", value_parser = count, allow_negative_numbers = true, conflicts_with = "json")]
    unit: Option<usize>,
    /// The page to write, which must not exist yet
    #[arg(long, value_name = "FILE", default_value = "inspect.html", conflicts_with = "json")]
    out: PathBuf,
    /// Also write every chart as a picture into this folder, which must not exist yet; of builds with the feature png
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    png: Option<PathBuf>,
    /// Print all numbers as one JSON object on one line, and write no page
    #[arg(long)]
    json: bool,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
}

/// Writes the page.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { run, input, record, out, json, .. } = arguments;
    if !json {
        expect_no_page(Some(out))?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Failure::Usage(format!(
                "{}: there is no such folder; make it or choose another --out",
                folder.display()
            )));
        }
    }
    let pngs = arguments.png.as_deref().map(Pngs::stage).transpose()?;
    let trained = open(run)?;
    let named = |error: sumun::Error| match error.problem() {
        sumun::Error::Model(_) => error.of(run.display()),
        _ => error,
    };
    let file = Path::new(input);
    let of = match input == "-" || file.exists() {
        true => ExampleOf::Record(file, *record),
        false if record.is_some() => {
            return Err(Failure::Usage(format!(
                "--record is for a file, and there is none called {input}; leave it out to have that read as a text"
            )));
        }
        false if is_like_a_file(input) => {
            return Err(Failure::Usage(format!(
                "{input}: there is no such file; check the path, or give a text"
            )));
        }
        false => ExampleOf::Text(input),
    };
    on_threads(arguments.threads, || {
        let part = trained.part_shown().map_err(named)?;
        let network = part.as_ref().or(trained.network()).ok_or_else(|| {
            named(sumun::Error::Model(
                "has no network, only a simple forecast, and nothing to look into".into(),
            ))
        })?;
        let example = trained.example(of).map_err(named)?;
        let ask = Ask { step: arguments.step, class: arguments.class.clone() };
        let inside = Inspection::of(network, &example, &ask).map_err(named)?;
        if *json {
            return print_json(
                &json!({ "task": trained.task(), "run": run.to_string_lossy(), "inside": inside }),
            );
        }
        let about = About {
            model: run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned(),
            created: now(),
            command: command_line(),
            layer: arguments.layer,
            unit: arguments.unit,
        };
        let page = page(&inside, &about)?;
        if let Some(mut pngs) = pngs {
            for (name, svg) in pictures(&inside, &about)? {
                pngs.draw(&name, &language::page(&svg))?;
            }
            told(&pngs.place()?);
        }
        write_page(out, &page, false)
    })?
}

/// Says what pictures were written, and what letters they lack.
fn told(written: &Written) {
    let Written { folder, files, has_fonts, missing } = written;
    tell_of_files(&format!("wrote {files} pictures into {}", folder.display()));
    if !has_fonts {
        say("no font was found on this machine: the pictures have no letters");
    } else if !missing.is_empty() {
        let some: Vec<String> = missing.iter().take(8).map(char::to_string).collect();
        tell_of_files(&format!(
            "no font on this machine has letters such as {}: they are missing in the pictures",
            some.join(" ")
        ));
    }
}

/// Whether what is no file was hardly meant as a text: one word that ends as files with records do.
fn is_like_a_file(input: &str) -> bool {
    const ENDS: [&str; 12] = [
        ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls", ".ods", ".parquet", ".conll",
        ".conllu",
    ];
    let plain = input.to_lowercase();
    !input.contains(char::is_whitespace) && ENDS.iter().any(|end| plain.ends_with(end))
}
