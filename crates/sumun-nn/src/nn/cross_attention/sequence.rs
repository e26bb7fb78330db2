//! Attention within one sequence: its queries over its memory, forward and backward.

use sumun_kernels::linear::{LinearDims, Packed, backward_weight};
use sumun_kernels::{InputGradient, Path, RowsMut, RowsRef, VectorFunction, activate, softmax};

use super::products::{add_weighted, add_weighted_turned, rows_by_rows};
use crate::Result;

/// The queries and the memory of one sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence<'a> {
    pub(super) path: Path,
    /// d.
    pub(super) width: usize,
    /// F_m.
    pub(super) features: usize,
    /// What dot products are multiplied by.
    pub(super) scale: f32,
    /// v, `[d]`, of the additive score.
    pub(super) context: Option<&'a [f32]>,
    /// `[Tq, d]`.
    pub(super) queries: &'a [f32],
    /// `[Tm, d]`.
    pub(super) keys: &'a [f32],
    /// `[Tm, F_m]`.
    pub(super) memory: &'a [f32],
}

/// Where its gradients go, zeros at first.
#[derive(Debug)]
pub(super) struct SequenceGradients<'a> {
    /// `[Tq, d]`.
    pub(super) queries: &'a mut [f32],
    /// `[Tm, d]`.
    pub(super) keys: &'a mut [f32],
    /// `[Tm, F_m]`.
    pub(super) memory: &'a mut [f32],
    /// `[d]`, empty where there is no v.
    pub(super) context: &'a mut [f32],
}

impl Sequence<'_> {
    /// Tm.
    fn steps(&self) -> usize {
        self.memory.len() / self.features
    }

    /// α, `[Tq, Tm]`.
    pub(super) fn align(&self, weights: &mut [f32]) -> Result<()> {
        let steps = self.steps();
        if steps == 0 {
            return Ok(());
        }
        match self.context {
            None => {
                rows_by_rows(self.path, self.width, self.queries, self.keys, weights)?;
                if self.scale != 1.0 {
                    weights.iter_mut().for_each(|score| *score *= self.scale);
                }
            }
            Some(context) => {
                let context = Packed::new(self.path, self.width, 1, context, InputGradient::Skip)?;
                let mut hidden = vec![0.0; self.keys.len()];
                let rows = self.queries.chunks_exact(self.width).zip(weights.chunks_exact_mut(steps));
                for (query, scores) in rows {
                    self.hidden(query, &mut hidden)?;
                    let to = RowsMut::dense(scores, 1);
                    context.forward(steps, &[], RowsRef::dense(&hidden, self.width), to)?;
                }
            }
        }
        for scores in weights.chunks_exact_mut(steps) {
            softmax::softmax(self.path, scores, 1.0)?;
        }
        Ok(())
    }

    /// Σ α m, `[Tq, F_m]`, added to `out`.
    pub(super) fn read(&self, weights: &[f32], out: &mut [f32]) -> Result<()> {
        add_weighted(self.path, self.features, weights, self.memory, out)
    }

    /// The gradients from that of the output, `[Tq, F_m]`.
    pub(super) fn backward(&self, weights: &[f32], d_out: &[f32], d: SequenceGradients<'_>) -> Result<()> {
        let steps = self.steps();
        if steps == 0 {
            return Ok(());
        }
        add_weighted_turned(self.path, self.features, weights, d_out, d.memory)?;
        // dα_j = d · m_j, and through the softmax ds_j = α_j (dα_j − Σ_k α_k dα_k).
        let mut d_scores = vec![0.0; weights.len()];
        rows_by_rows(self.path, self.features, d_out, self.memory, &mut d_scores)?;
        for (d, weights) in d_scores.chunks_exact_mut(steps).zip(weights.chunks_exact(steps)) {
            let mean: f32 = d.iter().zip(weights).map(|(d, weight)| weight * d).sum();
            d.iter_mut().zip(weights).for_each(|(d, weight)| *d = weight * (*d - mean) * self.scale);
        }
        match self.context {
            None => {
                add_weighted(self.path, self.width, &d_scores, self.keys, d.queries)?;
                add_weighted_turned(self.path, self.width, &d_scores, self.queries, d.keys)
            }
            Some(context) => self.backward_additive(context, &d_scores, d),
        }
    }

    /// d_u = ds v ⊙ (1 − u²) with u computed again: kept, it would take `[Tq, Tm, d]`.
    fn backward_additive(&self, context: &[f32], d_scores: &[f32], d: SequenceGradients<'_>) -> Result<()> {
        let (steps, width) = (self.steps(), self.width);
        let dims = LinearDims { rows: steps, input: width, output: 1 };
        let mut hidden = vec![0.0; self.keys.len()];
        let rows = self.queries.chunks_exact(width).zip(d_scores.chunks_exact(steps));
        for ((query, d_scores), d_query) in rows.zip(d.queries.chunks_exact_mut(width)) {
            self.hidden(query, &mut hidden)?;
            let (u, d_rows) = (RowsRef::dense(&hidden, width), RowsRef::dense(d_scores, 1));
            backward_weight(self.path, dims, u, d_rows, d.context, &mut [])?;
            let keys = d.keys.chunks_exact_mut(width).zip(hidden.chunks_exact(width));
            for ((d_key, u), d_score) in keys.zip(d_scores) {
                for (k, (d_key, u)) in d_key.iter_mut().zip(u).enumerate() {
                    let d_u = d_score * context[k] * (1.0 - u * u);
                    *d_key += d_u;
                    d_query[k] += d_u;
                }
            }
        }
        Ok(())
    }

    /// u = tanh(W_q q + b + W_m m_j) for every step j of the memory, `[Tm, d]`.
    fn hidden(&self, query: &[f32], hidden: &mut [f32]) -> Result<()> {
        for (hidden, key) in hidden.chunks_exact_mut(self.width).zip(self.keys.chunks_exact(self.width)) {
            hidden.iter_mut().zip(key).zip(query).for_each(|((u, key), query)| *u = query + key);
        }
        if self.path == Path::Reference {
            hidden.iter_mut().for_each(|u| *u = u.tanh());
            return Ok(());
        }
        Ok(activate(self.path, VectorFunction::Tanh, hidden)?)
    }
}
