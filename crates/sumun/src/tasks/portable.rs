//! What a program without this library needs to use a trained network: its preprocessing as data.

use serde_json::{Map, Value, json};

use super::cutter::Cutter;
use super::forecast::Input;
use super::inputs::Reader;
use super::words::TokenReader;
use crate::Error;
use crate::data::Scaler;
use crate::model::ModelConfig;
use crate::text::{TokenUnit, UNK, Vocabulary, word_classes};

/// The preprocessing of a trained model, as data that a program in another language follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Portable {
    /// The name of the task.
    pub task: &'static str,
    /// The name of the script that follows the fields: the task's, unless it has several.
    pub script: &'static str,
    /// The fields of the task; `docs/export.md` says what each means.
    pub fields: Map<String, Value>,
    /// Whether the network is read piece by piece, so that its states go in and out.
    pub keeps_states: bool,
    /// Where tokens are word pieces, a `tokenizer.json` of them.
    pub tokenizer: Option<String>,
    /// The networks that the model's is cut into, where the script computes what lies between them; none where it runs the whole.
    pub networks: Vec<PortableNetwork>,
    /// The layer between the networks, whose weights the script reads.
    pub between: Option<&'static str>,
}

/// A part of a network, some of its layers under their names.
#[derive(Debug, Clone, PartialEq)]
pub struct PortableNetwork {
    /// What it is called.
    pub name: &'static str,
    /// Its inputs, layers and outputs; its weights are those that the whole network has under their names.
    pub config: ModelConfig,
    /// Whether its states go in and out.
    pub keeps_states: bool,
}

/// The field of `reads` with the parts of words: where it is there, the network reads vectors, and who uses it makes them of the
/// embedding's.
pub(crate) const SUBWORDS: &str = "subwords";

/// The field with how texts become what the network reads.
pub(crate) const READS: &str = "reads";

/// The error of a model of a task with something in its preprocessing that cannot be said as data.
pub(super) fn not_portable(task: &str, what: &str) -> Error {
    let what =
        if what == "it" { "the preprocessing".to_owned() } else { format!("the preprocessing ({what})") };
    Error::Model(format!(
        "{what} of this model of {task} cannot be written for other programs yet; write its network alone, to a file that ends \
         in .onnx"
    ))
}

/// How a value is scaled.
pub(super) fn scaler(scaler: &Scaler) -> Value {
    json!({ "offset": scaler.offset, "scale": scaler.scale })
}

/// A column and how it is scaled.
pub(super) fn input(input: &Input) -> Value {
    let Input { name, scaler, marked } = input;
    json!({ "name": name, "offset": scaler.offset, "scale": scaler.scale, "marked": marked })
}

/// Which of several series of a table is read, given as `column=value`.
pub(super) fn one_series(series: Option<&str>) -> Value {
    match series.and_then(|series| series.split_once('=')) {
        Some((column, value)) => json!({ "column": column.trim(), "value": value.trim() }),
        None => Value::Null,
    }
}

/// What the network reads, and the layout of the numbers of a record. Error: why that cannot be said.
pub(super) fn reads(reader: &Reader, layout: Option<String>) -> Result<Value, String> {
    match reader {
        Reader::Text { tokenizer, words } => Ok(with_subwords(text(tokenizer, &words.vocabulary)?, words)),
        Reader::Tokens { lowercase, nfc, words } => Ok(with_subwords(
            json!({
                "kind": "tokens",
                "lowercase": lowercase,
                "nfc": nfc,
                "vocabulary": words.vocabulary.tokens(),
            }),
            words,
        )),
        Reader::Numbers { scalers } => Ok(json!({
            "kind": "numbers",
            "layout": layout,
            "channels": scalers.iter().map(scaler).collect::<Vec<_>>(),
        })),
    }
}

/// With the parts of words, where they have some.
fn with_subwords(mut reads: Value, words: &TokenReader) -> Value {
    if let Some(subwords) = &words.subwords {
        reads[SUBWORDS] = json!(subwords.parts());
    }
    reads
}

/// How texts become ids.
pub(super) fn text(cutter: &Cutter, vocabulary: &Vocabulary) -> Result<Value, String> {
    let tokenizer = cutter.rules();
    let unit = match tokenizer.unit {
        _ if cutter.pieces().is_some() => "pieces",
        TokenUnit::Whitespace => "whitespace",
        TokenUnit::WordsAndPunctuation => "words",
        TokenUnit::Characters => "characters",
        TokenUnit::Jamo => "jamo",
        TokenUnit::Words | TokenUnit::Graphemes => return Err("its tokens".into()),
    };
    if !vocabulary.has_specials() {
        return Err("its vocabulary without a token for what is unknown".into());
    }
    let mut text = json!({
        "kind": "text",
        "unit": unit,
        "lowercase": tokenizer.lowercase,
        "nfc": tokenizer.nfc,
        "vocabulary": vocabulary.tokens(),
    });
    if let Some(pieces) = cutter.pieces() {
        text[PIECES] = pieces.portable(UNK + 1);
    }
    if unit == "words" {
        text[WORD_CLASSES] = classes_of_words();
    }
    Ok(text)
}

/// The field of `reads` with how texts are cut into pieces of words.
pub(super) const PIECES: &str = "pieces";

/// The field of `reads` with what the rules for words know of characters.
pub(super) const WORD_CLASSES: &str = "word_classes";

/// What the rules for words know of characters.
pub(super) fn classes_of_words() -> Value {
    let classes = word_classes().into_iter().map(|(class, ranges)| (class.to_string(), json!(ranges)));
    Value::Object(classes.collect())
}
