//! One case of a grid: what it says, and whether that makes sense.

use serde::{Deserialize, Deserializer, de};
use sumun_nn::Precision;

use crate::data::quoted;
use crate::nn::{CellKind, RecurrentConfig};
use crate::{Error, Result};

/// The most numbers that a case may hold at once, 8 GiB in single precision.
const MOST_NUMBERS: f64 = (1u64 << 31) as f64;

/// The most layers of a case: each takes memory beside its numbers.
const MOST_LAYERS: usize = 1000;

/// What a case does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// A whole training step on one fixed batch.
    Train,
    /// A whole batch without gradients.
    Forward,
    /// One time step of one sequence, carrying the state.
    Step,
}

/// What a `train` case learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseLoss {
    /// Mean squared error of one number a sequence.
    Mse,
    /// Binary cross-entropy of one logit a sequence.
    Bce,
    /// Cross-entropy of one class a sequence.
    Ce,
    /// Cross-entropy of one class a step.
    CeSteps,
}

/// One case: sizes of a recurrent stack and what is done with it. Fields that its kind does not read are refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// What it does.
    pub kind: CaseKind,
    /// Its cell: `rnn`, `lstm`, `gru`, or any other name of [`CellKind`].
    pub cell: CellKind,
    /// N: sequences of the batch; not of a `step`.
    pub batch: Option<usize>,
    /// T: steps of the batch's time axis; not of a `step`.
    pub steps: Option<usize>,
    /// I: features of a step, those of the embedding where there is one.
    pub input: usize,
    /// H: hidden units.
    pub hidden: usize,
    /// How many recurrent layers are stacked; 1 by default.
    pub layers: Option<usize>,
    /// Whether each layer reads in both directions; not of a `step`.
    #[serde(default)]
    pub bidirectional: bool,
    /// Above 0, ids below it are looked up in an embedding `[vocab, input]` first; `train` only.
    #[serde(default)]
    pub vocab: usize,
    /// What it learns; `train` only, which needs it.
    pub loss: Option<CaseLoss>,
    /// C: how many classes the cross-entropies have.
    pub classes: Option<usize>,
    /// The true length of each sequence, `[N]`, from 1 to `steps`; all of `steps` by default.
    pub lengths: Option<Vec<usize>>,
    /// How many bits the numbers of products have: `f32`, `bf16`, or `int8` where there are no gradients.
    #[serde(default, deserialize_with = "precision")]
    pub precision: Precision,
    /// Whether it is left out unless asked for.
    #[serde(default)]
    pub slow: bool,
}

fn precision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Precision, D::Error> {
    let name = String::deserialize(deserializer)?;
    Precision::named(&name).ok_or_else(|| de::Error::unknown_variant(&name, &["f32", "bf16", "int8"]))
}

impl Case {
    /// The recurrent stack.
    pub fn recurrent(&self) -> RecurrentConfig {
        RecurrentConfig {
            layers: self.layers(),
            bidirectional: self.bidirectional,
            ..RecurrentConfig::new(self.cell, self.input, self.hidden)
        }
    }

    /// N.
    pub(super) fn batch(&self) -> usize {
        self.batch.unwrap_or(1)
    }

    /// T.
    pub(super) fn steps(&self) -> usize {
        self.steps.unwrap_or(1)
    }

    /// The recurrent layers.
    pub(super) fn layers(&self) -> usize {
        self.layers.unwrap_or(1)
    }

    /// The outputs of the head: C, or one.
    pub(super) fn outputs(&self) -> usize {
        self.classes.unwrap_or(1)
    }

    /// How many parameters a case has whose sizes were checked.
    pub(super) fn parameters(&self) -> Result<usize> {
        let config = self.recurrent();
        let head = if self.loss.is_some() { (config.output_features() + 1) * self.outputs() } else { 0 };
        let mut count = self.vocab * self.input + head;
        config.for_each_weight(|_, shape| {
            count += shape.iter().product::<usize>();
            Ok(())
        })?;
        Ok(count)
    }

    /// Error: sizes of 0, fields that its kind does not read or lacks, lengths that do not fit the batch, and a case
    /// too large for memory. Nothing is allocated.
    pub(super) fn check(&self) -> Result<()> {
        let fail = |message: String| Err(Error::Invalid(format!("case {}: {message}", quoted(&self.name))));
        let train = self.kind == CaseKind::Train;
        let step = self.kind == CaseKind::Step;
        let stray = [
            ("batch", step && self.batch.is_some(), "a step is one of one sequence"),
            ("steps", step && self.steps.is_some(), "a step is one of one sequence"),
            ("lengths", step && self.lengths.is_some(), "a step is one of one sequence"),
            ("bidirectional", step && self.bidirectional, "a step goes one way"),
            ("vocab", !train && self.vocab > 0, "only a train case has an embedding"),
            ("loss", !train && self.loss.is_some(), "only a train case has a loss"),
            ("precision", train && self.precision == Precision::Int8, "weights of 8 bits have no gradients"),
            ("classes", !train && self.classes.is_some(), "only a train case has a head"),
        ];
        if let Some((field, _, why)) = stray.into_iter().find(|&(_, present, _)| present) {
            return fail(format!("{field} has no meaning here, as {why}; leave it out"));
        }
        let lacking = [
            ("batch", !step && self.batch.is_none()),
            ("steps", !step && self.steps.is_none()),
            ("loss", train && self.loss.is_none()),
        ];
        if let Some((field, _)) = lacking.into_iter().find(|&(_, lacks)| lacks) {
            return fail(format!("{field} is missing; give it"));
        }
        let sizes = [
            ("batch", self.batch()),
            ("steps", self.steps()),
            ("input", self.input),
            ("hidden", self.hidden),
            ("layers", self.layers()),
            ("classes", self.outputs()),
        ];
        if let Some((field, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
            return fail(format!("{field} is 0; give at least 1"));
        }
        let of_classes = matches!(self.loss, Some(CaseLoss::Ce | CaseLoss::CeSteps));
        match self.classes {
            Some(_) if !of_classes && train => {
                return fail("classes has no meaning here, as the loss is of numbers; leave it out".into());
            }
            None if of_classes => return fail("classes is missing; give it".into()),
            _ => {}
        }
        if let Some(lengths) = &self.lengths {
            if lengths.len() != self.batch() {
                return fail(format!(
                    "{} lengths for a batch of {}; give one a sequence",
                    lengths.len(),
                    self.batch()
                ));
            }
            if let Some(n) = lengths.iter().position(|length| !(1..=self.steps()).contains(length)) {
                return fail(format!(
                    "length {} of sequence {n} is not from 1 to the {} steps",
                    lengths[n],
                    self.steps()
                ));
            }
        }
        if self.layers() > MOST_LAYERS {
            return fail(format!("{} layers are above the limit of {MOST_LAYERS}; use fewer", self.layers()));
        }
        let numbers = self.numbers();
        if numbers > MOST_NUMBERS {
            return fail(format!(
                "it holds about {numbers:.1e} numbers at once, above the limit of {MOST_NUMBERS:.1e}; make it smaller"
            ));
        }
        Ok(())
    }

    /// About how many numbers are in memory at once; a float, so that no size overflows it.
    fn numbers(&self) -> f64 {
        let [batch, steps, input, hidden, outputs] =
            [self.batch(), self.steps(), self.input, self.hidden, self.outputs()].map(|size| size as f64);
        let directions = self.recurrent().directions() as f64;
        let gates = self.cell.gates() as f64;
        let width = directions * hidden;
        let rows = batch * steps;
        let upper = (self.layers() - 1) as f64;
        let stack = width * gates * (input + hidden + 2.0 + upper * (width + hidden + 2.0));
        let kept = rows * (2.0 * input + (upper + 1.0) * width * (gates + 3.0));
        match self.loss {
            // Values, gradients and two moments; logits and their gradient twice.
            Some(loss) => {
                let predictions = if loss == CaseLoss::CeSteps { rows } else { batch };
                let parameters = stack + self.vocab as f64 * input + (width + 1.0) * outputs;
                4.0 * parameters + 2.0 * kept + 4.0 * predictions * outputs
            }
            // Values and their packed form.
            None => 2.0 * stack + kept,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::CaseGrid;

    /// A grid of one case, as JSON without its name.
    pub(in crate::bench) fn case(fields: &str) -> Result<Case> {
        let text = format!("{{\"cases\": [{{\"name\": \"c\", {fields}}}]}}");
        Ok(CaseGrid::parse("g.json", &text)?.cases.remove(0))
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_allocated() {
        let train = r#""kind": "train", "cell": "lstm", "batch": 2, "steps": 3, "input": 1, "hidden": 4"#;
        let forward = train.replace("train", "forward");
        let step = r#""kind": "step", "cell": "gru", "input": 1, "hidden": 4"#;
        for (fields, expected) in [
            (format!("{train}, \"loss\": \"mse\""), ""),
            (format!("{train}, \"loss\": \"ce_steps\", \"classes\": 3, \"lengths\": [3, 1]"), ""),
            (forward.clone(), ""),
            (step.into(), ""),
            (train.into(), "g.json: case 'c': loss is missing; give it"),
            (format!("{train}, \"loss\": \"ce\""), "classes is missing"),
            (format!("{train}, \"loss\": \"bce\", \"classes\": 2"), "the loss is of numbers"),
            (format!("{train}, \"loss\": \"ce\", \"classes\": 0"), "classes is 0; give at least 1"),
            (format!("{train}, \"loss\": \"mse\", \"lengths\": [3]"), "1 lengths for a batch of 2"),
            (
                format!("{train}, \"loss\": \"mse\", \"lengths\": [3, 4]"),
                "length 4 of sequence 1 is not from 1",
            ),
            (
                format!("{train}, \"loss\": \"mse\", \"lengths\": [0, 3]"),
                "length 0 of sequence 0 is not from 1",
            ),
            (format!("{train}, \"loss\": \"mse\", \"layers\": 0"), "layers is 0"),
            (format!("{forward}, \"layers\": 1001"), "1001 layers are above the limit of 1000"),
            (format!("{forward}, \"vocab\": 5"), "vocab has no meaning here, as only a train case has an"),
            (format!("{forward}, \"loss\": \"mse\""), "loss has no meaning here"),
            (format!("{forward}, \"classes\": 2"), "classes has no meaning here"),
            (format!("{step}, \"batch\": 1"), "batch has no meaning here, as a step is one of one sequence"),
            (format!("{step}, \"bidirectional\": true"), "bidirectional has no meaning here"),
            (step.replace("kind\": \"step", "kind\": \"forward"), "batch is missing"),
            (step.replace('4', "0"), "hidden is 0"),
            (step.replace('4', "100000"), "above the limit of 2.1e9; make it smaller"),
            (step.replace('4', &u64::MAX.to_string()), "above the limit"),
            (
                forward.replace('3', &u64::MAX.to_string()).replace('2', &u64::MAX.to_string()),
                "above the limit",
            ),
            (format!("{train}, \"loss\": \"mse\", \"vocab\": {}", u64::MAX), "above the limit"),
            (step.replace("gru", "grue"), "no cell is of kind \"grue\"; there are rnn"),
            (step.replace('4', "-4"), "g.json: invalid value: integer `-4`, expected usize at line 1 column"),
            (step.replace('4', "1e99"), "expected usize"),
            (format!("{step}, \"hiden\": 3"), "unknown field `hiden`"),
        ] {
            match (case(&fields), expected) {
                (Ok(_), "") => {}
                (Ok(_), _) => panic!("{fields} is taken"),
                (Err(error), _) => {
                    let message = error.to_string();
                    assert!(!expected.is_empty() && message.contains(expected), "{fields}: {message}");
                    assert!(!message.contains('\n'), "{message}");
                }
            }
        }
    }
}
