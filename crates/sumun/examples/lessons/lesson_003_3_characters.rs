//! Lesson 3, exercise 3: sentiment from characters.
//!
//! 200 sentences made by a rule, 27 characters (a to z and the space), a bidirectional RNN of 64 on vectors of 32, the
//! joined final states into a linear layer, 20 epochs, 20 % held out.
//!
//! A bidirectional network reads the end before it answers, so it cannot generate: there is no end yet to read.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::sequences::stratified_split;
use sumun::text::{TokenUnit, Tokenizer, Vocabulary};
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, accuracy, most_likely, predict, train};

const SUBJECTS: [&str; 10] = ["film", "book", "song", "meal", "game", "play", "room", "trip", "show", "tale"];
const VERBS: [&str; 2] = ["is", "was"];
const GOOD: [&str; 5] = ["good", "nice", "fine", "great", "lovely"];
const BAD: [&str; 5] = ["bad", "dull", "poor", "awful", "boring"];

pub(crate) struct Outcome {
    pub(crate) sentences: usize,
    pub(crate) characters: usize,
    pub(crate) held_out: usize,
    pub(crate) accuracy: f64,
}

pub(crate) fn run() -> Result<Outcome> {
    let mut sentences = Vec::new();
    for subject in SUBJECTS {
        for verb in VERBS {
            let with = |word: &&str| format!("the {subject} {verb} {word}");
            sentences.extend(GOOD.iter().map(|word| (with(word), 1)));
            sentences.extend(BAD.iter().map(|word| (with(word), 0)));
        }
    }
    let vocabulary = Vocabulary::letters_and_space();
    let tokenizer = Tokenizer::new(TokenUnit::Characters);
    // Spaces after a sentence make all as long as the longest.
    let longest = sentences.iter().map(|(sentence, _)| sentence.len()).max().unwrap_or(0);
    let mut ids = Vec::new();
    for (sentence, _) in &sentences {
        ids.extend(vocabulary.encode(&tokenizer.tokens(&format!("{sentence:<longest$}")))?);
    }
    let ids = Array2::from_shape_fn((sentences.len(), longest), |(n, t)| ids[n * longest + t]);
    let labels = Array2::from_shape_fn((sentences.len(), 1), |(n, _)| sentences[n].1);
    let classes: Vec<u32> = labels.iter().copied().collect();
    let parts = stratified_split(&classes, 0.0, 0.2, &mut ChaCha8Rng::seed_from_u64(42))?;

    let mut model = Model::builder(Input::ids(vocabulary.len()))
        .embedding(32)
        .bidirectional(RecurrentLayer::rnn(64))
        .dense(2)
        .build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.002,
        epochs: 20,
        batch: 16,
        clip: Clip::GlobalNorm { max: 1.0 },
        print_every: 5,
    };
    let inputs = Inputs::Ids(ids);
    let answers = Predictions::Classes(labels.select(Axis(0), &parts.train));
    train(&mut model, &recipe, &inputs.select(&parts.train), &answers)?;

    let predicted = most_likely(&predict(&model, &inputs.select(&parts.test))?, 2);
    let accuracy = accuracy(&predicted, &labels.select(Axis(0), &parts.test));
    for (&n, &given) in parts.test.iter().zip(&predicted).take(5) {
        println!("{:<22} {}", sentences[n].0, if given == 1 { "good" } else { "bad" });
    }
    println!("accuracy on {} held-out sentences {accuracy:.4}", predicted.len());
    let characters = vocabulary.len();
    Ok(Outcome { sentences: sentences.len(), characters, held_out: predicted.len(), accuracy })
}
