//! Sums over all tags of all sequences of a batch at once: forward–backward with scaled probabilities (Rabiner 1989), a product of
//! matrices a step.
//!
//! A number that is too small for single precision becomes 0. Where that, or anything else, makes the sum from the front differ from
//! the sum from the back, the sequence is computed anew in log space ([`exact`]).

use rayon::prelude::*;
use sumun_kernels::linear::{LinearDims, Packed, backward_weight};
use sumun_kernels::{InputGradient, Path, RowsMut, RowsRef, softmax};

use super::exact::exact;
use super::rules::TagRules;
use super::scores::Scores;
use crate::layout::expect_memory;
use crate::{Layout, Result, Rows};

/// Numbers that one thread has soon done.
const FEW: usize = 1 << 14;

/// How far the sum from the front may be from that from the back, relative to it.
const AGREE: f32 = 1e-3;

/// What sums over the tags of a batch come to.
pub(super) struct Sums {
    /// ln Z of the sequence of each rank; 0 of one without steps.
    pub(super) log_sums: Vec<f64>,
    /// The probability of each tag, `[R, K]`.
    pub(super) tags: Vec<f32>,
    /// How often each tag is expected behind each, in all sequences that count, `[from, to]`; empty where it was not asked for.
    pub(super) pairs: Vec<f32>,
}

/// The weights as factors: e to their power, the largest of a kind 1, and 0 where the rules forbid.
struct Factors {
    packed: Packed,
    transitions: Vec<f32>,
    start: Vec<f32>,
    end: Vec<f32>,
    /// What the transitions, `start` and `end` are divided by, as logarithms.
    shifts: [f64; 3],
}

impl Factors {
    fn of(scores: Scores<'_>, rules: Option<&TagRules>, path: Path) -> Result<Self> {
        let raised = |weights: &[f32], may: Option<&[bool]>| {
            let may = |place: usize| may.is_none_or(|may| may[place]);
            let allowed = weights.iter().enumerate().filter(|&(place, _)| may(place));
            let largest = allowed.map(|(_, &weight)| weight).fold(f32::NEG_INFINITY, f32::max);
            let factor =
                |(place, &weight): (usize, &f32)| if may(place) { (weight - largest).exp() } else { 0.0 };
            let factors: Vec<f32> = weights.iter().enumerate().map(factor).collect();
            (factors, f64::from(if largest.is_finite() { largest } else { 0.0 }))
        };
        let (transitions, shift) = raised(scores.transitions, rules.map(TagRules::next));
        let (start, start_shift) = raised(scores.start, rules.map(TagRules::first));
        let (end, end_shift) = raised(scores.end, rules.map(TagRules::last));
        let packed = Packed::new(path, scores.tags, scores.tags, &transitions, InputGradient::Needed)?;
        Ok(Self { packed, transitions, start, end, shifts: [shift, start_shift, end_shift] })
    }
}

/// Sums of a batch. `counts` says of each rank whether it counts; the others have zeros for probabilities, and 0 for ln Z. Errors:
/// more numbers than there is memory for.
pub(super) fn sums(
    scores: Scores<'_>,
    rules: Option<&TagRules>,
    path: Path,
    emissions: &Rows,
    counts: &[bool],
    with_pairs: bool,
) -> Result<Sums> {
    let (k, layout) = (scores.tags, &*emissions.layout);
    let (rows, steps) = (layout.rows(), layout.steps());
    expect_memory(rows, 4 * k)?;
    let factors = Factors::of(scores, rules, path)?;
    let place = |t: usize| steps.offset(t) * k;

    // Shares of e to the emissions' power, and the logarithms of what they are divided by.
    let mut shares = emissions.data.to_vec();
    let mut logs = vec![0.0; rows];
    let each = (FEW / k).max(1);
    shares.par_chunks_mut(each * k).zip(logs.par_chunks_mut(each)).try_for_each(|(rows, logs)| {
        rows.chunks_exact_mut(k).zip(logs).try_for_each(|(row, log)| {
            *log = softmax::softmax(path, row, 1.0)?;
            Ok::<(), sumun_kernels::Error>(())
        })
    })?;

    // From the front: α, scaled to sum to 1, and what each row was divided by.
    let mut front = vec![0.0_f32; rows * k];
    let mut scales = vec![0.0_f32; rows];
    for t in 0..steps.len() {
        let (from, to, count) = (place(t), place(t) + steps.batch_size(t) * k, steps.batch_size(t));
        let (done, now) = front.split_at_mut(from);
        let now = &mut now[..count * k];
        match t.checked_sub(1) {
            None => now.chunks_exact_mut(k).for_each(|row| row.copy_from_slice(&factors.start)),
            Some(before) => {
                let before = RowsRef::dense(&done[place(before)..][..count * k], k);
                factors.packed.backward_input(count, before, RowsMut::dense(now, k))?;
            }
        }
        let first = steps.offset(t);
        let shares = shares[from..to].chunks_exact(k);
        for ((row, share), scale) in now.chunks_exact_mut(k).zip(shares).zip(&mut scales[first..]) {
            row.iter_mut().zip(share).for_each(|(v, share)| *v *= share);
            *scale = sum(row, row, |v, _| v);
            let by = 1.0 / *scale;
            row.iter_mut().for_each(|v| *v *= by);
        }
    }

    // What is left of each sequence at its end, and its ln Z.
    let ranks = counts.len();
    let mut log_sums = vec![0.0; ranks];
    let mut ends = vec![1.0_f32; ranks];
    for (rank, &length) in layout.lengths().iter().enumerate() {
        let Some(last) = length.checked_sub(1) else { continue };
        let row = |t: usize| steps.offset(t) + rank;
        ends[rank] = sum(&front[row(last) * k..][..k], &factors.end, |a, b| a * b);
        let [shift, start, end] = factors.shifts;
        let within: f64 = (0..length).map(|t| logs[row(t)] + f64::from(scales[row(t)]).ln()).sum();
        log_sums[rank] = within + start + end + last as f64 * shift + f64::from(ends[rank]).ln();
    }

    // From the back: β, scaled so that Σ α β is 1 at every step, and with it the probabilities. The shares become what pairs are made
    // of beside α: shares ⊙ β, divided as their row was.
    let mut tags = vec![0.0_f32; rows * k];
    let mut drifts = vec![1.0_f32; ranks];
    for t in (0..steps.len()).rev() {
        let (first, count) = (steps.offset(t), steps.batch_size(t));
        let later = if t + 1 < steps.len() { steps.batch_size(t + 1) } else { 0 };
        if later > 0 {
            let after = RowsRef::dense(&shares[place(t + 1)..][..later * k], k);
            factors.packed.forward(
                later,
                &[],
                after,
                RowsMut::dense(&mut tags[first * k..][..later * k], k),
            )?;
        }
        for rank in 0..count {
            let at = (first + rank) * k;
            let (back, front, share) = (&mut tags[at..at + k], &front[at..at + k], &mut shares[at..at + k]);
            if rank >= later {
                back.iter_mut().zip(&factors.end).for_each(|(v, factor)| *v = factor / ends[rank]);
            }
            let total = sum(back, front, |back, front| back * front);
            drifts[rank] *= total;
            let (by, scale) = (1.0 / total, 1.0 / (total * scales[first + rank]));
            for ((share, back), front) in share.iter_mut().zip(back).zip(front) {
                *share *= *back * scale;
                *back *= front * by;
            }
        }
    }

    let mut exact_pairs = Vec::new();
    for (rank, &length) in layout.lengths().iter().enumerate() {
        let agrees = (drifts[rank] - 1.0).abs() <= AGREE && log_sums[rank].is_finite();
        if length == 0 || counts[rank] && agrees {
            continue;
        }
        let row = |t: usize| (steps.offset(t) + rank) * k;
        for at in (0..length).map(row) {
            for all in [&mut front, &mut shares, &mut tags] {
                all[at..at + k].fill(0.0);
            }
        }
        log_sums[rank] = 0.0;
        if counts[rank] {
            let scored: Vec<&[f32]> = (0..length).map(|t| &emissions.data[row(t)..][..k]).collect();
            if with_pairs {
                exact_pairs.resize(k * k, 0.0);
            }
            let found = exact(scores, rules, &scored, with_pairs.then_some(&mut exact_pairs));
            log_sums[rank] = found.log_sum;
            for (t, found) in found.tags.chunks_exact(k).enumerate() {
                tags[row(t)..][..k].iter_mut().zip(found).for_each(|(to, &v)| *to = v as f32);
            }
        }
    }
    let pairs = match with_pairs {
        true => pairs(&factors, path, layout, &front, &shares, &exact_pairs)?,
        false => Vec::new(),
    };
    Ok(Sums { log_sums, tags, pairs })
}

/// How often each tag is expected behind each: Σ α ⊗ (what `shares` became), times the factors of the transitions.
fn pairs(
    factors: &Factors,
    path: Path,
    layout: &Layout,
    front: &[f32],
    shares: &[f32],
    exact: &[f64],
) -> Result<Vec<f32>> {
    let (k, steps) = (factors.start.len(), layout.steps());
    let mut pairs = vec![0.0; k * k];
    if steps.len() > 1 {
        let second = steps.offset(1);
        let rows = layout.rows() - second;
        let mut before = Vec::with_capacity(rows * k);
        for t in 1..steps.len() {
            before.extend_from_slice(&front[steps.offset(t - 1) * k..][..steps.batch_size(t) * k]);
        }
        let (from, to) = (RowsRef::dense(&before, k), RowsRef::dense(&shares[second * k..], k));
        backward_weight(path, LinearDims { rows, input: k, output: k }, to, from, &mut pairs, &mut [])?;
        pairs.iter_mut().zip(&factors.transitions).for_each(|(pair, factor)| *pair *= factor);
    }
    pairs.iter_mut().zip(exact).for_each(|(pair, &exact)| *pair += exact as f32);
    Ok(pairs)
}

/// Σ term(aₖ, bₖ) in eight chains by turns, in an order that depends on nothing but the length.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    const CHAINS: usize = 8;
    let mut sums = [0.0; CHAINS];
    let (a, a_rest) = a.as_chunks::<CHAINS>();
    let (b, b_rest) = b.as_chunks::<CHAINS>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a, b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    sums.iter().sum::<f32>() + rest
}
