//! Which networks' forecasts are averaged.

use super::outcome::Candidate;
use super::trials::{Contest, Contestant};
use crate::Result;
use crate::settings::Switch;
use crate::train::Objective;

/// The networks whose forecasts are averaged, and what the candidates come to.
pub(super) struct Mean {
    /// Places in the list of networks: all seeds of the best candidate first, then those of the next.
    pub(super) members: Vec<usize>,
    /// The candidates in the order in which they were decided on, each with the validation score of the mean of its seeds.
    pub(super) scores: Vec<Option<f64>>,
    /// The validation score of the mean of several candidates.
    pub(super) score: Option<f64>,
}

/// How far behind the best a candidate may be to be averaged with it, as a ratio of validation scores. One further behind
/// lowers the validation score of the mean as well, but less the test part's: with all three on the hourly electricity demand
/// (.486, .565, .571) the test MASE is .58, with the first alone .50, while on eight hourly series of transformer loads the
/// mean of near ones is 5 % better than the best of them.
const NEAR: f64 = 1.15;

/// The candidates that may be averaged: those near the best, all of them where the settings say so, or the best alone.
pub(super) fn near(candidates: &[Candidate], average: Switch) -> Vec<usize> {
    let scores: Vec<f64> = candidates.iter().map(|one| one.valid_score.unwrap_or(f64::INFINITY)).collect();
    near_scores(&scores, |index| candidates[index].given_up, average)
}

fn near_scores(scores: &[f64], given_up: impl Fn(usize) -> bool, average: Switch) -> Vec<usize> {
    // Of two alike, the first.
    let best = (0..scores.len()).min_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
    let is_near = |index: usize| !given_up(index) && scores[index] <= scores[best] * NEAR;
    (0..scores.len())
        .filter(|&index| match average {
            Switch::On => true,
            Switch::Off => index == best,
            Switch::Auto => index == best || is_near(index),
        })
        .collect()
}

/// A candidate with all seeds that it was trained from.
struct Group {
    members: Vec<usize>,
    /// The sums of its networks' forecasts, and the score of their mean.
    sum: Vec<f64>,
    score: f64,
}

/// The networks to average: of all seeds of the best candidate, the mean of those of the best two and so on, those with the lowest
/// validation score, as long as the candidates are near the best; or all of them where the settings say so.
pub(super) fn mean(
    contest: &impl Contest,
    candidates: &[Candidate],
    best: usize,
    weights: &[Vec<f32>],
) -> Result<Mean> {
    let average = contest.average();
    let kinds: Vec<usize> =
        (0..candidates.len()).map(|index| contest.kind(index, &candidates[..index])).collect();
    let count = kinds.iter().max().map_or(0, |last| last + 1);
    let seeds_of =
        |kind: usize| -> Vec<usize> { (0..kinds.len()).filter(|&index| kinds[index] == kind).collect() };
    if candidates[best].valid_score.is_none() {
        // Without a validation part nothing compares them.
        return Ok(Mean { members: seeds_of(kinds[best]), scores: vec![None; count], score: None });
    }
    if kinds.len() == count
        && let [alone] = near(candidates, average)[..]
    {
        // One seed each and one candidate near the best: there is nothing to average.
        let scores = candidates.iter().map(|one| Some(one.valid_score.unwrap_or(f64::INFINITY)));
        return Ok(Mean { members: vec![alone], scores: scores.collect(), score: None });
    }
    let forecasts = |index: usize| -> Result<Vec<f64>> {
        let mut fitting = contest.fitting(index, &candidates[..index])?;
        fitting.parameters_mut().values_mut().copy_from_slice(&weights[index]);
        Ok(fitting.valid_forecasts()?.unwrap_or_default())
    };
    let judge = contest.fitting(best, &candidates[..best])?;
    let score_of = |sum: &[f64], networks: usize| {
        let mean: Vec<f64> = sum.iter().map(|sum| sum / networks as f64).collect();
        judge.valid_score(&mean).unwrap_or(f64::INFINITY)
    };
    let mut groups = Vec::new();
    for kind in 0..count {
        let members = seeds_of(kind);
        let mut group =
            Group { sum: Vec::new(), score: candidates[kind].valid_score.unwrap_or(f64::INFINITY), members };
        // The weights of one that was given up are those of its last step.
        if !candidates[kind].given_up {
            for &index in &group.members {
                add(&mut group.sum, &forecasts(index)?);
            }
            if group.members.len() > 1 {
                group.score = score_of(&group.sum, group.members.len());
            }
        }
        groups.push(group);
    }
    let scores: Vec<f64> = groups.iter().map(|group| group.score).collect();
    let mut ranked = near_scores(&scores, |kind| candidates[kind].given_up, average);
    ranked.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut sum: Vec<f64> = Vec::new();
    let (mut so_far, mut lowest, mut found) = (Vec::new(), f64::INFINITY, (Vec::new(), None));
    for (k, &kind) in ranked.iter().enumerate() {
        add(&mut sum, &groups[kind].sum);
        so_far.extend(&groups[kind].members);
        let score = if k == 0 { scores[kind] } else { score_of(&sum, so_far.len()) };
        if k == 0 || score < lowest || average == Switch::On {
            (lowest, found) = (score, (so_far.clone(), (k > 0).then_some(score)));
        }
    }
    let (members, score) = found;
    Ok(Mean { members, scores: scores.into_iter().map(Some).collect(), score })
}

fn add(sum: &mut Vec<f64>, values: &[f64]) {
    sum.resize(values.len(), 0.0);
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}
