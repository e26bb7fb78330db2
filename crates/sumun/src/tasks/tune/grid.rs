//! Every combination of some values, each from several seeds, and what each came to.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Value;

use super::trial::TuneTrial;
use crate::inspect::Memory;
use crate::message::key;
use crate::report::text::number;
use crate::settings::{Range, Setting};
use crate::{Error, Result};

/// The key of the setting that the seeds of a combination differ in.
const SEED: &str = "train.seed";

/// What the trials of a combination came to that were trained to the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Combination {
    /// The values that it has of the settings that differ.
    pub settings: BTreeMap<String, Value>,
    /// How many of its trials were trained to the end.
    pub trials: usize,
    /// The mean over them of the validation figure.
    pub mean: f64,
    /// Its least and greatest value.
    pub spread: [f64; 2],
    /// The mean of what trials are compared by, the lower the better.
    pub score: f64,
    /// Seconds an epoch, with what it takes to begin and end a training.
    pub seconds_per_epoch: f64,
    /// How many numbers the model learns; None where the search is one of an earlier version.
    pub parameters: Option<usize>,
    /// The [memory horizon](Memory::horizon) in the validation part, in steps, the mean over its trials; None where one of them has
    /// none: of networks that read from both ends, pool or attend, of tasks that are not looked into, and in searches of an earlier
    /// version.
    pub memory_horizon: Option<f64>,
    /// Whether that is as far as records reach in one of its trials or more, so that it is that much at least.
    pub memory_open: bool,
    /// The gradient by lag, [as a share of the largest](Memory::by_lag), the mean over its trials; empty where there is no horizon.
    pub gradient_by_lag: Vec<f64>,
}

impl Combination {
    /// The memory horizon as a reader is shown it: with ≥ where longer records might show a longer one, `none` where there is
    /// none.
    pub fn horizon(&self, none: &str) -> String {
        let open = if self.memory_open { "≥ " } else { "" };
        self.memory_horizon.map_or_else(|| none.to_owned(), |steps| format!("{open}{}", number(steps)))
    }
}

/// The values of each setting. Error: a range of numbers, which has no end of them.
fn values<'a>(searched: &'a [(Setting, Range)]) -> Result<Vec<(&'a Setting, &'a [String])>> {
    let of = |row: &'a Setting, range: &'a Range| match range {
        Range::OneOf(values) => Ok((row, values.as_slice())),
        other => Err(Error::Settings(
            key(row.name)
                + format!(" varies over {other}, but a grid has values; write some, such as 8,16,32"),
        )),
    };
    searched.iter().map(|(row, range)| of(row, range)).collect()
}

/// How many combinations there are. Error: ranges that are no lists of values.
pub(super) fn combinations(searched: &[(Setting, Range)]) -> Result<usize> {
    let counts = values(searched)?;
    Ok(counts.iter().fold(1_usize, |all, (_, values)| all.saturating_mul(values.len())))
}

/// What a trial, counted from 1, has of each setting: the seeds of a combination come one after the other, and the values of the last
/// setting change first.
pub(super) fn settings(
    searched: &[(Setting, Range)],
    trial: usize,
    seeds: usize,
    first_seed: u64,
) -> BTreeMap<String, Value> {
    let mut place = trial - 1;
    let seed = first_seed.saturating_add((place % seeds) as u64);
    place /= seeds;
    let mut all = BTreeMap::new();
    for (row, values) in values(searched).unwrap_or_default().into_iter().rev() {
        let written = &values[place % values.len()];
        all.insert(row.key(), row.kind.typed(written).unwrap_or_else(|_| written.clone().into()));
        place /= values.len();
    }
    if seeds > 1 {
        all.insert(SEED.into(), Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX)));
    }
    all
}

/// What each combination came to, the best first; those of which no trial was trained to the end have none.
pub(super) fn compared(trials: &[TuneTrial]) -> Vec<Combination> {
    let mut groups: Vec<(BTreeMap<String, Value>, Vec<&TuneTrial>)> = Vec::new();
    for one in trials.iter().filter(|one| one.ended && one.problem.is_none()) {
        let mut settings = one.settings.clone();
        settings.remove(SEED);
        match groups.iter_mut().find(|(of, _)| *of == settings) {
            Some((_, group)) => group.push(one),
            None => groups.push((settings, vec![one])),
        }
    }
    let of = |(settings, group): (BTreeMap<String, Value>, Vec<&TuneTrial>)| {
        let last: Vec<_> = group.iter().filter_map(|one| one.last()).collect();
        let mean = |each: &dyn Fn(usize) -> f64| (0..last.len()).map(each).sum::<f64>() / last.len() as f64;
        let epochs: usize = last.iter().map(|last| last.epochs).sum();
        let seconds: f64 = group.iter().map(|one| one.seconds).sum();
        // Some of them would not be their mean.
        let memories: Vec<&Memory> =
            group.iter().map(|one| one.memory.as_ref()).collect::<Option<_>>().unwrap_or_default();
        let lags = memories.iter().map(|memory| memory.by_lag.len()).min().unwrap_or(0);
        let over = |of: &dyn Fn(&Memory) -> f64| {
            memories.iter().map(|memory| of(memory)).sum::<f64>() / memories.len() as f64
        };
        Combination {
            trials: last.len(),
            mean: mean(&|n| last[n].value),
            spread: [
                last.iter().map(|last| last.value).fold(f64::INFINITY, f64::min),
                last.iter().map(|last| last.value).fold(f64::NEG_INFINITY, f64::max),
            ],
            score: mean(&|n| last[n].score),
            seconds_per_epoch: seconds / epochs.max(1) as f64,
            parameters: group.iter().find_map(|one| one.parameters),
            memory_horizon: (!memories.is_empty()).then(|| over(&|memory| memory.horizon as f64)),
            memory_open: memories.iter().any(|memory| memory.open),
            gradient_by_lag: (0..lags).map(|lag| over(&|memory| memory.by_lag[lag])).collect(),
            settings,
        }
    };
    let mut all: Vec<Combination> = groups.into_iter().map(of).collect();
    all.sort_by(|a, b| a.score.total_cmp(&b.score));
    all
}

#[cfg(test)]
mod tests {
    use super::super::trial::{RoundEnd, TrialState};
    use super::*;
    use crate::tasks::named;

    fn searched(ranges: &[(&str, &str)]) -> Vec<(Setting, Range)> {
        let settings = named("classify").unwrap().settings().unwrap();
        let of = |(name, range): &(&str, &str)| {
            let row = settings.rows().find(|row| row.name == *name).unwrap();
            (*row, row.tried(Some(range)).unwrap().unwrap())
        };
        ranges.iter().map(of).collect()
    }

    #[test]
    fn every_combination_is_there_once_for_each_seed() {
        let all = searched(&[("cell", "rnn,lstm"), ("hidden", "4,8,16")]);
        assert_eq!(combinations(&all).unwrap(), 6);
        let trials: Vec<BTreeMap<String, Value>> =
            (1..=12).map(|trial| settings(&all, trial, 2, 7)).collect();
        let written = |one: &BTreeMap<String, Value>| {
            format!("{} {} {}", one["network.cell"], one["network.hidden"], one["train.seed"])
        };
        assert_eq!(written(&trials[0]), "\"rnn\" 4 7");
        assert_eq!(written(&trials[1]), "\"rnn\" 4 8");
        assert_eq!(written(&trials[11]), "\"lstm\" 16 8");
        let different: std::collections::BTreeSet<String> = trials.iter().map(written).collect();
        assert_eq!(different.len(), 12);
        // Of one seed, it is that of the search.
        assert!(!settings(&all, 1, 1, 7).contains_key("train.seed"));
        let error = combinations(&searched(&[("lr", "0.001..0.1")])).unwrap_err().to_string();
        assert_eq!(error, "lr varies over 0.001..0.1, but a grid has values; write some, such as 8,16,32");
    }

    #[test]
    fn seeds_of_a_combination_are_taken_together() {
        let all = searched(&[("cell", "rnn,lstm")]);
        let memory = |horizon, open, by_lag: &[f64]| Memory { horizon, open, by_lag: by_lag.to_vec() };
        let trial = |trial: usize, value: f64, seconds: f64| TuneTrial {
            ended: true,
            state: TrialState::Finished,
            rounds: vec![RoundEnd { epochs: 4, score: -value, value }],
            seconds,
            parameters: Some(10 * trial),
            ..TuneTrial::new(trial, settings(&all, trial, 2, 0), 0)
        };
        let mut trials = vec![trial(1, 0.5, 4.0), trial(2, 0.7, 8.0), trial(3, 0.9, 1.0), trial(4, 0.2, 1.0)];
        trials[3].failed("it diverged".into());
        trials[0].memory = Some(memory(2, false, &[1.0, 0.5, 0.25, 0.0]));
        trials[1].memory = Some(memory(1, true, &[1.0, 0.25]));
        let found = compared(&trials);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].settings["network.cell"], Value::from("lstm"));
        assert_eq!((found[0].trials, found[0].mean, found[0].spread), (1, 0.9, [0.9, 0.9]));
        assert!((found[1].mean - 0.6).abs() < 1e-12 && found[1].spread == [0.5, 0.7]);
        assert_eq!((found[1].seconds_per_epoch, found[1].parameters), (1.5, Some(10)));
        // What some of a combination's trials lack, it lacks.
        assert_eq!((found[0].memory_horizon, found[0].horizon("-")), (None, "-".into()));
        assert_eq!((found[1].memory_horizon, found[1].horizon("-")), (Some(1.5), "≥ 1.500".into()));
        assert_eq!(found[1].gradient_by_lag, [1.0, 0.375]);
    }
}
