//! Linear-chain conditional random field: the tags of a sequence are scored together (Lafferty, McCallum & Pereira, "Conditional
//! Random Fields", 2001; over a recurrent network, Lample et al., "Neural Architectures for Named Entity Recognition", 2016).
//! `docs/derivations/crf.md` has the equations.

mod exact;
mod rules;
mod scores;
mod spec;
mod sums;
#[cfg(test)]
mod tests;
mod viterbi;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sumun_kernels::Path;

use self::scores::{Ruled, Scores};
use super::by_sequence::BySequence;
use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use rules::TagRules;
pub use spec::CrfLayer;

/// What a [`Crf`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrfConfig {
    /// K: how many tags there are.
    pub tags: usize,
}

/// The weights of how tags follow each other, beside scores x of each tag at each step, the emissions:
///
/// ```text
/// score(y) = start[y₁] + Σₜ xₜ[yₜ] + Σₜ transitions[yₜ₋₁, yₜ] + end[y_T],    p(y) = exp(score(y)) / Z
/// ```
///
/// with Z the sum of exp(score) over all sequences of tags, or over those that [`TagRules`] allow.
///
/// `{prefix}.transitions` is `[K, K]` (from, to), `{prefix}.start` and `{prefix}.end` are `[K]`, all zeros at first: then each tag is
/// chosen by itself. As a layer it passes the emissions on as they are; [`loss_and_gradient`](Self::loss_and_gradient) is what it
/// learns from, [`decode`](Self::decode) gives tags and [`marginals`](Self::marginals) their probabilities. Whatever a sequence comes
/// to depends on that sequence alone, to the bit.
///
/// Not for tags that say nothing of each other: there a cross-entropy of each step is the same and faster.
#[derive(Debug, Clone)]
pub struct Crf {
    config: CrfConfig,
    transitions: Id,
    start: Id,
    end: Id,
    path: Path,
}

/// The target of a step whose tag is none of the K. The loss leaves out its whole sequence.
pub const UNKNOWN_TAG: u32 = u32::MAX;

/// What [`Crf::loss_and_gradient`] returns.
#[derive(Debug, Clone)]
pub struct CrfGradients {
    /// The mean of −ln p(y) over the steps of the sequences that count.
    pub loss: f64,
    /// How many steps these have: what the mean divides by.
    pub weight: f64,
    /// The gradient of the emissions, `[R, K]`.
    pub d_emissions: Rows,
}

impl Crf {
    /// Adds the weights to `parameters`. Error: no tags.
    pub fn new(config: CrfConfig, parameters: &mut Parameters, prefix: &str) -> Result<Self> {
        let k = config.tags;
        if k == 0 {
            return Err(Error::Invalid("a conditional random field over 0 tags; it needs at least 1".into()));
        }
        let mut add = |name: &str, shape: &[usize]| {
            parameters.add_drawn(format!("{prefix}.{name}"), shape, || Ok(vec![0.0; shape.iter().product()]))
        };
        let transitions = add("transitions", &[k, k])?;
        let (start, end) = (add("start", &[k])?, add("end", &[k])?);
        Ok(Self { config, transitions, start, end, path: Path::best() })
    }

    /// What it is made of.
    pub fn config(&self) -> &CrfConfig {
        &self.config
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// The handle of the weights of pairs of tags, `[from, to]`.
    pub fn transitions(&self) -> Id {
        self.transitions
    }

    /// The handle of the weights of first tags.
    pub fn start(&self) -> Id {
        self.start
    }

    /// The handle of the weights of last tags.
    pub fn end(&self) -> Id {
        self.end
    }

    /// The mean of −ln p(y) over the steps of all sequences that count, and how many steps these have. `targets`, `[R]`, has the tag
    /// of each row, [`UNKNOWN_TAG`] where it is none of the K.
    ///
    /// A sequence with an unknown tag does not count, nor does one that the rules forbid; where none does, the loss is 0. Dividing by
    /// steps and not by sequences keeps the size of gradients, and so what a learning rate means, that of a cross-entropy of each step.
    /// Emissions that are not finite make a loss that is not.
    ///
    /// # Errors
    /// Emissions or rules for another number of tags, another number of targets, a target that is neither a tag nor unknown.
    pub fn loss(
        &self,
        parameters: &Parameters,
        emissions: &Rows,
        targets: &[u32],
        rules: Option<&TagRules>,
    ) -> Result<(f64, f64)> {
        let scores = self.scores(parameters, emissions, rules)?;
        let gold = Gold::of(scores, emissions, targets, rules)?;
        let sums = sums::sums(scores, rules, self.path, emissions, &gold.counts, false)?;
        Ok((gold.loss(&sums.log_sums), gold.weight))
    }

    /// As [`loss`](Self::loss), with its gradient: that of the emissions is returned, those of the weights are added to.
    pub fn loss_and_gradient(
        &self,
        parameters: &mut Parameters,
        emissions: &Rows,
        targets: &[u32],
        rules: Option<&TagRules>,
    ) -> Result<CrfGradients> {
        let (k, layout) = (self.config.tags, &emissions.layout);
        let scores = self.scores(parameters, emissions, rules)?;
        let gold = Gold::of(scores, emissions, targets, rules)?;
        let sums = sums::sums(scores, rules, self.path, emissions, &gold.counts, true)?;
        let loss = gold.loss(&sums.log_sums);
        let share = if gold.weight == 0.0 { 0.0 } else { (1.0 / gold.weight) as f32 };
        let [d_transitions, d_start, d_end] =
            parameters.gradients_of([Some(self.transitions), Some(self.start), Some(self.end)])?;

        // What is expected less what there is.
        let mut pairs = sums.pairs;
        let mut d = sums.tags;
        for (rank, &length) in layout.lengths().iter().enumerate().filter(|&(rank, _)| gold.counts[rank]) {
            let row = |t: usize| layout.steps().offset(t) + rank;
            for t in 0..length {
                let tag = targets[row(t)] as usize;
                d[row(t) * k + tag] -= 1.0;
                if t > 0 {
                    pairs[targets[row(t - 1)] as usize * k + tag] -= 1.0;
                }
            }
            let ends = [(0, &mut *d_start), (length - 1, &mut *d_end)];
            for (t, sums) in ends {
                let d = &d[row(t) * k..][..k];
                sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d * share);
            }
        }
        d_transitions.iter_mut().zip(&pairs).for_each(|(sum, d)| *sum += d * share);
        d.iter_mut().for_each(|d| *d *= share);
        let d_emissions = Rows::new(d, k, layout.clone())?;
        Ok(CrfGradients { loss, weight: gold.weight, d_emissions })
    }

    /// The probability of each tag at each step given the whole sequence, `[R, K]`; each row sums to 1. A sequence for which the rules
    /// leave no tags at all is computed without them. Errors are those of [`decode`](Self::decode).
    pub fn marginals(
        &self,
        parameters: &Parameters,
        emissions: &Rows,
        rules: Option<&TagRules>,
    ) -> Result<Rows> {
        let scores = self.scores(parameters, emissions, rules)?;
        let ranks = emissions.layout.sequences();
        let mut found = sums::sums(scores, rules, self.path, emissions, &vec![true; ranks], false)?;
        let forbidden: Vec<bool> = found.log_sums.iter().map(|sum| *sum == f64::NEG_INFINITY).collect();
        if rules.is_some() && forbidden.contains(&true) {
            let (k, layout) = (self.config.tags, &emissions.layout);
            let free = sums::sums(scores, None, self.path, emissions, &forbidden, false)?;
            for (rank, &length) in layout.lengths().iter().enumerate().filter(|&(rank, _)| forbidden[rank]) {
                for at in (0..length).map(|t| (layout.steps().offset(t) + rank) * k) {
                    found.tags[at..at + k].copy_from_slice(&free.tags[at..at + k]);
                }
            }
        }
        Rows::new(found.tags, self.config.tags, emissions.layout.clone())
    }

    /// The tag of each row, `[R]`, in the sequence of tags with the highest score (Viterbi), of equals that with the lower tag where
    /// they differ last; one that the rules forbid only where they leave none. Errors: emissions or rules for another number of tags,
    /// weights of other parameters.
    pub fn decode(
        &self,
        parameters: &Parameters,
        emissions: &Rows,
        rules: Option<&TagRules>,
    ) -> Result<Vec<u32>> {
        let scores = self.scores(parameters, emissions, rules)?;
        let (k, by, ruled) = (self.config.tags, BySequence::of(&emissions.layout), Ruled::of(scores, rules));
        let best = |n: usize| {
            let rows = &by.rows()[by.range(n)];
            let steps: Vec<&[f32]> =
                rows.iter().map(|&row| &emissions.data[row * k..(row + 1) * k]).collect();
            viterbi::best(scores, &ruled, &steps)
        };
        let sequences = 0..emissions.layout.sequences();
        let all: Vec<Vec<u32>> = sequences.into_par_iter().map(best).collect();
        let mut tags = vec![0; emissions.layout.rows()];
        for (&row, tag) in by.rows().iter().zip(all.into_iter().flatten()) {
            tags[row] = tag;
        }
        Ok(tags)
    }

    /// The weights, if they and the rules fit the emissions.
    fn scores<'a>(
        &self,
        parameters: &'a Parameters,
        emissions: &Rows,
        rules: Option<&TagRules>,
    ) -> Result<Scores<'a>> {
        let k = self.config.tags;
        emissions.expect_shape("the emissions of a conditional random field", emissions.layout.rows(), k)?;
        for (id, count) in [(self.transitions, k * k), (self.start, k), (self.end, k)] {
            parameters.expect(id, count)?;
        }
        if let Some(rules) = rules.filter(|rules| rules.tags() != k) {
            return Err(Error::Shape {
                what: "the rules for the tags of a conditional random field".into(),
                expected: format!("{k} tags"),
                found: rules.tags().to_string(),
            });
        }
        let [transitions, start, end] =
            [self.transitions, self.start, self.end].map(|id| parameters.value(id));
        Ok(Scores { tags: k, transitions, start, end })
    }
}

/// The tags that there are.
struct Gold {
    /// The score of the sequence of each rank.
    scores: Vec<f64>,
    /// Whether it counts.
    counts: Vec<bool>,
    /// How many steps count.
    weight: f64,
}

impl Gold {
    fn of(scores: Scores<'_>, emissions: &Rows, targets: &[u32], rules: Option<&TagRules>) -> Result<Self> {
        let (k, layout) = (scores.tags, &emissions.layout);
        if targets.len() != layout.rows() {
            return Err(Error::Shape {
                what: "the targets of a conditional random field".into(),
                expected: format!("{} tags", layout.rows()),
                found: targets.len().to_string(),
            });
        }
        let strange = |&(_, &tag): &(usize, &u32)| tag as usize >= k && tag != UNKNOWN_TAG;
        if let Some((row, tag)) = targets.iter().enumerate().find(strange) {
            return Err(Error::Invalid(format!(
                "tag {tag} in row {row} is not below the number of tags, {k}"
            )));
        }
        let mut gold = Self { scores: Vec::new(), counts: Vec::new(), weight: 0.0 };
        for (rank, &length) in layout.lengths().iter().enumerate() {
            let rows: Vec<usize> = (0..length).map(|t| layout.steps().offset(t) + rank).collect();
            let tags: Vec<u32> = rows.iter().map(|&row| targets[row]).collect();
            let counts =
                length > 0 && !tags.contains(&UNKNOWN_TAG) && rules.is_none_or(|rules| rules.allow(&tags));
            let mut score = 0.0;
            if let (true, Some(&first), Some(&last)) = (counts, tags.first(), tags.last()) {
                let of = |weights: &[f32], place: usize| f64::from(weights[place]);
                let here =
                    rows.iter().zip(&tags).map(|(row, &tag)| of(&emissions.data, row * k + tag as usize));
                let next = tags.windows(2).map(|pair| pair[0] as usize * k + pair[1] as usize);
                score = of(scores.start, first as usize)
                    + here.sum::<f64>()
                    + next.map(|pair| of(scores.transitions, pair)).sum::<f64>()
                    + of(scores.end, last as usize);
                gold.weight += length as f64;
            }
            gold.scores.push(score);
            gold.counts.push(counts);
        }
        Ok(gold)
    }

    /// The mean over the steps that count.
    fn loss(&self, log_sums: &[f64]) -> f64 {
        if self.weight == 0.0 {
            return 0.0;
        }
        let each = log_sums.iter().zip(&self.scores).zip(&self.counts);
        each.filter(|(_, counts)| **counts).map(|((sum, score), _)| sum - score).sum::<f64>() / self.weight
    }
}

impl Layer for Crf {
    type Cache = ();

    crate::layer::computes_on_its_path!();

    /// The emissions as they are.
    fn forward(&self, _parameters: &Parameters, x: Rows) -> Result<Rows> {
        x.expect_shape("the input of a conditional random field", x.layout.rows(), self.config.tags)?;
        Ok(x)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, ())> {
        Ok((self.forward(parameters, x)?, ()))
    }

    fn backward(
        &self,
        _parameters: &mut Parameters,
        _cache: (),
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let rows = d_out.layout.rows();
        d_out.expect_shape("the gradient of a conditional random field's output", rows, self.config.tags)?;
        Ok((wanted == InputGradient::Needed).then_some(d_out))
    }
}
