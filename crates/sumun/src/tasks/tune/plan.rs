//! What a search tries: the settings that are fixed, and the ranges of those that are not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::super::protocol::TaskEntry;
use super::grid::combinations;
use super::rounds;
use crate::message::{Key, key, text};
use crate::noise::Noise;
use crate::settings::{LAYERS, Setting, Settings, unknown};
use crate::{Error, Result};

/// The most trials of a search.
const MOST_TRIALS: usize = 10_000;

/// What a search tries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunePlan {
    /// The version of Sumun that began it.
    pub version: String,
    /// The name of the task.
    pub task: String,
    /// How many trials there are.
    pub trials: usize,
    /// The settings that all trials have, a table of sections.
    pub fixed: Table,
    /// The ranges of the settings that differ, by their keys.
    pub ranges: BTreeMap<String, String>,
    /// Of a grid, from how many seeds each combination of values is trained; None where settings are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<usize>,
}

impl TunePlan {
    /// Of a task, with settings that are fixed, each a table of sections over those before it. `searched` has the settings to
    /// search over, by name or key, and their ranges where they are not those that the settings declare; where there are none,
    /// all settings that declare a range and are not fixed. Errors: settings that do not exist, ranges that make no sense, no
    /// trials, and nothing to search over.
    pub fn new(
        task: &dyn TaskEntry,
        tables: &[Table],
        searched: &[(String, Option<String>)],
        trials: usize,
    ) -> Result<Self> {
        if !(1..=MOST_TRIALS).contains(&trials) {
            return Err(Error::setting(key("trials"), trials, format!("a number from 1 to {MOST_TRIALS}")));
        }
        let settings = task.settings()?;
        let fixed = together(tables);
        let is_fixed = |row: &Setting| {
            let replaced = row.section == "network" && fixed.contains_key(LAYERS);
            replaced || fixed.get(row.section).and_then(|section| section.get(row.name)).is_some()
        };
        let mut ranges = BTreeMap::new();
        if searched.is_empty() {
            for row in settings.rows().filter(|row| !is_fixed(row)) {
                if let Some(range) = row.tried(None)? {
                    ranges.insert(row.key(), range.to_string());
                }
            }
        }
        for (name, written) in searched {
            let row = row(&settings, name)?;
            let of = Key::from(*row);
            if is_fixed(row) {
                return Err(Error::Settings(of + " is given and searched over; leave out one or the other"));
            }
            let Some(range) = row.tried(written.as_deref().map(str::trim))? else {
                return Err(Error::Settings(
                    of + " declares no range; write one, such as 1..10 for numbers or a,b for any values",
                ));
            };
            if ranges.insert(row.key(), range.to_string()).is_some() {
                return Err(Error::Settings(of + " is searched over twice; name it once"));
            }
        }
        if ranges.is_empty() {
            return Err(Error::Invalid("every setting that declares a range is given".into())
                .advise(text("leave one out, or name what to search over with ") + key("vary")));
        }
        let (version, task) = (env!("CARGO_PKG_VERSION").into(), task.name().into());
        Ok(Self { version, task, trials, fixed, ranges, seeds: None })
    }

    /// A grid: every combination of the values of `searched`, each from so many seeds, and every one trained to the end. Errors
    /// as [`new`](Self::new), and ranges that are no lists of values, no seeds, and too many trials.
    pub fn grid(
        task: &dyn TaskEntry,
        tables: &[Table],
        searched: &[(String, Option<String>)],
        seeds: usize,
    ) -> Result<Self> {
        if searched.is_empty() {
            return Err(Error::Invalid("a grid has the values that are named, and there are none".into())
                .advise(text("name some with ") + key("vary")));
        }
        let plan = Self::new(task, tables, searched, 1)?;
        let trials = combinations(&plan.searched(&task.settings()?)?)?.saturating_mul(seeds);
        match (seeds, trials) {
            (0, _) => Err(Error::setting(key("seeds"), seeds, "at least 1")),
            (_, trials) if trials > MOST_TRIALS => Err(Error::Invalid(format!(
                "the grid has {trials} trainings, of {MOST_TRIALS} at most; leave out some values or seeds"
            ))),
            _ => Ok(Self { trials, seeds: Some(seeds), ..plan }),
        }
    }

    /// Into how many parts the epochs are divided of which the trials of each round have come to one.
    pub(super) fn rounds(&self) -> Vec<usize> {
        if self.seeds.is_some() { vec![1] } else { rounds(self.trials) }
    }

    /// The settings that are searched over, in the order in which the task shows them, with their ranges. Errors: a plan that
    /// the task does not know.
    pub(super) fn searched(&self, settings: &Settings) -> Result<Vec<(Setting, crate::settings::Range)>> {
        let rows = settings.rows().filter_map(|row| Some((row, self.ranges.get(&row.key())?)));
        let all: Vec<_> = rows
            .filter_map(|(row, range)| row.tried(Some(range)).transpose().map(|range| Ok((*row, range?))))
            .collect::<Result<_>>()?;
        // Trials have their settings by their numbers.
        if let Some(seeds) = self.seeds
            && combinations(&all)?.checked_mul(seeds) != Some(self.trials)
        {
            return Err(Error::Model(format!(
                "its grid has {} trials, which is not what its values and {seeds} seeds make; begin anew",
                self.trials
            )));
        }
        match all.len() == self.ranges.len() {
            true => Ok(all),
            false => Err(Error::Model(
                "the search has settings that this version of sumun does not search over; begin anew".into(),
            )),
        }
    }

    /// Where all randomness comes from: the setting `seed`.
    pub(super) fn seed(&self, settings: &Settings) -> Result<u64> {
        let all = settings.together(std::slice::from_ref(&self.fixed))?;
        let seed = all.get("train").and_then(|train| train.get("seed")).and_then(Value::as_integer);
        Ok(seed.unwrap_or(0) as u64)
    }
}

/// What an attempt of a trial draws for each setting; nothing for the first trial. It depends on nothing else.
pub(super) fn draw(
    seed: u64,
    searched: &[(Setting, crate::settings::Range)],
    trial: usize,
    attempt: u32,
) -> BTreeMap<String, Value> {
    let noise = Noise { seed, step: trial as u64, layer: attempt };
    let of = |(row, range): &(Setting, crate::settings::Range)| {
        let place = noise.uniform(hash(&row.key()) as usize, 0, 0);
        (row.key(), range.at(row.kind, place.into()))
    };
    if trial == 1 { BTreeMap::new() } else { searched.iter().map(of).collect() }
}

/// FNV-1a, so that what one setting draws does not depend on the others.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Settings by their keys as a table of sections.
pub(super) fn table(values: &BTreeMap<String, Value>) -> Table {
    let mut all = Table::new();
    for (key, value) in values {
        let Some((section, name)) = key.split_once('.') else { continue };
        put(&mut all, section, name, value.clone());
    }
    all
}

fn put(all: &mut Table, section: &str, name: &str, value: Value) {
    let inner = all.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        inner.insert(name.to_owned(), value);
    }
}

/// Tables of sections as one, the later over the earlier.
fn together(tables: &[Table]) -> Table {
    let mut all = Table::new();
    for (section, value) in tables.iter().flatten() {
        match value {
            Value::Table(inner) => {
                inner.iter().for_each(|(name, value)| put(&mut all, section, name, value.clone()));
            }
            other => drop(all.insert(section.clone(), other.clone())),
        }
    }
    all
}

/// The row of a name, `lr` or `train.lr`.
fn row<'a>(settings: &'a Settings, name: &str) -> Result<&'a Setting> {
    let plain = name.trim().replace('-', "_");
    let found = settings.rows().find(|row| row.name == plain || row.key() == plain);
    found.ok_or_else(|| unknown(name.trim(), settings.rows()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{named, setting};

    fn plan(searched: &[(&str, Option<&str>)], fixed: &[(&str, &str)], trials: usize) -> Result<TunePlan> {
        let searched: Vec<(String, Option<String>)> =
            searched.iter().map(|(name, range)| ((*name).into(), range.map(Into::into))).collect();
        let tables: Vec<Table> = fixed.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
        TunePlan::new(named("classify").unwrap(), &tables, &searched, trials)
    }

    #[test]
    fn what_is_given_is_fixed_and_the_rest_is_searched_over() {
        let all = plan(&[], &[("train.lr", "0.01"), ("network.hidden", "8")], 5).unwrap();
        let keys: Vec<&str> = all.ranges.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["network.cell", "network.dropout", "network.layers", "network.pool", "train.batch"]
        );
        let some = plan(&[("lr", None), ("network.embedding", Some("10..100"))], &[], 5).unwrap();
        let ranges: Vec<(&str, &str)> = some.ranges.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(ranges, [("network.embedding", "10..100"), ("train.lr", "0.0003..0.03")]);
        let json = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<TunePlan>(&json).unwrap(), some);
    }

    #[test]
    fn draws_depend_on_seed_trial_and_name_alone() {
        let settings = named("classify").unwrap().settings().unwrap();
        let searched = |fixed: &[(&str, &str)]| plan(&[], fixed, 5).unwrap().searched(&settings).unwrap();
        let (all, few) = (searched(&[]), searched(&[("network.hidden", "8")]));
        let (many, fewer) = (draw(7, &all, 3, 0), draw(7, &few, 3, 0));
        assert!(fewer.iter().all(|(key, value)| many[key] == *value) && many.len() == fewer.len() + 1);
        assert!(draw(7, &all, 1, 0).is_empty());
        assert_ne!(draw(7, &all, 3, 0), draw(7, &all, 4, 0));
        assert_ne!(draw(7, &all, 3, 0), draw(7, &all, 3, 1));
        assert_ne!(draw(7, &all, 3, 0), draw(8, &all, 3, 0));
        // The values of 1000 draws fill the range.
        let rates: Vec<f64> =
            (2..1002).map(|trial| draw(0, &all, trial, 0)["train.lr"].as_float().unwrap()).collect();
        let below = rates.iter().filter(|rate| **rate < 0.003).count();
        assert!((450..550).contains(&below), "{below} of 1000 are in the lower decade");
    }

    #[test]
    fn what_cannot_be_searched_over_is_refused() {
        for (searched, fixed, trials, expected) in [
            (&[][..], &[][..], 0, "trials is 0; it must be a number from 1"),
            (&[("hiden", None)], &[], 3, "there is no setting \"hiden\"; did you mean network.hidden?"),
            (&[("lr", None)], &[("train.lr", "0.1")], 3, "lr is given and searched over"),
            (&[("embedding", None)], &[], 3, "embedding declares no range; write one"),
            (&[("lr", Some("3..1"))], &[], 3, "lr cannot be searched over \"3..1\": 3 is not below 1"),
            (&[("lr", None), ("train.lr", None)], &[], 3, "lr is searched over twice"),
        ] {
            let error = plan(searched, fixed, trials).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    /// A file may say anything of a grid.
    #[test]
    fn a_grid_has_the_trials_that_its_values_make() {
        let searched = [("hidden".to_owned(), Some("4,8,16".to_owned()))];
        let task = named("classify").unwrap();
        let grid = TunePlan::grid(task, &[], &searched, 2).unwrap();
        let settings = task.settings().unwrap();
        assert_eq!((grid.trials, grid.searched(&settings).unwrap().len()), (6, 1));
        for (trials, seeds) in [(6, 0), (0, 1), (7, 2), (6, usize::MAX)] {
            let error =
                TunePlan { trials, seeds: Some(seeds), ..grid.clone() }.searched(&settings).unwrap_err();
            assert!(error.to_string().starts_with(&format!("its grid has {trials} trials")), "{error}");
        }
    }

    /// A range that is misspelt would only be found when somebody searches.
    #[test]
    fn the_ranges_that_settings_declare_can_be_drawn_from() {
        for task in crate::tasks::TASKS {
            let settings = task.settings().unwrap();
            let plan = TunePlan::new(task, &[], &[], 3).unwrap();
            let searched = plan.searched(&settings).unwrap();
            assert!(searched.len() >= 5, "{}: {searched:?}", task.name());
            for trial in 2..200 {
                let drawn = table(&draw(0, &searched, trial, 0));
                settings.together(&[drawn]).unwrap();
            }
        }
    }
}
