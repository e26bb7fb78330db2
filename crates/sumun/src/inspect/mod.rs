//! Looking inside: what the network of a trained model does with a record, step by step.
//!
//! [`Inspection::of`] runs the network on an [`Example`] and keeps what its recurrent layers compute (gates, hidden and cell
//! states), what it answers, and how much each step counted in an answer, in two ways that know nothing of each other: by the gradient
//! ([integrated gradients](Counted::integrated)) and by leaving steps out ([occlusion](Counted::occlusion)). [`page()`] shows
//! all of it on one HTML page.
//!
//! ```no_run
//! use sumun::inspect::{Ask, Inspection};
//! use sumun::tasks::{ExampleOf, open};
//!
//! let trained = open("runs/reviews".as_ref())?;
//! let network = trained.network().ok_or("a model without a network")?;
//! let example = trained.example(ExampleOf::Text("not bad at all"))?;
//! let inside = Inspection::of(network, &example, &Ask::default())?;
//! for (step, counted) in example.steps.iter().zip(&inside.counted.occlusion) {
//!     println!("{step} {counted:+.3}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod about;
mod asked;
mod charts;
mod counted;
mod gates;
mod memory;
mod page;
mod pictures;
mod vectors;

use serde::Serialize;

use crate::Result;
use crate::model::Model;
use crate::tasks::{Alignment, Answers, Example, IntervalAhead, log_sum_exp, sigmoid};
pub use about::About;
pub use asked::Ask;
use asked::asked;
pub use counted::Counted;
pub use gates::{GateFigures, LayerInside, Matrix};
pub use memory::Memory;
pub use page::page;
pub use pictures::pictures;
pub use vectors::{Near, Vectors};

/// The most probable answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The step that they are of, from 1, of those that are read, those ahead or those that are written; None of an answer to the whole record.
    pub step: Option<usize>,
    /// What is predicted: the column, and the step ahead; None where that is not a forecast.
    pub ahead: Option<[String; 2]>,
    /// Classes and how probable each is, the most probable first, ten at most; nothing where the answer is a number.
    pub probabilities: Vec<(String, f64)>,
    /// The number; None where the answer is a class.
    pub number: Option<f64>,
}

/// What a network wrote for a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// What it read before it wrote each token: the end, then what it had written.
    pub steps: Vec<String>,
    /// The tokens, with the end behind them, and how probable each was.
    pub tokens: Vec<(String, f64)>,
    /// How much each of them, without the end, looked at each step of the record.
    pub alignment: Alignment,
    /// How much what it had written counted in the answer, as [`Inspection::counted`] says it of the record.
    pub counted: Counted,
}

/// What a network does with a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// What was read.
    pub what: String,
    /// What each step is.
    pub steps: Vec<String>,
    /// What the numbers of a step are called, and the numbers as the network reads them; None of tokens.
    pub read: Option<(Vec<String>, Matrix)>,
    /// The answer that is explained.
    pub answer: Answer,
    /// The most probable class at each step and how probable it is, of a network that answers at every step.
    pub each_step: Vec<(String, f64)>,
    /// What a network says that returns a number at every step: the name of the numbers, and the number of each step.
    pub each_number: Option<(String, Vec<f64>)>,
    /// The forecast of the column that is explained, step by step, of a forecaster.
    pub forecast: Vec<(String, f64)>,
    /// Where what comes should lie, of a forecaster with intervals.
    pub intervals: Vec<IntervalAhead>,
    /// What a network wrote that writes; None of others.
    pub written: Option<Written>,
    /// How much each step counted in it.
    pub counted: Counted,
    /// What each recurrent layer and direction computed, from the input to the output.
    pub layers: Vec<LayerInside>,
    /// The vectors of its tokens; None where numbers are read.
    pub vectors: Option<Vectors>,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
}

/// The most answers that are listed.
const MOST_ANSWERS: usize = 10;

impl Inspection {
    /// Runs the network of a trained model on a record. Errors: a step that is not there, a class that the model does not
    /// know, a network that does not begin with one embedding or with numbers.
    pub fn of(model: &Model, example: &Example, ask: &Ask) -> Result<Self> {
        Counted::check(example)?;
        let mut reads = counted::Reads::new(model, example)?;
        let (rows, width) = reads.outputs(&reads.values, 1)?;
        let asked = asked(&rows, width, example, ask)?;
        let answers = |row: &[f32]| match &example.answers {
            Answers::Classes(names) | Answers::EachStep(names) => most_probable(names, row, example.weight),
            Answers::EachWritten { classes, .. } => most_probable(classes, row, example.weight),
            Answers::Labels(names) => each_probable(names, row, example.weight),
            Answers::Number { .. } | Answers::NumberEachStep { .. } | Answers::Ahead { .. } => Vec::new(),
        };
        let explained = &rows[asked.step * width..(asked.step + 1) * width];
        let (mut step, mut ahead, mut number) = (None, None, None);
        let (mut each_step, mut each_number) = (Vec::new(), None);
        let (mut forecast, mut ends) = (Vec::new(), Vec::new());
        match &example.answers {
            Answers::Classes(_) | Answers::Labels(_) => {}
            Answers::EachStep(_) => {
                step = Some(asked.step + 1);
                each_step =
                    rows.chunks_exact(width).filter_map(|row| answers(row).into_iter().next()).collect();
            }
            Answers::Number { offset, scale } => {
                number = Some(f64::from(explained[0]) * example.weight * scale + offset)
            }
            Answers::NumberEachStep { name, offset, scale, least } => {
                let value =
                    |&x: &f32| (f64::from(x) * scale + offset).max(least.unwrap_or(f64::NEG_INFINITY));
                let values: Vec<f64> = rows.iter().map(value).collect();
                (step, number) = (Some(asked.step + 1), values.get(asked.step).copied());
                each_number = Some((name.clone(), values));
            }
            Answers::EachWritten { .. } => step = Some(asked.step + 1),
            Answers::Ahead { steps, columns, forecast: all, intervals, .. } => {
                let values = &all[asked.column];
                (step, number) = (Some(asked.step + 1), values.get(asked.step).copied());
                ahead = Some([columns[asked.column].0.clone(), steps[asked.step].clone()]);
                forecast = steps.iter().cloned().zip(values.iter().copied()).collect();
                ends = intervals.clone();
            }
        }
        let probabilities = answers(explained).into_iter().take(MOST_ANSWERS).collect();
        let answer = Answer { step, ahead, probabilities, number };
        let read = example.numbers().map(|values| {
            let matrix = Matrix { name: "x".into(), units: example.features.len(), values: values.to_vec() };
            (example.features.clone(), matrix)
        });
        let mut notes = example.notes.clone();
        if let Some(beside) = example.beside {
            notes.push(format!(
                "the model answers with {beside} as well; what is shown here is the network alone"
            ));
        }
        let counted = Counted::of(&mut reads, &asked, &mut notes)?;
        let vectors = vectors::of(model, example)?;
        let by = match &example.answers {
            Answers::EachWritten { input, .. } => Some(input.as_str()),
            _ => None,
        };
        let layers = gates::insides(&reads, by)?;
        let written = match &example.answers {
            Answers::EachWritten { input, written, alignment, classes } if reads.turn_to(input) => {
                let mut steps = written.clone();
                steps.rotate_right(1);
                let p = |(row, token): (&[f32], &String)| (token.clone(), probability(classes, row, token));
                Some(Written {
                    steps,
                    tokens: rows.chunks_exact(width).zip(written).map(p).collect(),
                    alignment: alignment.clone(),
                    counted: Counted::of(&mut reads, &asked, &mut notes)?,
                })
            }
            _ => None,
        };
        Ok(Self {
            what: example.what.clone(),
            steps: example.steps.clone(),
            read,
            answer,
            each_step,
            each_number,
            forecast,
            intervals: ends,
            written,
            counted,
            layers,
            vectors,
            notes,
        })
    }
}

/// Labels and how probable each is by itself, the most probable first, from logits that are multiplied by `weight`.
fn each_probable(names: &[String], logits: &[f32], weight: f64) -> Vec<(String, f64)> {
    let p = |(name, &z): (&String, &f32)| (name.clone(), sigmoid(weight * f64::from(z)));
    let mut all: Vec<(String, f64)> = names.iter().zip(logits).map(p).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// How probable a class is, from logits.
fn probability(names: &[String], logits: &[f32], class: &String) -> f64 {
    let [largest, sum] = log_sum_exp(logits.iter().map(|&z| f64::from(z)));
    let place = names.iter().position(|name| name == class).and_then(|place| logits.get(place));
    place.map_or(0.0, |&z| (f64::from(z) - largest - sum).exp())
}

/// Classes and their probabilities, the most probable first, from logits that are multiplied by `weight`.
fn most_probable(names: &[String], logits: &[f32], weight: f64) -> Vec<(String, f64)> {
    let logits: Vec<f64> = logits.iter().map(|&z| f64::from(z) * weight).collect();
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = logits.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = raised.iter().sum();
    let mut order: Vec<usize> = (0..logits.len().min(names.len())).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    order.into_iter().take(MOST_ANSWERS).map(|k| (names[k].clone(), raised[k] / sum)).collect()
}
