//! A case's work as a closure: all that a user's step does, on numbers that are generated once.

use std::hint::black_box;
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Case, CaseKind, CaseLoss};
use crate::loss::{Loss, Targets};
use crate::nn::{
    Dense, DenseConfig, Embedding, EmbeddingConfig, InputGradient, Layer, Output, Recurrent, RecurrentState,
};
use crate::noise::Noise;
use crate::train::{Optimizer, OptimizerConfig};
use crate::{Ids, Layout, Parameters, Result, Rows};

/// One unit of a case's work; it may be called again and again.
pub type Runner = Box<dyn FnMut() -> Result<()> + Send>;

/// Generates a case's weights and data, always the same, and returns its work. Errors as [`CaseGrid::parse`](super::CaseGrid::parse)
/// has them for a case.
pub fn runner(case: &Case) -> Result<Runner> {
    case.check()?;
    match case.kind {
        CaseKind::Train => train(case),
        CaseKind::Forward => forward(case),
        CaseKind::Step => step(case),
    }
}

fn numbers(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn classes(rng: &mut ChaCha8Rng, count: usize, of: usize) -> Vec<u32> {
    (0..count).map(|_| (u64::from(rng.next_u32()) % of as u64) as u32).collect()
}

/// The batch as a user holds it, `[N, T, …]`; packing it is part of the work.
enum Batch {
    Numbers(Vec<f32>),
    Ids(Vec<u32>, Embedding),
}

/// The targets of the batch, in the caller's order.
enum Wanted {
    /// `[N]`.
    Values(Vec<f32>),
    /// `[N]`.
    Classes(Vec<u32>),
    /// `[N, T]`.
    ClassesOfSteps(Vec<u32>),
}

fn layout(case: &Case) -> Result<Arc<Layout>> {
    match &case.lengths {
        Some(lengths) => Layout::ragged(lengths, case.steps()),
        None => Layout::full(case.batch(), case.steps()),
    }
}

fn train(case: &Case) -> Result<Runner> {
    let case = case.clone();
    let (sequences, cells) = (case.batch(), case.batch() * case.steps());
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = Parameters::with_capacity(case.parameters()?)?;
    let embedding = match case.vocab {
        0 => None,
        vocabulary => {
            let config = EmbeddingConfig { vocabulary, features: case.input, padding_id: None };
            Some(Embedding::new(config, &mut parameters, "embedding", &mut rng)?)
        }
    };
    let mut config = case.recurrent();
    config.output = if case.loss == Some(CaseLoss::CeSteps) { Output::Sequence } else { Output::Last };
    let features = config.output_features();
    let mut recurrent = Recurrent::new(config, &mut parameters, "recurrent", &mut rng)?;
    recurrent.set_precision(case.precision)?;
    let outputs = case.outputs();
    let mut head = Dense::new(DenseConfig::new(features, outputs), &mut parameters, "head", &mut rng)?;
    head.set_precision(case.precision)?;
    let mut optimizer = Optimizer::new("adam".parse::<OptimizerConfig>()?, &parameters)?;

    let x = match embedding {
        None => Batch::Numbers(numbers(&mut rng, cells * case.input)),
        Some(embedding) => Batch::Ids(classes(&mut rng, cells, case.vocab), embedding),
    };
    let (loss, wanted) = match case.loss {
        Some(CaseLoss::Ce) => ("cross_entropy", Wanted::Classes(classes(&mut rng, sequences, outputs))),
        Some(CaseLoss::CeSteps) => {
            ("cross_entropy", Wanted::ClassesOfSteps(classes(&mut rng, cells, outputs)))
        }
        of_numbers => {
            let name = if of_numbers == Some(CaseLoss::Bce) { "bce" } else { "mse" };
            let values = classes(&mut rng, sequences, 2).into_iter().map(|bit| bit as f32);
            (name, Wanted::Values(values.collect()))
        }
    };
    let loss: Loss = loss.parse()?;
    Ok(Box::new(move || {
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        parameters.zero_gradients();
        let layout = layout(&case)?;
        let (rows, embedded) = match &x {
            Batch::Numbers(x) => (Rows::pack(x, case.input, layout.clone())?, None),
            Batch::Ids(ids, embedding) => {
                let (rows, cache) = embedding.forward_train(&parameters, Ids::pack(ids, layout.clone())?)?;
                (rows, Some((embedding, cache)))
            }
        };
        let needed = if embedded.is_some() { InputGradient::Needed } else { InputGradient::Skip };
        let (h, ran) = recurrent.forward_train(&parameters, rows, noise)?;
        let of_steps;
        let targets = match &wanted {
            Wanted::Values(values) => Targets::Values(values),
            Wanted::Classes(classes) => Targets::Classes(classes),
            Wanted::ClassesOfSteps(classes) => {
                of_steps = Ids::pack(classes, layout)?;
                Targets::Classes(&of_steps.data)
            }
        };
        let d_h = match (&loss, targets) {
            (Loss::CrossEntropy(loss), Targets::Classes(classes)) => {
                let (value, d_h) =
                    head.cross_entropy(&mut parameters, &h, loss, classes, InputGradient::Needed)?;
                black_box(value);
                d_h
            }
            _ => {
                let (mut z, mapped) = head.forward_train(&parameters, h, noise)?;
                let logits = z.data.clone();
                black_box(loss.value_and_gradient(&logits, targets, Some(z.data_mut()))?);
                head.backward(&mut parameters, mapped, z, InputGradient::Needed)?
            }
        };
        let d_x = match d_h {
            Some(d_h) => recurrent.backward(&mut parameters, ran, d_h, needed)?,
            None => None,
        };
        if let (Some((embedding, cache)), Some(d_x)) = (embedded, d_x) {
            embedding.backward(&mut parameters, cache, d_x)?;
        }
        optimizer.step(&mut parameters, 1e-3, 1.0)
    }))
}

fn forward(case: &Case) -> Result<Runner> {
    let case = case.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = Parameters::with_capacity(case.parameters()?)?;
    let mut recurrent = Recurrent::new(case.recurrent(), &mut parameters, "recurrent", &mut rng)?;
    recurrent.set_precision(case.precision)?;
    let x = numbers(&mut rng, case.batch() * case.steps() * case.input);
    Ok(Box::new(move || {
        let rows = Rows::pack(&x, case.input, layout(&case)?)?;
        black_box(recurrent.forward(&parameters, rows)?.unpack());
        Ok(())
    }))
}

fn step(case: &Case) -> Result<Runner> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = Parameters::with_capacity(case.parameters()?)?;
    let mut recurrent = Recurrent::new(case.recurrent(), &mut parameters, "recurrent", &mut rng)?;
    recurrent.set_precision(case.precision)?;
    let mut stream = recurrent.stream::<RecurrentState>(&parameters)?;
    let x = numbers(&mut rng, case.input);
    Ok(Box::new(move || {
        black_box(stream.step(black_box(&x))?);
        Ok(())
    }))
}
