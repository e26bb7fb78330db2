//! Lesson 4: parts of speech, and a language model on texts of any length.
//!
//! "I work at google" and "I google at work" are the same four words; only their order says which one is the verb. A plain
//! RNN that answers at every step tells them apart, and no tagger that looks at a word alone could.
//!
//! An n-gram or a feed-forward language model reads a fixed number of words. A recurrent one (RNNLM) reads any number:
//! the same network answers after the first word, the second and the seventh, and sentences of different lengths share a batch.

use ndarray::{Array2, Axis};
use sumun::Result;
use sumun::model::{Batch, Input, Model, RecurrentLayer};
use sumun::sequences::{PadSequences, Side, pad_sequences};
use sumun::text::{TokenUnit, Tokenizer, Vocabulary, VocabularyOptions};
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, most_likely, predict, train};

const TAGS: [&str; 4] = ["pronoun", "verb", "preposition", "noun"];
const TAGGED: [(&str, [u32; 4]); 2] =
    [("I work at google", [0, 1, 2, 3]), ("I google at work", [0, 1, 2, 3])];
const SENTENCE: &str = "what will the fat cat sit on";

pub(crate) struct Outcome {
    /// The tags that the tagger gave, for both sentences.
    pub(crate) tags: Vec<Vec<&'static str>>,
    /// What the language model says next after each word of the sentence, and what comes.
    pub(crate) next: Vec<(String, String)>,
    /// Whether each beginning of the sentence, padded into one batch, is answered with the bits that it gets alone.
    pub(crate) same_alone: bool,
}

fn recipe() -> Recipe {
    Recipe {
        loss: "cross_entropy",
        optimizer: "adam",
        rate: 0.01,
        epochs: 100,
        batch: 2,
        clip: Clip::None,
        print_every: 100,
    }
}

/// Embedding, a plain RNN that answers at every step, and a linear layer on each.
fn many_to_many(vocabulary: usize, classes: usize) -> Result<Model> {
    Model::builder(Input::ids(vocabulary))
        .embedding(16)
        .layer(RecurrentLayer::rnn(32).return_sequences(true))
        .dense(classes)
        .build(42)
}

fn tagger() -> Result<Vec<Vec<&'static str>>> {
    let tokenizer = Tokenizer::new(TokenUnit::Whitespace);
    let sentences: Vec<Vec<String>> = TAGGED.iter().map(|(text, _)| tokenizer.tokens(text)).collect();
    let vocabulary = Vocabulary::build(sentences.iter().flatten(), &VocabularyOptions::default())?;
    let ids = sentences.iter().map(|words| vocabulary.encode(words)).collect::<Result<Vec<_>>>()?;
    let ids = Array2::from_shape_fn((2, 4), |(n, t)| ids[n][t]);
    let tags = Array2::from_shape_fn((2, 4), |(n, t)| TAGGED[n].1[t]);
    let mut model = many_to_many(vocabulary.len(), TAGS.len())?;
    let inputs = Inputs::Ids(ids);
    train(&mut model, &recipe(), &inputs, &Predictions::Classes(tags))?;
    let given = most_likely(&predict(&model, &inputs)?, TAGS.len());
    let mut found = Vec::new();
    for (words, tags) in sentences.iter().zip(given.chunks(4)) {
        let tags: Vec<&str> = tags.iter().map(|&tag| TAGS[tag as usize]).collect();
        let pairs: Vec<String> = words.iter().zip(&tags).map(|(word, tag)| format!("{word}/{tag}")).collect();
        println!("{}", pairs.join(" "));
        found.push(tags);
    }
    Ok(found)
}

pub(crate) fn run() -> Result<Outcome> {
    let tags = tagger()?;

    let words = Tokenizer::new(TokenUnit::Whitespace).tokens(SENTENCE);
    let vocabulary = Vocabulary::build(&words, &VocabularyOptions::default())?;
    let ids = vocabulary.encode(&words)?;
    let count = ids.len() - 1;
    let x = Array2::from_shape_fn((1, count), |(_, t)| ids[t]);
    let y = Array2::from_shape_fn((1, count), |(_, t)| ids[t + 1]);
    let mut model = many_to_many(vocabulary.len(), vocabulary.len())?;
    let inputs = Inputs::Ids(x);
    train(&mut model, &recipe(), &inputs, &Predictions::Classes(y))?;
    let whole = predict(&model, &inputs)?;
    let mut next = Vec::new();
    for (t, id) in most_likely(&whole, vocabulary.len()).into_iter().enumerate() {
        let said = vocabulary.token(id).unwrap_or_default().to_owned();
        println!("{:<26} → {said}", words[..=t].join(" "));
        next.push((said, words[t + 1].clone()));
    }

    // The first word, the first two, … as one batch with padding, and each alone.
    let beginnings: Vec<&[u32]> = (1..=count).map(|length| &ids[..length]).collect();
    let lengths: Vec<usize> = (1..=count).collect();
    let options = PadSequences { padding: Side::Post, truncating: Side::Post, ..PadSequences::default() };
    let padded = pad_sequences(beginnings.iter().copied(), &options)?;
    let together = model.forward(&Batch::ids(padded.view()).lengths(&lengths)?)?.unpack();
    let width = vocabulary.len();
    let mut same_alone = true;
    for (n, length) in lengths.into_iter().enumerate() {
        let alone = Array2::from_shape_fn((1, length), |(_, t)| ids[t]);
        let alone = model.forward(Batch::ids(alone.view()))?.unpack();
        let start = n * padded.len_of(Axis(1)) * width;
        same_alone &= together[start..start + length * width] == alone;
    }
    println!("beginnings of 1 to {count} words answered alike alone and in one padded batch: {same_alone}");
    Ok(Outcome { tags, next, same_alone })
}
