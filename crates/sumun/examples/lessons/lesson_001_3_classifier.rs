//! Lesson 1, exercise 3: a text classifier on 300 toy samples.
//!
//! Embedding 64, a two-layer bidirectional LSTM of 128 with dropout .3 between its layers, Adam and cross-entropy, 15
//! epochs; the accuracy and the confusion matrix of 60 samples that were held out, and the five tokens whose vectors are
//! longest. Each sample is eight tokens: six of any kind and two of its topic.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Input, Model, RecurrentLayer};
use sumun::nn::Initializer;
use sumun::text::Vocabulary;
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, accuracy, most_likely, predict, train};

const TOPICS: [(&str, [&str; 4]); 3] = [
    ("sport", ["match", "goal", "team", "coach"]),
    ("money", ["bank", "stock", "price", "trade"]),
    ("science", ["atom", "cell", "planet", "theory"]),
];
const COMMON: [&str; 8] = ["the", "a", "new", "today", "says", "after", "in", "report"];
const SAMPLES: usize = 300;
const TRAIN: usize = 240;
const LENGTH: usize = 8;
const FEATURES: usize = 64;

pub(crate) struct Outcome {
    pub(crate) accuracy: f64,
    /// Held-out samples by true topic (rows) and predicted topic.
    pub(crate) confusion: Array2<usize>,
    /// The five tokens of the longest vectors, longest first.
    pub(crate) longest: Vec<(String, f64)>,
}

/// Token ids `[N, T]`, and topics `[N, 1]`.
fn samples(vocabulary: &Vocabulary) -> Result<(Array2<u32>, Array2<u32>)> {
    let drawn = Initializer::Uniform { bound: 0.5 }
        .values(&[SAMPLES * (LENGTH + 2)], &mut ChaCha8Rng::seed_from_u64(42))?;
    let mut drawn = drawn.into_iter();
    // A number below `count`.
    let mut pick = |count: usize| {
        let chance = f64::from(drawn.next().unwrap_or(0.0)) + 0.5;
        ((chance * count as f64) as usize).min(count - 1)
    };
    let mut ids = Vec::new();
    let topics = Array2::from_shape_fn((SAMPLES, 1), |(n, _)| (n % TOPICS.len()) as u32);
    for topic in &topics {
        let mut tokens = [0; LENGTH].map(|_| COMMON[pick(COMMON.len())]);
        let words = TOPICS[*topic as usize].1;
        let (first, second) = (pick(LENGTH / 2), LENGTH / 2 + pick(LENGTH / 2));
        [first, second].iter().zip([0, 2]).for_each(|(&at, half)| tokens[at] = words[half + at % 2]);
        ids.extend(vocabulary.encode(&tokens)?);
    }
    let ids = Array2::from_shape_fn((SAMPLES, LENGTH), |(n, t)| ids[n * LENGTH + t]);
    Ok((ids, topics))
}

pub(crate) fn run() -> Result<Outcome> {
    let topical = TOPICS.iter().flat_map(|(_, words)| words);
    let vocabulary = Vocabulary::from_tokens(COMMON.iter().chain(topical).copied())?;
    let (ids, topics) = samples(&vocabulary)?;
    let (train_ids, test_ids) = ids.view().split_at(Axis(0), TRAIN);
    let (train_topics, test_topics) = topics.view().split_at(Axis(0), TRAIN);

    let mut model = Model::builder(Input::ids(vocabulary.len()))
        .embedding(FEATURES)
        .bidirectional(RecurrentLayer::lstm(128).layers(2_usize).dropout(0.3))
        .dense(TOPICS.len())
        .build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.001,
        epochs: 15,
        batch: 32,
        clip: Clip::None,
        print_every: 5,
    };
    let answers = Predictions::Classes(train_topics.to_owned());
    train(&mut model, &recipe, &Inputs::Ids(train_ids.to_owned()), &answers)?;

    let logits = predict(&model, &Inputs::Ids(test_ids.to_owned()))?;
    let predicted = most_likely(&logits, TOPICS.len());
    let mut confusion = Array2::zeros((TOPICS.len(), TOPICS.len()));
    for (&right, &given) in test_topics.iter().zip(&predicted) {
        confusion[[right as usize, given as usize]] += 1;
    }
    let accuracy = accuracy(&predicted, test_topics);
    println!("accuracy {accuracy:.4}; true topics down, predicted ones across:");
    for ((name, _), row) in TOPICS.iter().zip(confusion.outer_iter()) {
        println!("{name:<8} {row}");
    }

    let parameters = model.parameters();
    let weight = parameters.find("embedding.weight").map_or(&[][..], |id| parameters.value(id));
    let norm = |v: &[f32]| v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let mut longest: Vec<(String, f64)> =
        vocabulary.tokens().iter().cloned().zip(weight.chunks(FEATURES).map(norm)).collect();
    longest.sort_by(|a, b| b.1.total_cmp(&a.1));
    longest.truncate(5);
    longest.iter().for_each(|(token, norm)| println!("{token:<8} {norm:.3}"));
    Ok(Outcome { accuracy, confusion, longest })
}
