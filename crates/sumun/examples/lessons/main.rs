//! The exercises of the lessons, each in a file named after its lesson and number.
//!
//! ```text
//! cargo run --release -p sumun --example lessons                   # lists them
//! cargo run --release -p sumun --example lessons -- 002-9          # runs one
//! cargo run --release -p sumun --example lessons -- 002-9 pictures # and leaves its pictures in that folder
//! cargo run --release -p sumun --example lessons -- all pictures   # runs all
//! ```
//!
//! What a lesson states about its exercise is asserted in `tests/lessons.rs`, which runs the same code.
//!
//! Exit codes: 0 if it ran, 1 if it could not (the folder cannot be written), 2 if it was asked for what there is not.

#![allow(dead_code, reason = "what an exercise found is read by its test")]

mod adding;
pub(crate) mod lesson_000_comparison;
pub(crate) mod lesson_000_notebook;
pub(crate) mod lesson_001_1_gates;
pub(crate) mod lesson_001_2_lengths;
pub(crate) mod lesson_001_3_classifier;
pub(crate) mod lesson_001_4_language_model;
pub(crate) mod lesson_001_5_gru_by_hand;
pub(crate) mod lesson_002_10_sentiment;
pub(crate) mod lesson_002_9_sine;
pub(crate) mod lesson_002_quizzes;
pub(crate) mod lesson_003_1_shapes;
pub(crate) mod lesson_003_2_random_phase;
pub(crate) mod lesson_003_3_characters;
pub(crate) mod lesson_003_4_exploding;
pub(crate) mod lesson_003_5_tagging;
pub(crate) mod lesson_003_vanishing;
pub(crate) mod lesson_004_notebook;
pub(crate) mod lesson_004_words;
mod training;

use std::path::Path;
use std::process::ExitCode;

use sumun::report::Picture;
use sumun::{Error, Result};

/// An exercise of a lesson, or several short ones that run together.
pub(crate) struct Exercise {
    /// What it is asked for by: its lesson and its number there.
    pub(crate) numbers: &'static [&'static str],
    about: &'static str,
    /// Returns its pictures, as SVG.
    run: fn() -> Result<Vec<String>>,
}

pub(crate) const EXERCISES: &[Exercise] = &[
    Exercise {
        numbers: &["000"],
        about: "the notebook: models and their counts, return_sequences, two directions, summaries",
        run: || Ok(lesson_000_notebook::run()?.pictures.to_vec()),
    },
    Exercise {
        numbers: &["000-comparison"],
        about: "RNN, LSTM and GRU compared: parameters, speed and quality",
        run: || Ok(vec![lesson_000_comparison::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["001-1"],
        about: "the gates of an LSTM",
        run: || Ok(lesson_001_1_gates::run()?.pictures.iter().map(Picture::svg).collect()),
    },
    Exercise {
        numbers: &["001-2"],
        about: "LSTM and GRU on longer and longer sines",
        run: || Ok(vec![lesson_001_2_lengths::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["001-3"],
        about: "a text classifier and its confusion matrix",
        run: || lesson_001_3_classifier::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["001-4"],
        about: "a language model at three temperatures",
        run: || lesson_001_4_language_model::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["001-5"],
        about: "a GRU by hand",
        run: || lesson_001_5_gru_by_hand::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["002-1", "002-2", "002-3", "002-4", "002-5", "002-6", "002-7", "002-8"],
        about: "the quizzes: shapes, counts and windows",
        run: || lesson_002_quizzes::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["002-9"],
        about: "a noisy sine forecast by an LSTM",
        run: || Ok(vec![lesson_002_9_sine::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["002-10"],
        about: "short reviews read by a bidirectional GRU",
        run: || lesson_002_10_sentiment::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["003"],
        about: "why plain RNNs forget: gradients against distance in time",
        run: || Ok(vec![lesson_003_vanishing::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["003-1"],
        about: "shapes of one direction and two",
        run: || lesson_003_1_shapes::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["003-2"],
        about: "sines of random phase forecast by a plain RNN",
        run: || Ok(vec![lesson_003_2_random_phase::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["003-3"],
        about: "sentiment from characters",
        run: || lesson_003_3_characters::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["003-4"],
        about: "gradients that explode, and clipping",
        run: || Ok(vec![lesson_003_4_exploding::run()?.picture.svg()]),
    },
    Exercise {
        numbers: &["003-5"],
        about: "a label for every step",
        run: || lesson_003_5_tagging::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["004"],
        about: "the notebook: a summary, states, and an LSTM with constant weights",
        run: || lesson_004_notebook::run().map(|_| Vec::new()),
    },
    Exercise {
        numbers: &["004-words"],
        about: "parts of speech, and a language model on texts of any length",
        run: || lesson_004_words::run().map(|_| Vec::new()),
    },
];

impl Exercise {
    /// "002-1 … 002-8" where several run together.
    pub(crate) fn name(&self) -> String {
        match self.numbers {
            [first, .., last] => format!("{first} … {last}"),
            numbers => numbers.concat(),
        }
    }

    /// Runs it and leaves its pictures in `folder`, where there is one.
    fn run(&self, folder: Option<&Path>) -> Result<()> {
        let pictures = (self.run)()?;
        let Some(folder) = folder else { return Ok(()) };
        if pictures.is_empty() {
            println!("{} draws no picture", self.name());
        }
        for (index, picture) in pictures.iter().enumerate() {
            let path = folder.join(format!("lesson_{}_{}.svg", self.numbers[0], index + 1));
            std::fs::write(&path, picture).map_err(|source| Error::Io { path: path.clone(), source })?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

/// What the command line asks for.
pub(crate) enum Asked {
    List,
    Run(Vec<&'static Exercise>, Option<String>),
}

/// Reads the command line; an error says what there is instead.
pub(crate) fn asked(arguments: &[String]) -> std::result::Result<Asked, String> {
    let (number, folder) = match arguments {
        [] => return Ok(Asked::List),
        [only] if only == "--help" || only == "-h" => return Ok(Asked::List),
        [number] => (number, None),
        [number, folder] => (number, Some(folder.clone())),
        [_, _, more, ..] => {
            return Err(format!("{more:?} is one argument too many; give a number and a folder"));
        }
    };
    let found: Vec<&Exercise> =
        EXERCISES.iter().filter(|e| number == "all" || e.numbers.contains(&number.as_str())).collect();
    if found.is_empty() {
        let numbers: Vec<&str> = EXERCISES.iter().flat_map(|e| e.numbers).copied().collect();
        return Err(format!("there is no exercise {number:?}; choose one of {} or all", numbers.join(", ")));
    }
    Ok(Asked::Run(found, folder))
}

/// How it is called, and all exercises.
fn help() -> String {
    let mut out = String::from(
        "Usage: lessons [NUMBER|all] [FOLDER]\n\nRuns an exercise of the lessons; its pictures go into FOLDER, as SVG.\n\n\
         Exercises:\n",
    );
    for exercise in EXERCISES {
        out += &format!("  {:<15} {}\n", exercise.name(), exercise.about);
    }
    out
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (exercises, folder) = match asked(&arguments) {
        Ok(Asked::Run(exercises, folder)) => (exercises, folder),
        Ok(Asked::List) => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    let run = || -> Result<()> {
        let folder = folder.as_deref().map(Path::new);
        if let Some(folder) = folder {
            let failed = |source| Error::Io { path: folder.to_path_buf(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let several = exercises.len() > 1;
        for exercise in exercises {
            if several {
                println!("\n== {}: {}", exercise.name(), exercise.about);
            }
            exercise.run(folder)?;
        }
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
