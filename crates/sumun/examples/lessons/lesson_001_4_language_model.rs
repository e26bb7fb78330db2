//! Lesson 1, exercise 4: a language model of one LSTM layer, and three temperatures.
//!
//! Embedding, LSTM, and a linear layer at every step predict the next token of a short text; `generate` starts from a
//! token, carries the state and draws max_len tokens more, so that it returns max_len + 1. A token is drawn with
//! p = softmax(logits / T): below 1 a temperature sharpens the probabilities, above 1 it flattens them.

use ndarray::{Array2, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Batch, Input, Model, RecurrentLayer};
use sumun::nn::Initializer;
use sumun::text::{TokenUnit, Tokenizer, Vocabulary, VocabularyOptions};
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, train};

const WHO: [&str; 5] = ["the river", "the wind", "the moon", "a boat", "the rain"];
const DOES: [&str; 4] = ["runs down to", "looks at", "sings to", "waits for"];
const WHAT: [&str; 4] = ["the sea", "the hills", "the sky", "the town"];

/// Every sentence of somebody who does something, in mixed order: within a sentence much is certain, and what comes after
/// `the` is not, so that temperatures have something to choose from. A text that is learnt by heart would be the same at all.
fn text() -> String {
    let all = WHO.len() * DOES.len() * WHAT.len();
    // A stride that shares no factor with 80 comes by each.
    let sentence = |n: usize| {
        let n = n * 37 % all;
        format!("{} {} {} .", WHO[n % 5], DOES[n / 5 % 4], WHAT[n / 20])
    };
    (0..all).map(sentence).collect::<Vec<_>>().join(" ")
}

const WINDOW: usize = 12;
pub(crate) const MAX_LEN: usize = 50;

pub(crate) struct Outcome {
    /// The mean loss of the first epoch and of the last; ln of the vocabulary is what guessing costs.
    pub(crate) losses: (f64, f64),
    pub(crate) guessing: f64,
    /// Ids that each temperature drew: .5, 1, 1.5.
    pub(crate) generated: [Vec<u32>; 3],
    /// The mean entropy, in nats, of what each temperature makes of the model's probabilities along the text.
    pub(crate) entropies: [f64; 3],
}

/// softmax(logits / temperature).
fn softmax(logits: &[f32], temperature: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&l| (f64::from(l - largest) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// The mean entropy of the probabilities after each of `ids`.
fn entropy(model: &Model, ids: &[u32], temperature: f64) -> Result<f64> {
    let read = Array2::from_shape_fn((1, ids.len()), |(_, t)| ids[t]);
    let logits = model.forward(Batch::ids(read.view()))?;
    let of = |row: &[f32]| -> f64 {
        softmax(row, temperature).iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum()
    };
    Ok(logits.data.chunks_exact(logits.features).map(of).sum::<f64>() / ids.len() as f64)
}

/// `start` and `max_len` tokens drawn after it.
fn generate(model: &Model, start: u32, max_len: usize, temperature: f64) -> Result<Vec<u32>> {
    // The same chances for every temperature, uniform in 0 … 1.
    let chances =
        Initializer::Uniform { bound: 0.5 }.values(&[max_len], &mut ChaCha8Rng::seed_from_u64(5))?;
    let (mut ids, mut state) = (vec![start], None);
    for chance in chances {
        let last = array![[ids[ids.len() - 1]]];
        let (logits, after) = model.forward_with_state(Batch::ids(last.view()), state.as_ref())?;
        state = Some(after);
        let p = softmax(&logits.data, temperature);
        let (mut left, mut chosen) = (f64::from(chance) + 0.5, 0);
        while chosen + 1 < p.len() && left >= p[chosen] {
            left -= p[chosen];
            chosen += 1;
        }
        ids.push(chosen as u32);
    }
    Ok(ids)
}

pub(crate) fn run() -> Result<Outcome> {
    let tokens = Tokenizer::new(TokenUnit::Whitespace).tokens(&text());
    let vocabulary = Vocabulary::build(&tokens, &VocabularyOptions::default())?;
    let ids = vocabulary.encode(&tokens)?;
    let count = ids.len() - WINDOW;
    let x = Array2::from_shape_fn((count, WINDOW), |(n, t)| ids[n + t]);
    let next = Array2::from_shape_fn((count, WINDOW), |(n, t)| ids[n + t + 1]);

    let mut model = Model::builder(Input::ids(vocabulary.len()))
        .embedding(32)
        .layer(RecurrentLayer::lstm(64).return_sequences(true))
        .dense(vocabulary.len())
        .build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.01,
        epochs: 10,
        batch: 32,
        clip: Clip::GlobalNorm { max: 1.0 },
        print_every: 5,
    };
    let losses = train(&mut model, &recipe, &Inputs::Ids(x), &Predictions::Classes(next))?;

    let (mut generated, mut entropies) = ([const { Vec::new() }; 3], [0.0; 3]);
    for (k, temperature) in [0.5, 1.0, 1.5].into_iter().enumerate() {
        generated[k] = generate(&model, ids[0], MAX_LEN, temperature)?;
        entropies[k] = entropy(&model, &ids[..100], temperature)?;
        println!("\ntemperature {temperature}, {:.2} nats a token:", entropies[k]);
        println!("{}", vocabulary.decode(&generated[k])?.join(" "));
    }
    let guessing = (vocabulary.len() as f64).ln();
    Ok(Outcome { losses: (losses[0], losses[losses.len() - 1]), guessing, generated, entropies })
}
