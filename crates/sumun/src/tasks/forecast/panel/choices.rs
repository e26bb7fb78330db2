//! What the series decide where the settings leave it to them: horizon, output, season, logarithms, calendar, and what the
//! candidates subtract.

use std::ops::Range;

use super::super::choose::{self, Log};
use super::super::config::{ForecastConfig, Minimum, MinimumWord};
use super::super::preprocessing::drift;
use super::super::season;
use super::source::Members;
use crate::data::{Calendar, Difference, Filled, Split, log_suits, quoted};
use crate::message::key;
use crate::report::text::count;
use crate::settings::{DifferenceChoice, OutputChoice, Switch};
use crate::{Error, Result};
use sumun_nn::Distribution;

/// How many series, spread over all, are asked for a season and for logarithms.
const ASKED: usize = 100;
/// The share of those asked that must have the same season.
const AGREE: f64 = 0.4;
/// The largest count: above it, the next number in single precision is further away than 1.
const MOST_COUNT: f64 = 16_777_216.0;

pub(super) fn choose_horizon(config: &ForecastConfig, members: &Members, log: &mut Log) -> usize {
    config.data.horizon.unwrap_or_else(|| {
        let mut rows: Vec<usize> = members.members.iter().map(|member| member.source.rows).collect();
        rows.sort_unstable();
        let horizon = (rows[rows.len() / 2] / 8).clamp(1, 12);
        log.add("horizon", horizon, "12 steps, or an eighth of the middle series");
        horizon
    })
}

/// What the network returns of each step.
///
/// On the weekly series of the M4 competition Student's t distribution has an OWA of .79, quantiles one of .84 (means of three
/// seeds); on demand that is mostly 0, distributions of counts are ahead of both (docs/forecasting.md).
pub(super) fn choose_output(
    config: &ForecastConfig,
    members: &mut Members,
    zeros: f64,
    whole: bool,
    log: &mut Log,
) -> Result<Option<Distribution>> {
    let mostly_0 = whole && zeros > 0.5;
    let asked = config.train.output;
    if asked != OutputChoice::Auto {
        let distribution = asked.distribution();
        match distribution.filter(|one| one.is_of_counts()) {
            Some(_) => expect_counts(config, members)?,
            None if mostly_0 => members.notes.push(counts_note(config, zeros)),
            None => {}
        }
        return Ok(distribution);
    }
    let plain = config.prepare.log != Switch::On
        && matches!(config.prepare.difference, DifferenceChoice::Auto | DifferenceChoice::None);
    let (value, reason, distribution) = if mostly_0 && plain && expect_counts(config, members).is_ok() {
        let reason = format!("counts, {:.0} % of which are 0", 100.0 * zeros);
        (OutputChoice::NegativeBinomial, reason, Distribution::NegativeBinomial)
    } else {
        let reason = "a distribution whose tails may be heavy; quantiles make no assumption".to_owned();
        (OutputChoice::StudentT, reason, Distribution::StudentT)
    };
    log.add("output", value, reason);
    Ok(Some(distribution))
}

/// Error unless all values are counts.
fn expect_counts(config: &ForecastConfig, members: &Members) -> Result<()> {
    for member in &members.members {
        let values = &member.source.targets[0];
        let other = (0..values.len()).find(|&row| {
            let value = values[row];
            values.is_observed(row) && !(value >= 0.0 && value.fract() == 0.0 && value < MOST_COUNT)
        });
        if let Some(row) = other {
            return Err(Error::Data(format!(
                "{}: column {} is {} at {}{}",
                members.name,
                quoted(&config.data.target[0]),
                values[row],
                member.source.label(row),
                if member.id.is_empty() {
                    String::new()
                } else {
                    format!(" of series {}", quoted(&member.name()))
                },
            ))
            .advise(
                key("output").to(config.train.output)
                    + format!(" is for counts, whole numbers from 0 to {}; use ", count(MOST_COUNT as usize))
                    + key("output").to("quantiles"),
            ));
        }
    }
    Ok(())
}

/// The share of training values that are 0, and whether all are whole numbers from 0 on; by some of the series. The share is 0
/// where a value is below 0.
pub(super) fn zeros(members: &Members, splits: &[Split]) -> (f64, bool) {
    let (mut zeros, mut all, mut whole) = (0usize, 0usize, true);
    for (values, train) in asked(members, splits) {
        for &value in values.observed(train.clone()).iter() {
            if value < 0.0 {
                return (0.0, false);
            }
            whole &= value.fract() == 0.0;
            zeros += usize::from(value == 0.0);
            all += 1;
        }
    }
    (zeros as f64 / all.max(1) as f64, whole)
}

/// What is said of counts that are 0 most of the time, where no distribution of counts was asked for.
fn counts_note(config: &ForecastConfig, zeros: f64) -> String {
    format!(
        "column {} has counts, {:.0} % of which are 0: the median is then often 0, and how often something comes, and how much, say the \
         outputs negative-binomial and zero-inflated",
        quoted(&config.data.target[0]),
        100.0 * zeros
    )
}

/// Some of the series, spread over all.
fn asked<'a>(
    members: &'a Members,
    splits: &'a [Split],
) -> impl Iterator<Item = (&'a Filled, &'a Range<usize>)> {
    let stride = members.members.len().div_ceil(ASKED);
    let all = members.members.iter().zip(splits);
    all.step_by(stride).map(|(member, split)| (&member.source.targets[0], &split.train))
}

pub(super) fn choose_season(
    config: &ForecastConfig,
    members: &Members,
    splits: &[Split],
    log: &mut Log,
) -> Result<usize> {
    let longest = splits.iter().map(|split| split.train.len()).max().unwrap_or(0);
    if let Some(season) = config.season() {
        if season >= longest {
            return Err(Error::Settings(
                key("season").to(season)
                    + format!(
                        " is as long as the longest training part, {longest} rows; give a shorter period or more data"
                    ),
            ));
        }
        return Ok(season);
    }
    let frequency = members.first().frequency();
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut able = 0;
    for (values, train) in asked(members, splits) {
        let seen = values.seen(train.clone());
        able += usize::from(seen.len() >= 8);
        if let Some(season) = season::detect(&seen, frequency) {
            match found.iter_mut().find(|(period, _)| *period == season.period) {
                Some((_, votes)) => *votes += 1,
                None => found.push((season.period, 1)),
            }
        }
    }
    found.sort_by_key(|&(period, votes)| (std::cmp::Reverse(votes), period));
    Ok(match found.first() {
        Some(&(period, votes)) if votes as f64 >= AGREE * able as f64 => {
            log.add(
                "season",
                period,
                format!("{votes} of {able} series repeat themselves after {period} rows"),
            );
            period
        }
        Some(&(period, votes)) => {
            log.add("season", "none", format!("no more than {votes} of {able} series repeat themselves after the same number of rows ({period})"));
            1
        }
        None => {
            log.add("season", "none", "no series repeats itself clearly");
            1
        }
    })
}

pub(super) fn choose_log(
    config: &ForecastConfig,
    members: &Members,
    splits: &[Split],
    season: usize,
    log: &mut Log,
) -> bool {
    match config.prepare.log {
        Switch::On => true,
        Switch::Off => false,
        Switch::Auto => {
            let above_0 =
                members.members.iter().all(|member| member.source.targets[0].iter().all(|&v| v > 0.0));
            let (mut suits, mut all) = (0, 0);
            for (values, train) in asked(members, splits) {
                all += 1;
                suits += usize::from(log_suits(&values.seen(train.clone()), season));
            }
            let (value, reason) = match (above_0, 2 * suits > all) {
                (true, true) => (
                    true,
                    format!(
                        "all values are above 0, and the swings of {suits} of {all} series grow with their level"
                    ),
                ),
                (false, true) => (false, "swings grow with the level, but some value is not above 0".into()),
                (_, false) => (false, format!("the swings of {suits} of {all} series grow with their level")),
            };
            log.add("log", if value { "on" } else { "off" }, reason);
            value
        }
    }
}

pub(super) fn choose_min(config: &ForecastConfig, members: &Members, log: &mut Log) -> Option<f64> {
    match config.prepare.min {
        Minimum::Number(min) => Some(min),
        Minimum::Word(MinimumWord::None) => None,
        Minimum::Word(MinimumWord::Auto) => {
            let mut values = members.members.iter().flat_map(|member| member.source.targets[0].iter());
            let min = values.all(|&value| value >= 0.0).then_some(0.0);
            let (value, reason) = match min {
                Some(_) => ("0", "no value is below it"),
                None => ("none", "there are values below 0"),
            };
            log.add("min", value, reason);
            min
        }
    }
}

/// The calendar that the training parts together cover.
pub(super) fn choose_calendar(
    config: &ForecastConfig,
    members: &Members,
    splits: &[Split],
    log: &mut Log,
) -> Result<Option<Calendar>> {
    let of = |member: &super::source::Member, split: &Split| {
        let times = member.source.times.as_ref()?;
        Some((*times.get(split.train.start)?, *times.get(split.train.end.checked_sub(1)?)?))
    };
    let spans: Vec<_> =
        members.members.iter().zip(splits).filter_map(|(member, split)| of(member, split)).collect();
    let first = spans.iter().map(|(first, _)| *first).min();
    let last = spans.iter().map(|(_, last)| *last).max();
    let frequency = members.first().frequency().copied();
    choose::calendar(config.prepare.calendar, frequency, first.zip(last), log)
}

pub(super) fn choose_references(
    config: &ForecastConfig,
    members: &Members,
    splits: &[Split],
    season: usize,
    horizon: usize,
    logs: bool,
    log: &mut Log,
) -> Result<Vec<Difference>> {
    let of_season = Difference::Season(season);
    let chosen = match config.prepare.difference {
        DifferenceChoice::None => Some(Difference::None),
        DifferenceChoice::Last => Some(Difference::Last),
        DifferenceChoice::Season if season < 2 => {
            return Err(Error::Settings(
                key("difference").to("season")
                    + " needs a season, but none was found; give its period with "
                    + key("season"),
            ));
        }
        DifferenceChoice::Season => Some(of_season),
        DifferenceChoice::Auto => None,
    };
    if let Some(chosen) = chosen {
        return Ok(vec![chosen]);
    }
    let mut references = Vec::new();
    // Most series must have had a season when the first forecast is learnt from.
    let long = splits.iter().filter(|split| split.train.len() >= 2 * season + horizon).count();
    if season > 1 && 2 * long > splits.len() {
        references.push(of_season);
    }
    references.push(Difference::Last);
    if splits.iter().all(|split| split.valid.is_empty()) {
        references.truncate(1);
        log.add(
            "difference",
            reference_name(references[0]),
            "there is no validation part to compare candidates on",
        );
        return Ok(references);
    }
    let (mut drifted, mut all) = (0, 0);
    for (values, train) in asked(members, splits) {
        let seen = values.observed(train.clone());
        let levels: Vec<f64> = if logs { seen.iter().map(|v| v.ln()).collect() } else { seen.into_owned() };
        all += 1;
        drifted += usize::from(drift(&levels).abs() > 1.0);
    }
    if 2 * drifted <= all {
        references.push(Difference::None);
    }
    Ok(references)
}

/// What people call a reference.
pub(super) fn reference_name(reference: Difference) -> &'static str {
    match reference {
        Difference::None => "none",
        Difference::Last => "last",
        Difference::Season(_) => "season",
    }
}
