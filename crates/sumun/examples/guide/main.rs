//! The examples of the guide, docs/guide, each in a few lines to read beside its chapter.
//!
//! ```text
//! cargo run --release -p sumun --example guide                     # lists them
//! cargo run --release -p sumun --example guide -- unroll           # runs one
//! cargo run --release -p sumun --example guide -- gates pictures   # and leaves its picture in that folder, as SVG
//! ```
//!
//! What they print stands in the guide; `tests/guide.rs` compares, `docs/guide/make.py` writes it anew.
//!
//! Exit codes: 0 if it ran, 1 if it could not, 2 if it was asked for what there is not.

#[path = "../lessons/adding.rs"]
mod adding;
mod by_hand;
mod layers;
mod learning;
#[path = "../lessons/training.rs"]
#[allow(dead_code, reason = "the exercises of the lessons use the rest")]
mod training;
mod translator;

use std::path::Path;
use std::process::ExitCode;

use sumun::{Error, Result};

/// What an example prints, and its pictures by the names of their files.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) pictures: Vec<(&'static str, String)>,
}

impl Told {
    /// A line of what is printed.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) {
        self.text += line.as_ref();
        self.text.push('\n');
    }
}

/// An example by its name.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) run: fn() -> Result<Told>,
}

const fn example(name: &'static str, about: &'static str, run: fn() -> Result<Told>) -> Example {
    Example { name, about, run }
}

pub(crate) const EXAMPLES: &[Example] = &[
    example("unroll", "a plain RNN, step by step by hand", by_hand::unroll),
    example("counts", "how many numbers an RNN, an LSTM and a GRU learn", layers::counts),
    example("shapes", "outputs and states, and reading in pieces", layers::shapes),
    example("directions", "both directions, their merges, and layers on layers", layers::directions),
    example("padding", "a padded batch with lengths, and without", layers::padding),
    example("gradients", "gradients that vanish, explode and are clipped", learning::gradients),
    example("windows", "windows of a series, and a scaler that has seen too much", learning::windows),
    example("remainders", "a label for every step, with memory and without", learning::remainders),
    example("temperature", "a softmax at three temperatures", by_hand::temperature),
    example("gates", "the gates of an LSTM by hand, and of one that has learnt", learning::gates),
    example("gru", "a GRU by hand, in four dialects", by_hand::gru),
    example("attention", "attention by hand", by_hand::attention),
    example("translator", "what a trained translator looks at (half a minute)", translator::translator),
    example("questions", "some of the whys, in numbers", by_hand::questions),
    example("memory", "RNN, LSTM and GRU at three lengths (half a minute)", learning::memory),
];

fn run(name: &str, folder: Option<&Path>) -> Result<()> {
    let Some(example) = EXAMPLES.iter().find(|example| example.name == name) else { return Ok(()) };
    let told = (example.run)()?;
    print!("{}", told.text);
    let Some(folder) = folder else { return Ok(()) };
    for (name, picture) in told.pictures {
        let path = folder.join(format!("{name}.svg"));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, picture));
        written.map_err(|source| Error::Io { path, source })?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first().filter(|name| EXAMPLES.iter().any(|e| e.name == **name)) else {
        println!(
            "Usage: guide EXAMPLE [FOLDER]\n\nIts picture, where it draws one, goes into FOLDER.\n\nExamples:"
        );
        EXAMPLES.iter().for_each(|example| println!("  {:<12} {}", example.name, example.about));
        return ExitCode::from(if arguments.is_empty() { 0 } else { 2 });
    };
    match run(name, arguments.get(1).map(Path::new)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
