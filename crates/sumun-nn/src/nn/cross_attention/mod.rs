//! Attention over another sequence: every step of one sequence reads a weighted mean of another's, as a decoder reads what
//! an encoder made of its source.
//!
//! To sum up a sequence once, with a learnt query, see [`Attention`](super::Attention).
//!
//! ```
//! use rand::SeedableRng;
//! use sumun_nn::nn::{CrossAttention, CrossAttentionConfig, Score};
//! use sumun_nn::{Layout, Parameters, Rows};
//!
//! let mut parameters = Parameters::new();
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
//! let config = CrossAttentionConfig { score: Score::General, ..CrossAttentionConfig::dot(2, 3) };
//! let attention = CrossAttention::new(config, &mut parameters, "attention", &mut rng)?;
//! // Two sequences with 1 and 2 queries over memories of 3 and 1 steps.
//! let queries = Rows::pack(&[0.5; 2 * 2 * 2], 2, Layout::ragged(&[1, 2], 2)?)?;
//! let memory = Rows::pack(&[1.0; 2 * 3 * 3], 3, Layout::ragged(&[3, 1], 3)?)?;
//! let alignment = attention.weights(&parameters, &queries, &memory)?;
//! assert_eq!(alignment.shape(), [2, 2, 3]); // [N, Tq, Tm]
//! assert_eq!(alignment[[1, 1, 0]], 1.0);
//! let context = attention.forward(&parameters, queries, memory)?;
//! assert_eq!((context.layout.rows(), context.features), (3, 3)); // [Rq, Fm]
//! # Ok::<(), sumun_nn::Error>(())
//! ```

mod config;
mod memory;
mod products;
mod sequence;
mod spec;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ndarray::Array3;
use rand::Rng;
use rayon::prelude::*;
use sumun_kernels::linear::{self, LinearDims};
use sumun_kernels::{Path, RowsRef};

use self::memory::{LastMemory, Memory};
use self::sequence::{Sequence, SequenceGradients};
use super::InputGradient;
use super::by_sequence::BySequence;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use config::{CrossAttentionConfig, CrossAttentionWeight, Score};
pub use spec::CrossAttentionLayer;

/// Attention over another sequence. With q a query, m_j the steps of the memory of the same sequence, and d the width
/// in which they meet:
///
/// | [`Score`] | s_j | |
/// |---|---|---|
/// | `Dot` | q · m_j, or W_q q · W_m m_j with `units` | Luong, Pham & Manning, EMNLP 2015, eq. 8 |
/// | `General` | q · W_m m_j | the same |
/// | `Additive` | v · tanh(W_q q + W_m m_j + b) | Bahdanau, Cho & Bengio, ICLR 2015, appendix A.1.2 |
///
/// divided by √d where `scaled` (Vaswani et al., NeurIPS 2017, eq. 1); α = softmax over the steps of that memory, and the
/// output is Σ_j α_j m_j. The memory's steps are its own values; Luong's output layer, tanh(W [context; query]), is a
/// concatenation and a dense layer behind this one.
///
/// Weights are `{prefix}.weight_query` `[d, F_q]`, `{prefix}.weight_memory` `[d, F_m]`, `{prefix}.bias` `[d]` and
/// `{prefix}.context` (v) `[d]`, those that the score needs.
///
/// Sequence n of the queries reads sequence n of the memory, in the callers' order; lengths and masks of both are their own.
/// Padding never counts. Queries of a sequence without memory read zeros. A query's output is the same bits in whatever
/// batch, and so is its gradient.
///
/// A memory that [`forward`](Self::forward) is given several times, as a decoder gives that of its encoder at every step, is
/// projected once: the last one is kept while the weights are the same and the caller still has its rows.
#[derive(Debug, Clone)]
pub struct CrossAttention {
    config: CrossAttentionConfig,
    /// d.
    width: usize,
    path: Path,
    last: LastMemory,
    weight_query: Option<Id>,
    weight_memory: Option<Id>,
    bias: Option<Id>,
    context: Option<Id>,
}

/// What [`CrossAttention::backward`] needs.
#[derive(Debug)]
pub struct CrossAttentionCache {
    queries: Rows,
    memory: Rows,
    prepared: Prepared,
    /// α of each sequence, `[Tq, Tm]`, one after the other.
    weights: Vec<f32>,
}

/// Queries and memory one sequence after the other, in the width in which they meet.
#[derive(Debug)]
struct Prepared {
    query_steps: BySequence,
    /// `[R_q, d]`.
    queries: Vec<f32>,
    memory: Arc<Memory>,
    /// Where each sequence's α begins; one more for the end.
    weights: Vec<usize>,
}

impl CrossAttention {
    /// Adds the weights to `parameters`, initialised as PyTorch does those of a `Linear` each. Settings that make no sense are
    /// errors, as [`CrossAttentionConfig::check`] says.
    pub fn new<R: Rng + ?Sized>(
        config: CrossAttentionConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        let width = config.check()?;
        let mut layer = Self {
            config,
            width,
            path: Path::best(),
            last: LastMemory::default(),
            weight_query: None,
            weight_memory: None,
            bias: None,
            context: None,
        };
        for CrossAttentionWeight { name, shape, first } in config.weights()? {
            let draw = || first.values(&shape, rng);
            let id = parameters.add_drawn(format!("{prefix}.{name}"), &shape, draw)?;
            let place = match name {
                "weight_query" => &mut layer.weight_query,
                "weight_memory" => &mut layer.weight_memory,
                "bias" => &mut layer.bias,
                _ => &mut layer.context,
            };
            *place = Some(id);
        }
        Ok(layer)
    }

    /// What it is made of.
    pub fn config(&self) -> &CrossAttentionConfig {
        &self.config
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, last: LastMemory::default(), ..self }
    }

    /// The mean of its memory that each query reads, `[R_q, F_m]` in the layout of the queries. `queries` is `[R_q, F_q]`,
    /// `memory` `[R_m, F_m]`. Other features and another number of sequences are errors.
    pub fn forward(&self, parameters: &Parameters, queries: Rows, memory: Rows) -> Result<Rows> {
        let version = parameters.version();
        let memory = self.last.or_else(version, &memory, || self.memory(parameters, &memory))?;
        Ok(self.run(parameters, &queries, memory)?.0)
    }

    /// As [`forward`](Self::forward), with what [`backward`](Self::backward) needs.
    pub fn forward_train(
        &self,
        parameters: &Parameters,
        queries: Rows,
        memory: Rows,
    ) -> Result<(Rows, CrossAttentionCache)> {
        let projected = Arc::new(self.memory(parameters, &memory)?);
        let (out, prepared, weights) = self.run(parameters, &queries, projected)?;
        Ok((out, CrossAttentionCache { queries, memory, prepared, weights }))
    }

    /// The alignment: α, how much each query reads of each step of its memory, `[N, Tq, Tm]` in the callers' steps; zeros
    /// where either has no step. Those of one query sum to 1. Errors are those of [`forward`](Self::forward).
    pub fn weights(&self, parameters: &Parameters, queries: &Rows, memory: &Rows) -> Result<Array3<f32>> {
        let projected = Arc::new(self.memory(parameters, memory)?);
        let (_, prepared, weights) = self.run(parameters, queries, projected)?;
        let times = |rows: &Rows, by: &BySequence| {
            let mut times = vec![0; rows.layout.rows()];
            rows.layout.for_each_row(|row, _, t| times[row] = t);
            by.rows().iter().map(|&row| times[row]).collect::<Vec<usize>>()
        };
        let query_times = times(queries, &prepared.query_steps);
        let memory_times = times(memory, &prepared.memory.steps);
        let (sequences, time) = (queries.layout.sequences(), queries.layout.time());
        let mut alignment = Array3::zeros((sequences, time, memory.layout.time()));
        for n in 0..sequences {
            let mut left = weights[prepared.weights[n]..].iter();
            for &query in &query_times[prepared.query_steps.range(n)] {
                for (&step, &weight) in memory_times[prepared.memory.steps.range(n)].iter().zip(&mut left) {
                    alignment[[n, query, step]] = weight;
                }
            }
        }
        Ok(alignment)
    }

    /// Adds to the gradients of the weights and returns those of queries and memory, where they are wanted. `d_out` is
    /// `[R_q, F_m]`.
    pub fn backward(
        &self,
        parameters: &mut Parameters,
        cache: CrossAttentionCache,
        d_out: Rows,
        wanted: [InputGradient; 2],
    ) -> Result<[Option<Rows>; 2]> {
        let CrossAttentionCache { queries, memory, prepared, weights } = cache;
        let (rows, features, width) = (queries.layout.rows(), self.config.memory, self.width);
        d_out.expect_like("the gradient of cross-attention's output", &queries.layout, features)?;
        queries.expect_shape("the queries that cross-attention's cache holds", rows, self.config.query)?;
        memory.expect_shape("the memory that its cache holds", memory.layout.rows(), features)?;
        self.expect(parameters)?;
        let d_out = prepared.query_steps.gather(&d_out.data, features);
        let mut d_queries = vec![0.0; prepared.queries.len()];
        let mut d_keys = vec![0.0; prepared.memory.keys().len()];
        let mut d_memory = vec![0.0; prepared.memory.rows.len()];
        let sequences = queries.layout.sequences();
        let mut d_context = vec![0.0; self.context.map_or(0, |_| sequences * width)];

        let mut left = (&mut d_queries[..], &mut d_keys[..], &mut d_memory[..], &mut d_context[..]);
        let tasks: Vec<_> = (0..sequences)
            .map(|n| {
                let (steps, memory_steps) = (prepared.query_steps.steps(n), prepared.memory.steps.steps(n));
                let gradients = SequenceGradients {
                    queries: take(&mut left.0, steps * width),
                    keys: take(&mut left.1, memory_steps * width),
                    memory: take(&mut left.2, memory_steps * features),
                    context: take(&mut left.3, self.context.map_or(0, |_| width)),
                };
                let at = prepared.query_steps.range(n);
                let d_out = &d_out[at.start * features..at.end * features];
                let weights = &weights[prepared.weights[n]..prepared.weights[n + 1]];
                (self.sequence(parameters, &prepared, n), weights, d_out, gradients)
            })
            .collect();
        self.for_each(&prepared, tasks, |(sequence, weights, d_out, gradients)| {
            sequence.backward(weights, d_out, gradients)
        })?;

        if let Some(id) = self.context {
            let sum = parameters.gradient_mut(id);
            for d in d_context.chunks_exact(width) {
                sum.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
        }
        let d_queries = prepared.query_steps.scatter(&d_queries, width);
        let d_keys = prepared.memory.steps.scatter(&d_keys, width);
        let mut d_memory = prepared.memory.steps.scatter(&d_memory, features);
        let [want_queries, want_memory] = wanted;
        let weights = [self.weight_query, self.bias];
        let d_queries = self.backward_projection(parameters, weights, &queries, d_queries, want_queries)?;
        let weights = [self.weight_memory, None];
        let d_from_keys = self.backward_projection(parameters, weights, &memory, d_keys, want_memory)?;
        let d_memory = match d_from_keys {
            None => None,
            Some(d) => {
                d_memory.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                Some(Rows::new(d_memory, features, memory.layout.clone())?)
            }
        };
        let queries_of = |d| Rows::new(d, self.config.query, queries.layout.clone());
        Ok([d_queries.map(queries_of).transpose()?, d_memory])
    }

    /// Out, what was prepared, and α.
    fn run(
        &self,
        parameters: &Parameters,
        queries: &Rows,
        memory: Arc<Memory>,
    ) -> Result<(Rows, Prepared, Vec<f32>)> {
        let prepared = self.prepare(parameters, queries, memory)?;
        let features = self.config.memory;
        let mut weights = vec![0.0; prepared.weights.last().copied().unwrap_or(0)];
        let mut out = vec![0.0; queries.layout.rows() * features];
        let (mut left, mut left_weights) = (&mut out[..], &mut weights[..]);
        let tasks: Vec<_> = (0..queries.layout.sequences())
            .map(|n| {
                let steps = prepared.query_steps.steps(n);
                let count = steps * prepared.memory.steps.steps(n);
                let to = (take(&mut left_weights, count), take(&mut left, steps * features));
                (self.sequence(parameters, &prepared, n), to)
            })
            .collect();
        self.for_each(&prepared, tasks, |(sequence, (weights, out))| {
            sequence.align(weights)?;
            sequence.read(weights, out)
        })?;
        let out = prepared.query_steps.scatter(&out, features);
        Ok((Rows::new(out, features, queries.layout.clone())?, prepared, weights))
    }

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        let (query, memory) = (self.width * self.config.query, self.width * self.config.memory);
        let ids = [
            (self.weight_query, query),
            (self.weight_memory, memory),
            (self.bias, self.width),
            (self.context, self.width),
        ];
        ids.into_iter().try_for_each(|(id, count)| id.map_or(Ok(()), |id| parameters.expect(id, count)))
    }

    /// The memory one sequence after the other, and its keys.
    fn memory(&self, parameters: &Parameters, memory: &Rows) -> Result<Memory> {
        self.expect(parameters)?;
        let features = self.config.memory;
        memory.expect_shape("the memory of cross-attention", memory.layout.rows(), features)?;
        let steps = BySequence::of(&memory.layout);
        let keys = match self.weight_memory {
            Some(weight) => {
                let keys = self.project(parameters, memory, weight, None)?;
                Some(steps.gather(&keys, self.width))
            }
            None => None,
        };
        let rows = steps.gather(&memory.data, features);
        Ok(Memory { steps, keys, rows, layout: memory.layout.clone() })
    }

    /// Rows in the width in which queries and memory meet, `[R, d]`.
    fn project(
        &self,
        parameters: &Parameters,
        rows: &Rows,
        weight: Id,
        bias: Option<Id>,
    ) -> Result<Vec<f32>> {
        let dims = LinearDims { rows: rows.layout.rows(), input: rows.features, output: self.width };
        let mut out = vec![0.0; dims.rows * dims.output];
        let bias = bias.map_or(&[][..], |bias| parameters.value(bias));
        linear::forward(self.path, dims, parameters.value(weight), bias, &rows.data, &mut out)?;
        Ok(out)
    }

    fn prepare(&self, parameters: &Parameters, queries: &Rows, memory: Arc<Memory>) -> Result<Prepared> {
        let config = &self.config;
        queries.expect_shape("the queries of cross-attention", queries.layout.rows(), config.query)?;
        let (found, sequences) = (memory.layout.sequences(), queries.layout.sequences());
        if found != sequences {
            return Err(Error::Shape {
                what: "the memory of cross-attention".into(),
                expected: format!("[{sequences}, T, {}], a sequence for each of the queries", config.memory),
                found: format!("[{found}, {}, {}]", memory.layout.time(), config.memory),
            });
        }
        let query_steps = BySequence::of(&queries.layout);
        let mut weights = vec![0];
        let mut end = 0_usize;
        for n in 0..sequences {
            let count = query_steps.steps(n).checked_mul(memory.steps.steps(n));
            end = count.and_then(|count| end.checked_add(count)).ok_or_else(|| {
                Error::Invalid("the alignment of these sequences fits no memory; shorten them".into())
            })?;
            weights.push(end);
        }
        let met = match self.weight_query {
            Some(weight) => self.project(parameters, queries, weight, self.bias)?,
            None => Vec::new(),
        };
        let met = if self.weight_query.is_some() { &met } else { &*queries.data };
        Ok(Prepared { queries: query_steps.gather(met, self.width), query_steps, memory, weights })
    }

    fn sequence<'a>(&self, parameters: &'a Parameters, prepared: &'a Prepared, n: usize) -> Sequence<'a> {
        let (queries, memory) = (prepared.query_steps.range(n), prepared.memory.steps.range(n));
        let (width, features) = (self.width, self.config.memory);
        Sequence {
            path: self.path,
            width,
            features,
            scale: if self.config.scaled { 1.0 / (width as f32).sqrt() } else { 1.0 },
            context: self.context.map(|id| parameters.value(id)),
            queries: &prepared.queries[queries.start * width..queries.end * width],
            keys: &prepared.memory.keys()[memory.start * width..memory.end * width],
            memory: &prepared.memory.rows[memory.start * features..memory.end * features],
        }
    }

    /// Does the tasks of all sequences, on all threads where there is enough to do.
    fn for_each<T: Send>(
        &self,
        prepared: &Prepared,
        tasks: Vec<T>,
        run: impl Fn(T) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        /// Multiply-adds that one thread has soon done.
        const FEW: usize = 1 << 17;
        let pairs = prepared.weights.last().copied().unwrap_or(0);
        if pairs.saturating_mul(self.width + self.config.memory) <= FEW {
            return tasks.into_iter().try_for_each(run);
        }
        tasks.into_par_iter().try_for_each(run)
    }

    /// The gradient of what was projected from that of the projection, `d`, where it is wanted; those of the weights are
    /// added to.
    fn backward_projection(
        &self,
        parameters: &mut Parameters,
        [weight, bias]: [Option<Id>; 2],
        x: &Rows,
        d: Vec<f32>,
        wanted: InputGradient,
    ) -> Result<Option<Vec<f32>>> {
        let Some(weight) = weight else {
            return Ok((wanted == InputGradient::Needed).then_some(d));
        };
        let dims = LinearDims { rows: x.layout.rows(), input: x.features, output: self.width };
        let [d_weight, d_bias] = parameters.gradients_of([Some(weight), bias])?;
        let (x_rows, d_rows) = (RowsRef::dense(&x.data, dims.input), RowsRef::dense(&d, self.width));
        linear::backward_weight(self.path, dims, x_rows, d_rows, d_weight, d_bias)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d_x = vec![0.0; dims.rows * dims.input];
        linear::backward_input(self.path, dims, parameters.value(weight), &d, &mut d_x)?;
        Ok(Some(d_x))
    }
}

/// The first `count` numbers of what is left.
fn take<'a>(left: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    let (first, rest) = std::mem::take(left).split_at_mut(count);
    *left = rest;
    first
}
