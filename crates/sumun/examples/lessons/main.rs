//! The exercises of the lessons, each in a file named after its lesson and number.
//!
//! ```text
//! cargo run --release -p sumun --example lessons                   # lists them
//! cargo run --release -p sumun --example lessons -- 002-9          # runs one
//! cargo run --release -p sumun --example lessons -- 002-9 pictures # and leaves its pictures in that folder
//! ```
//!
//! What a lesson states about its exercise is asserted in `tests/lessons.rs`, which runs the same code.

#![allow(dead_code, reason = "what an exercise found is read by its test")]

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
pub(crate) mod lesson_004_notebook;
pub(crate) mod picture;
mod training;

use picture::Picture;
use sumun::{Error, Result};

type Exercise = (&'static str, &'static str, fn() -> Result<Vec<String>>);

/// Number, what it is about, and how to run it; it returns its pictures, as SVG.
const EXERCISES: &[Exercise] = &[
    ("000", "three models, return_sequences, two directions", || {
        Ok(lesson_000_notebook::run()?.pictures.to_vec())
    }),
    ("001-1", "the gates of an LSTM", || {
        Ok(lesson_001_1_gates::run()?.pictures.iter().map(Picture::svg).collect())
    }),
    ("001-2", "LSTM and GRU on longer and longer sines", || {
        Ok(vec![lesson_001_2_lengths::run()?.picture.svg()])
    }),
    ("001-3", "a text classifier and its confusion matrix", || {
        lesson_001_3_classifier::run().map(|_| Vec::new())
    }),
    ("001-4", "a language model at three temperatures", || {
        lesson_001_4_language_model::run().map(|_| Vec::new())
    }),
    ("001-5", "a GRU by hand", || lesson_001_5_gru_by_hand::run().map(|_| Vec::new())),
    ("002-1..8", "shapes, counts and windows", || lesson_002_quizzes::run().map(|_| Vec::new())),
    ("002-9", "a noisy sine forecast by an LSTM", || Ok(vec![lesson_002_9_sine::run()?.picture.svg()])),
    ("002-10", "short reviews read by a bidirectional GRU", || {
        lesson_002_10_sentiment::run().map(|_| Vec::new())
    }),
    ("003-1", "shapes of one direction and two", || lesson_003_1_shapes::run().map(|_| Vec::new())),
    ("003-2", "sines of random phase forecast by a plain RNN", || {
        Ok(vec![lesson_003_2_random_phase::run()?.picture.svg()])
    }),
    ("003-3", "sentiment from characters", || lesson_003_3_characters::run().map(|_| Vec::new())),
    ("003-4", "gradients that explode, and clipping", || {
        Ok(vec![lesson_003_4_exploding::run()?.picture.svg()])
    }),
    ("003-5", "a label for every step", || lesson_003_5_tagging::run().map(|_| Vec::new())),
    ("004", "states, and an LSTM with constant weights", || lesson_004_notebook::run().map(|_| Vec::new())),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(asked) = arguments.next() else {
        println!("Exercises:");
        EXERCISES.iter().for_each(|(number, about, _)| println!("  {number:<8} {about}"));
        return Ok(());
    };
    let Some((_, _, run)) = EXERCISES.iter().find(|(number, ..)| *number == asked) else {
        let numbers: Vec<&str> = EXERCISES.iter().map(|(number, ..)| *number).collect();
        return Err(Error::Invalid(format!(
            "there is no exercise {asked}; choose one of {}",
            numbers.join(", ")
        )));
    };
    let pictures = run()?;
    let Some(folder) = arguments.next() else { return Ok(()) };
    let failed =
        |error: std::io::Error| Error::Invalid(format!("cannot write pictures into {folder}: {error}"));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for (index, picture) in pictures.iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("lesson_{asked}_{}.svg", index + 1));
        std::fs::write(&path, picture).map_err(failed)?;
        println!("{}", path.display());
    }
    Ok(())
}
