//! Lesson 2, exercise 10: short reviews, positive or negative, read by a two-layer bidirectional GRU.
//!
//! 22 entries of vocabulary with `<PAD>` and `<UNK>`, five good and five bad reviews 20 times over, 10 tokens each with
//! padding after them. Embedding 32, hidden 64, dropout .3 on the embedding, between the layers and on the joined last
//! states; binary cross-entropy on the probability, Adam at .01, batches of 16, 50 epochs.
//!
//! As in the lesson the net reads the padding too: whoever does not want that gives lengths, or an embedding with
//! `mask_zero(true)`.

use sumun::Result;
use sumun::model::{DenseLayer, EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun::nn::Activation;
use sumun::sequences::{PadSequences, Side, pad_sequences};
use sumun::text::{TokenUnit, Tokenizer, Vocabulary, VocabularyOptions, VocabularyOrder};
use sumun::train::Clip;

use super::training::{Inputs, Predictions, Recipe, predict, train};

/// The reviews, and whether they are good ones.
const REVIEWS: [(&str, bool); 10] = [
    ("what a wonderful film", true),
    ("I loved the story", true),
    ("great acting and music", true),
    ("a brilliant story", true),
    ("the cast was wonderful", true),
    ("what a terrible film", false),
    ("I hated the story", false),
    ("awful acting and music", false),
    ("a boring story", false),
    ("the plot was terrible", false),
];

/// Six that were not among them; a word that was not is `<UNK>`.
const ASKED: [(&str, bool); 6] = [
    ("a wonderful story", true),
    ("I loved the music", true),
    ("the acting was great", true),
    ("a terrible plot", false),
    ("I hated the film", false),
    ("the movie was boring", false),
];

pub(crate) struct Outcome {
    pub(crate) vocabulary: usize,
    pub(crate) samples: usize,
    pub(crate) parameters: usize,
    /// The label that was right, the one that was given, and its probability.
    pub(crate) answers: Vec<(bool, bool, f32)>,
}

pub(crate) fn run() -> Result<Outcome> {
    let tokenizer = Tokenizer::new(TokenUnit::Whitespace).lowercase(true);
    let tokens = REVIEWS.iter().flat_map(|(review, _)| tokenizer.tokens(review));
    let options = VocabularyOptions { order: VocabularyOrder::Appearance, ..VocabularyOptions::default() };
    let vocabulary = Vocabulary::build(tokens, &options)?;
    let padded = |reviews: &[(&str, bool)]| -> Result<Inputs> {
        let ids = reviews.iter().map(|(review, _)| vocabulary.encode(&tokenizer.tokens(review)));
        let ids = ids.collect::<Result<Vec<Vec<u32>>>>()?;
        let options =
            PadSequences { maxlen: Some(10), padding: Side::Post, truncating: Side::Post, value: 0 };
        Ok(Inputs::Ids(pad_sequences(&ids, &options)?))
    };

    let reviews: Vec<(&str, bool)> = REVIEWS.iter().copied().cycle().take(200).collect();
    let labels = reviews.iter().map(|&(_, good)| f32::from(u8::from(good))).collect();
    let mut model = Model::builder(Input::ids(vocabulary.len()))
        .embedding(EmbeddingLayer::new(32).padding_id(0))
        .dropout(0.3)
        .bidirectional(RecurrentLayer::gru(64).layers(2_usize).dropout(0.3))
        .dropout(0.3)
        .dense(DenseLayer::new(1).activation(Activation::Sigmoid))
        .build(42)?;
    println!("{model}");
    let recipe = Recipe {
        loss: "bce_probabilities",
        optimizer: "adam",
        rate: 0.01,
        epochs: 50,
        batch: 16,
        clip: Clip::None,
        print_every: 10,
    };
    train(&mut model, &recipe, &padded(&reviews)?, &Predictions::Values(labels))?;

    let name = |good| if good { "긍정 (positive)" } else { "부정 (negative)" };
    let mut answers = Vec::new();
    for ((review, right), p) in ASKED.iter().zip(predict(&model, &padded(&ASKED)?)?) {
        let given = p > 0.5;
        let probability = if given { p } else { 1.0 - p };
        println!("{review:<24} {} {probability:.4}", name(given));
        answers.push((*right, given, probability));
    }
    let parameters = model.parameters().len();
    Ok(Outcome { vocabulary: vocabulary.len(), samples: reviews.len(), parameters, answers })
}
