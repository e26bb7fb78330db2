//! Which candidates' forecasts are averaged.

use super::outcome::Candidate;
use super::trials::{Contest, Contestant};
use crate::Result;
use crate::settings::Switch;
use crate::train::Objective;

/// The candidates whose forecasts are averaged, and what their mean comes to.
pub(super) struct Mean {
    /// Places in the list of candidates, the best first.
    pub(super) members: Vec<usize>,
    /// The validation score of the mean of several.
    pub(super) score: Option<f64>,
}

/// How far behind the best a candidate may be to be averaged with it, as a ratio of validation scores. One further behind
/// lowers the validation score of the mean as well, but less the test part's: with all three on the hourly electricity demand
/// (.486, .565, .571) the test MASE is .58, with the first alone .50, while on eight hourly series of transformer loads the
/// mean of near ones is 5 % better than the best of them.
const NEAR: f64 = 1.15;

/// The candidates to average: of the best alone, the mean of the best two and so on, the one with the lowest validation score,
/// as long as they are near the best; or all of them where the settings say so.
pub(super) fn mean(
    contest: &impl Contest,
    candidates: &[Candidate],
    best: usize,
    weights: &[Vec<f32>],
) -> Result<Mean> {
    let alone = Mean { members: vec![best], score: None };
    let average = contest.average();
    let Some(mut lowest) = candidates[best].valid_score.filter(|_| average != Switch::Off) else {
        return Ok(alone);
    };
    let score = |index: &usize| candidates[*index].valid_score.unwrap_or(f64::INFINITY);
    let near = |index: &usize| !candidates[*index].given_up && score(index) <= lowest * NEAR;
    let mut ranked: Vec<usize> = (0..candidates.len()).collect();
    ranked.retain(|index| average == Switch::On || near(index));
    if ranked.len() < 2 {
        return Ok(alone);
    }
    // Of two alike, the first.
    ranked.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let mut sum: Vec<f64> = Vec::new();
    let mut chosen = alone;
    for (k, &index) in ranked.iter().enumerate() {
        let mut fitting = contest.fitting(index, candidates)?;
        fitting.parameters_mut().values_mut().copy_from_slice(&weights[index]);
        let forecasts = fitting.valid_forecasts()?.unwrap_or_default();
        sum.resize(forecasts.len(), 0.0);
        sum.iter_mut().zip(&forecasts).for_each(|(sum, value)| *sum += value);
        let mean: Vec<f64> = sum.iter().map(|sum| sum / (k + 1) as f64).collect();
        let Some(of_mean) = fitting.valid_score(&mean).filter(|_| k > 0) else { continue };
        if of_mean < lowest || average == Switch::On {
            (lowest, chosen) = (of_mean, Mean { members: ranked[..=k].to_vec(), score: Some(of_mean) });
        }
    }
    Ok(chosen)
}
