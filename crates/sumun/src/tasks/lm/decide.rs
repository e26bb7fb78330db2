//! What network and steps a text asks for where nothing is said: by how long the text is, and by what a token is.

use std::fmt::Display;

use super::super::network::FIRST_VECTORS;
use super::super::options::Usual;
use super::super::task::{Task, TaskConfig};
use super::Lm;
use crate::model::{EmbeddingLayer, LayerConfig, Model};
use crate::report::text::counted;
use crate::settings::Level;

/// What suits texts of a length.
struct Suits {
    /// Texts of fewer tokens.
    below: usize,
    layers: usize,
    hidden: usize,
    embedding: usize,
    dropout: f64,
    batch: usize,
    chunk: usize,
    lr: f64,
    /// Passes over a text that is read in more than some hundred steps.
    epochs: usize,
    /// Whether first vectors are small: few steps leave those of rare tokens nearly as they were, and from N(0, 1) they are
    /// noise. Where there are many steps, vectors that differ are learnt from sooner. Those of a large vocabulary are small anyway.
    small: bool,
}

/// Where tokens are words. The figures behind this are in docs/results.md: what a short text needs is many small steps, few
/// weights and much dropout.
const WORDS: &[Suits] = &[
    Suits {
        below: 400_000,
        layers: 1,
        hidden: 256,
        embedding: 256,
        dropout: 0.6,
        batch: 16,
        chunk: 35,
        lr: 0.004,
        epochs: 12,
        small: true,
    },
    Suits {
        below: usize::MAX,
        layers: 2,
        hidden: 256,
        embedding: 256,
        dropout: 0.3,
        batch: 32,
        chunk: 64,
        lr: 0.003,
        epochs: 8,
        small: false,
    },
];

/// Where tokens are letters, of any alphabet or of Hangul.
const LETTERS: &[Suits] = &[
    Suits {
        below: 30_000,
        layers: 1,
        hidden: 256,
        embedding: 256,
        dropout: 0.7,
        batch: 4,
        chunk: 64,
        lr: 0.003,
        epochs: 40,
        small: true,
    },
    Suits {
        below: 200_000,
        layers: 1,
        hidden: 512,
        embedding: 256,
        dropout: 0.7,
        batch: 4,
        chunk: 64,
        lr: 0.002,
        epochs: 20,
        small: true,
    },
    Suits {
        below: 4_000_000,
        layers: 2,
        hidden: 256,
        embedding: 64,
        dropout: 0.2,
        batch: 16,
        chunk: 64,
        lr: 0.003,
        epochs: 8,
        small: false,
    },
    Suits {
        below: usize::MAX,
        layers: 2,
        hidden: 256,
        embedding: 64,
        dropout: 0.1,
        batch: 64,
        chunk: 128,
        lr: 0.003,
        epochs: 4,
        small: false,
    },
];

/// Words that occur once become `<UNK>` where nothing is said, so that it is learnt what comes before and behind unknown ones.
const LEAST_WORDS: usize = 2;

/// A text in fewer chunks than four has shorter ones, but not shorter than this.
const LEAST_CHUNK: usize = 16;

impl Suits {
    fn of(level: Level, tokens: usize) -> &'static Self {
        let all = if is_words(level) || level == Level::Subword { WORDS } else { LETTERS };
        // The last is for all.
        all.iter().find(|suits| tokens < suits.below).unwrap_or(&all[all.len() - 1])
    }
}

fn is_words(level: Level) -> bool {
    matches!(level, Level::Word | Level::Space)
}

/// Decides how often a token must be seen, which the length of the text follows from.
pub(super) fn decide_vocabulary(config: &mut TaskConfig<Lm>) -> Option<[String; 3]> {
    if !(is_words(config.text.level) && config.is_open("min_count")) {
        return None;
    }
    config.text.min_count = LEAST_WORDS;
    let reason = "what follows an unknown word is learnt from those that occur once";
    Some(["min_count".into(), LEAST_WORDS.to_string(), reason.into()])
}

/// Decides the network and its steps for a training part of so many tokens. The choices are those that were left open.
pub(super) fn decide_network(config: &mut TaskConfig<Lm>, tokens: usize) -> Vec<[String; 3]> {
    let suits = Suits::of(config.text.level, tokens);
    let noun = match config.text.level {
        Level::Word | Level::Space => "word",
        Level::Subword => "word piece",
        Level::Char | Level::Jamo => "letter",
    };
    let reason = format!("{} to learn from", counted(tokens, noun));
    let mut choices = Vec::new();
    let mut choose = |name: &str, decided: Vec<String>| {
        if !decided.is_empty() {
            choices.push([name.to_owned(), decided.join(", "), reason.clone()]);
        }
    };
    let open = |name| config.is_open(name);
    // Layers of one's own take the place of these.
    let described = config.layers.is_empty();
    let [layers, hidden, embedding, dropout] =
        ["layers", "hidden", "embedding", "dropout"].map(|name| described && open(name));
    let (chunk, lr, batch) = (open("chunk"), open("lr"), config.train.batch.is_none());
    let network = &mut config.network;
    let mut decided = Vec::new();
    take("layers", layers, suits.layers, &mut network.layers, &mut decided);
    take("hidden", hidden, suits.hidden, &mut network.hidden, &mut decided);
    take("embedding", embedding, suits.embedding, &mut network.embedding, &mut decided);
    take("dropout", dropout, suits.dropout, &mut network.dropout, &mut decided);
    choose("network", decided);
    let mut decided = Vec::new();
    if chunk {
        config.own.chunk = suits.chunk.min(LEAST_CHUNK.max(tokens / 4));
    }
    if batch {
        // Each sequence has at least a chunk.
        let batch = suits.batch.min(tokens / config.own.chunk.max(1)).max(1);
        config.train.batch = Some(batch);
        decided.push(format!("batch {batch}"));
    }
    if chunk {
        decided.push(format!("chunk {}", config.own.chunk));
    }
    take("lr", lr, suits.lr, &mut config.train.lr, &mut decided);
    choose("steps", decided);
    choices
}

/// Sets what is open to what suits, and says so.
fn take<V: Copy + Display>(name: &str, open: bool, suits: V, to: &mut V, decided: &mut Vec<String>) {
    if open {
        *to = suits;
        decided.push(format!("{name} {suits}"));
    }
}

/// Makes the first vectors small where that suits a training part of so many tokens: those of the network that settings
/// describe, where they are not pretrained.
pub(super) fn shrink_vectors(model: &mut Model, config: &TaskConfig<Lm>, tokens: usize) {
    let drawn = config.layers.is_empty() && config.text.vectors.is_none();
    if !(drawn && Suits::of(config.text.level, tokens).small) {
        return;
    }
    let is_embedding = |(layer, _): &(&LayerConfig, &str)| layer.get::<EmbeddingLayer>().is_some();
    let name = model.config().layers.iter().zip(model.layer_names()).find(is_embedding);
    let Some(name) = name.map(|(_, name)| format!("{name}.weight")) else { return };
    let Some(id) = model.parameters().find(&name) else { return };
    let vectors = model.parameters_mut().value_mut(id);
    let squares: f64 = vectors.iter().map(|&value| f64::from(value).powi(2)).sum();
    let deviation = (squares / vectors.len() as f64).sqrt();
    if deviation > FIRST_VECTORS {
        let factor = (FIRST_VECTORS / deviation) as f32;
        vectors.iter_mut().for_each(|value| *value *= factor);
    }
}

/// How long a text of so many tokens is learnt.
pub(super) fn usual(level: Level, tokens: usize) -> Usual {
    Usual { epochs: Suits::of(level, tokens).epochs, ..Lm::USUAL }
}

#[cfg(test)]
mod tests {
    use super::super::super::options::TextOptions;
    use super::*;
    use crate::model::{DenseLayer, Input, ModelConfig};

    fn decided(change: impl Fn(&mut TaskConfig<Lm>), tokens: usize) -> (TaskConfig<Lm>, Vec<[String; 3]>) {
        let mut config = TaskConfig::<Lm>::default();
        change(&mut config);
        let mut choices: Vec<_> = decide_vocabulary(&mut config).into_iter().collect();
        choices.extend(decide_network(&mut config, tokens));
        (config, choices)
    }

    #[test]
    fn what_is_open_is_decided_by_the_text() {
        let mut last = 1.0;
        for tokens in [15_000, 1_000_000, 50_000_000] {
            let (config, choices) = decided(|_| (), tokens);
            let names: Vec<&str> = choices.iter().map(|choice| choice[0].as_str()).collect();
            assert_eq!((names, config.text.min_count), (vec!["network", "steps"], 1));
            assert!(config.network.dropout < last, "the more text, the less dropout");
            last = config.network.dropout;
        }
        let (short, choices) = decided(|config| config.text.level = Level::Word, 80_000);
        assert_eq!((short.text.min_count, short.network.layers, short.own.chunk), (2, 1, 35));
        assert_eq!(choices[0][..2], ["min_count", "2"]);
        assert_eq!(choices[2][..2], ["steps", "batch 16, chunk 35, lr 0.004"]);
        assert_eq!(choices[2][2], "80,000 words to learn from");
    }

    #[test]
    fn first_vectors_are_small_where_a_text_is_short() {
        let config = TaskConfig::<Lm>::default();
        let layers = [EmbeddingLayer::new(8).padding_id(0).into(), DenseLayer::new(3).into()];
        let deviation = |config: &TaskConfig<Lm>, tokens: usize| {
            let network = ModelConfig { layers: layers.to_vec(), ..ModelConfig::new(Input::ids(500)) };
            let mut model = network.build(1).unwrap();
            let first = model.parameters().values().to_vec();
            shrink_vectors(&mut model, config, tokens);
            let (vectors, others) = model.parameters().values().split_at(500 * 8);
            assert_eq!(others, &first[500 * 8..]);
            (vectors.iter().map(|value| value * value).sum::<f32>() / 4000.0).sqrt()
        };
        assert!((deviation(&config, 15_000) - 0.1).abs() < 1e-4);
        assert!(deviation(&config, 1_000_000) > 0.9);
        let pretrained =
            TaskConfig { text: TextOptions { vectors: Some("v".into()), ..config.text }, ..config };
        assert!(deviation(&pretrained, 15_000) > 0.9);
    }

    #[test]
    fn what_was_asked_for_stays() {
        let (config, choices) = decided(
            |config| {
                (config.network.hidden, config.network.dropout, config.train.batch) = (100, 0.0, Some(3));
                config.text.level = Level::Word;
                config.open.retain(|name| *name != "min_count");
            },
            80_000,
        );
        assert_eq!((config.network.hidden, config.network.dropout, config.train.batch), (100, 0.0, Some(3)));
        assert_eq!(config.text.min_count, 1);
        let values: Vec<&str> = choices.iter().map(|choice| choice[1].as_str()).collect();
        assert_eq!(values, ["layers 1, embedding 256", "chunk 35, lr 0.004"]);
    }

    /// A sequence has at least a chunk, and there is one.
    #[test]
    fn a_text_of_a_few_letters_has_steps() {
        for (tokens, batch, chunk) in [(1, 1, 16), (50, 3, 16), (150, 4, 37)] {
            let (config, _) = decided(|_| (), tokens);
            assert_eq!((config.train.batch, config.own.chunk), (Some(batch), chunk));
        }
    }
}
