//! What the data decide where the settings leave it open. Only the training part is looked at.

use std::ops::Range;

use super::config::{ForecastConfig, Minimum, MinimumWord};
use super::decisions::{Choice, Decisions, Trial};
use super::preprocessing::drift;
use super::season;
use super::source::Source;
use crate::data::{Calendar, Encoding, Filled, Frequency, Split, Timestamp, log_suits, quoted};
use crate::message::{key, text};
use crate::settings::{DifferenceChoice, Switch};
use crate::tasks::options::Budget;
use crate::{Error, Result};

/// The horizon where there is no season to take it from.
const HORIZON: usize = 12;
/// The longest horizon that is taken from a season: a year of days at once is rarely what is meant.
const LONGEST_HORIZON: usize = 168;
/// Windows need some context even where season and horizon are short.
const SHORTEST_WINDOW: usize = 8;
/// The least context where the series is so short that there is no room for more.
const LEAST_WINDOW: usize = 4;
/// How many times the training part a horizon may be where a baseline forecasts.
const FARTHEST: usize = 10;
/// The longest window that is chosen where nothing longer than it repeats itself: it costs time and has not been seen to help.
const LONGEST_WINDOW: usize = 128;
/// The longest window of all that are chosen: a week of hours. A year of days costs more than it has been seen to give.
const LONGEST_SEASON: usize = 168;
/// Fewer windows than these are learnt from several seeds, whose forecasts are averaged: a training takes a second there.
const FEW_WINDOWS: usize = 1000;
/// How many.
const FEW_SEEDS: usize = 5;
/// Small series need 1,500 optimizer steps; large ones are ended at 6,000.
const BUDGET: Budget = Budget { steps: 1500, epochs: (30, 200), most_steps: 6_000, fewest_epochs: 1 };

/// The choices that were made, with their reasons.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Choice>);

impl Log {
    pub(super) fn into_choices(self) -> Vec<Choice> {
        self.0
    }

    pub(super) fn add(&mut self, name: &str, value: impl ToString, reason: impl Into<String>) {
        self.0.push(Choice { name: name.into(), value: value.to_string(), reason: reason.into() });
    }
}

pub(super) fn decide(config: &ForecastConfig, source: &Source) -> Result<Decisions> {
    let mut log = Log::default();
    let split = choose_split(config, source, &mut log)?;
    let train = split.train.clone();
    let season = choose_season(config, source, &train, &mut log)?;
    let horizon = choose_horizon(config, season, &split, &mut log);
    if is_too_short(config, &split, horizon) {
        split.check_test(horizon)?;
        let min = choose_min(config, source, &mut log);
        return Ok(without_network(config, source, (split, season, horizon), min, log));
    }
    let (window, candidates_allowed) = choose_window(config, season, horizon, &split, &mut log)?;
    let logs = choose_log(config, source, &train, season, &mut log);
    let min = choose_min(config, source, &mut log);
    let calendar = choose_calendar(config, source, &train, &mut log)?;
    let mut candidates: Vec<Trial> =
        choose_candidates(config, source, season, &logs, candidates_allowed, &split, &mut log)
            .into_iter()
            .map(|difference| Trial { difference, window })
            .collect();
    candidates.extend(longer_trial(config, source, (season, horizon, window), &candidates, &split, &mut log));
    // All candidates are trained alike, whether or not they lose a season of windows at the start.
    let windows = train.len() + 1 - window - horizon;
    let ensemble = choose_ensemble(config, windows, &mut log);
    let batch = config.train.batch.unwrap_or(match windows {
        0..1000 => 32,
        1000..20_000 => 64,
        20_000..80_000 => 128,
        _ => 256,
    });
    let per_epoch = windows.div_ceil(batch);
    let epochs = config.train.epochs.unwrap_or_else(|| BUDGET.epochs(per_epoch));
    let patience = config.train.patience.unwrap_or((epochs / 5).max(10));
    if config.train.epochs.is_none() {
        let reason =
            format!("{windows} windows in batches of {batch}; stops after {patience} without improvement");
        log.add("epochs", epochs, reason);
    }
    Ok(Decisions {
        split,
        time: source.axis.as_ref().map(|axis| axis.column.clone()),
        season,
        horizon,
        window,
        log: logs,
        min,
        calendar,
        too_short: false,
        candidates,
        difference: config.prepare.difference,
        averaged: Vec::new(),
        ensemble,
        batch,
        epochs,
        patience,
        choices: log.0,
    })
}

/// How many seeds are averaged.
fn choose_ensemble(config: &ForecastConfig, windows: usize, log: &mut Log) -> usize {
    if let Some(asked) = config.train.ensemble {
        return asked;
    }
    if windows >= FEW_WINDOWS {
        return 1;
    }
    let reason = format!("{windows} windows are few, so that what a network learns hangs on its seed");
    log.add("ensemble", FEW_SEEDS, reason);
    FEW_SEEDS
}

/// Whether the training part has no room for the least window and the horizon, where neither the window nor a difference that needs
/// rows was asked for. A horizon of many times its length is a slip of the finger.
fn is_too_short(config: &ForecastConfig, split: &Split, horizon: usize) -> bool {
    let open = config.data.window.is_none() && config.prepare.difference != DifferenceChoice::Season;
    let train = split.train.len();
    open && train < horizon.saturating_add(LEAST_WINDOW) && horizon <= train.saturating_mul(FARTHEST)
}

/// What is decided where a baseline forecasts.
fn without_network(
    config: &ForecastConfig,
    source: &Source,
    (split, season, horizon): (Split, usize, usize),
    min: Vec<Option<f64>>,
    log: Log,
) -> Decisions {
    Decisions {
        split,
        time: source.axis.as_ref().map(|axis| axis.column.clone()),
        season,
        horizon,
        window: LEAST_WINDOW,
        log: vec![false; source.targets.len()],
        min,
        calendar: None,
        too_short: true,
        candidates: Vec::new(),
        difference: config.prepare.difference,
        averaged: Vec::new(),
        ensemble: 1,
        batch: config.train.batch.unwrap_or(1),
        epochs: config.train.epochs.unwrap_or(1),
        patience: config.train.patience.unwrap_or(1),
        choices: log.0,
    }
}

/// The parts, whose rows follow from the horizon where a series is short.
fn choose_split(config: &ForecastConfig, source: &Source, log: &mut Log) -> Result<Split> {
    let data = &config.data;
    let window = data.window.unwrap_or(LEAST_WINDOW);
    let split = Split::sized(source.rows, data.valid, data.test, window, data.horizon.unwrap_or(1))?;
    let usual = Split::sized(source.rows, data.valid, data.test, 1, 1)?;
    if split != usual {
        let rows = |count: usize| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        let horizon = data.horizon.unwrap_or(1);
        let reason = |part: &Range<usize>| {
            let all = source.rows;
            match part.len() {
                0 => format!("{all} rows are too few to hold any out for horizon {horizon}"),
                few if few < horizon => format!("what {all} rows can spare, less than horizon {horizon}"),
                _ => format!("the {all} rows are few for horizon {horizon}"),
            }
        };
        for (name, part, given) in [("valid", &split.valid, data.valid), ("test", &split.test, data.test)] {
            if given.is_none() {
                log.add(name, rows(part.len()), reason(part));
            }
        }
    }
    Ok(split)
}

/// What is said of targets that are 0 most of the time.
pub(super) fn intermittent(
    names: &[String],
    source: &Source,
    train: &Range<usize>,
    loss: &str,
) -> Vec<String> {
    let of = |(name, values): (&String, &Filled)| {
        let train = values.observed(train.clone());
        let zeros = train.iter().filter(|&&value| value == 0.0).count();
        if 2 * zeros <= train.len() || train.iter().any(|&value| value < 0.0) {
            return None;
        }
        let counts = train.iter().all(|value| value.fract() == 0.0);
        let share = 100.0 * zeros as f64 / train.len() as f64;
        let kind = if counts { "counts, most of which are 0" } else { "mostly 0" };
        let said = match loss {
            "mae" => {
                "a forecast here is one number a step, with the loss mae the median, which is 0 or near it; the loss mse \
                      forecasts the mean"
            }
            _ => "a forecast here is one number a step, near the mean",
        };
        Some(format!(
            "column {} is {kind} ({share:.0} % of the training part): {said}. How often and how much takes a distribution, such \
             as a Poisson or negative binomial one, or the sums of longer periods",
            quoted(name)
        ))
    };
    names.iter().zip(&source.targets).filter_map(of).collect()
}

/// For each target the least value that is forecast. As with logarithms, the validation and test parts are asked only
/// whether they have a value below 0 at all.
fn choose_min(config: &ForecastConfig, source: &Source, log: &mut Log) -> Vec<Option<f64>> {
    let count = source.targets.len();
    match config.prepare.min {
        Minimum::Number(min) => vec![Some(min); count],
        Minimum::Word(MinimumWord::None) => vec![None; count],
        Minimum::Word(MinimumWord::Auto) => {
            let at_least_0 = |values: &Filled| values.iter().all(|&value| value >= 0.0);
            let all: Vec<Option<f64>> =
                source.targets.iter().map(|values| at_least_0(values).then_some(0.0)).collect();
            let (value, reason) = match all.iter().flatten().count() {
                0 => ("none", "there are values below 0"),
                some if some == count => ("0", "no value is below it"),
                _ => ("0 for some targets", "those that have no value below it"),
            };
            log.add("min", value, reason);
            all
        }
    }
}

fn choose_season(
    config: &ForecastConfig,
    source: &Source,
    train: &Range<usize>,
    log: &mut Log,
) -> Result<usize> {
    if let Some(season) = config.season() {
        if train.len() <= season {
            return Err(Error::Settings(
                key("season").to(season)
                    + format!(
                        " is as long as the training part, {} of {} rows; give a shorter period or more data",
                        train.len(),
                        source.rows
                    ),
            ));
        }
        return Ok(season);
    }
    // The first target that has a season decides for all: they share one network and one calendar.
    let found = source
        .targets
        .iter()
        .find_map(|values| season::detect(&values.seen(train.clone()), source.frequency()));
    Ok(match found {
        Some(season) => {
            let reason = format!(
                "the training part repeats itself after {} rows (autocorrelation {:.2})",
                season.period, season.strength
            );
            log.add("season", season.period, reason);
            season.period
        }
        None if config.prepare.difference == DifferenceChoice::Season => {
            return Err(Error::Settings(
                key("difference").to("season")
                    + format!(
                        " needs a season, but none was found in the {} training rows; give its period with ",
                        train.len()
                    )
                    + key("season"),
            ));
        }
        None => {
            log.add("season", "none", "nothing in the training part repeats itself clearly");
            1
        }
    })
}

fn choose_horizon(config: &ForecastConfig, season: usize, split: &Split, log: &mut Log) -> usize {
    if let Some(horizon) = config.data.horizon {
        return horizon;
    }
    let (wanted, reason) = match season {
        2..=LONGEST_HORIZON => (season, "one season"),
        0 | 1 => (HORIZON, "no season to take it from"),
        _ => (HORIZON, "a whole season is too far to see at once"),
    };
    let mut most = (split.train.len() / 4).max(1);
    for part in [&split.valid, &split.test] {
        if !part.is_empty() {
            most = most.min(part.len());
        }
    }
    let horizon = wanted.min(most);
    let reason = if horizon < wanted { "as many steps as the parts have room for" } else { reason };
    log.add("horizon", horizon, reason);
    horizon
}

/// The window, and whether it leaves room for seasonal differences before it. Error: no room for it at all.
fn choose_window(
    config: &ForecastConfig,
    season: usize,
    horizon: usize,
    split: &Split,
    log: &mut Log,
) -> Result<(usize, bool)> {
    let train = split.train.len();
    let seasonal = match config.prepare.difference {
        DifferenceChoice::Season => true,
        DifferenceChoice::Auto => season > 1,
        DifferenceChoice::None | DifferenceChoice::Last => false,
    };
    let reach = if seasonal { season } else { 0 };
    let window = match config.data.window {
        Some(window) => window,
        None => {
            let wanted = season.max(horizon).max(SHORTEST_WINDOW);
            // A third of what is left of the training part, so that there are windows to learn from.
            let most = (train.saturating_sub(horizon.saturating_add(reach)) / 3).max(LEAST_WINDOW);
            let window = wanted.min(most).min(LONGEST_WINDOW);
            let reason = if window == wanted {
                "the longest of season, horizon and 8".into()
            } else if window == most {
                format!("as much of a season or horizon ({wanted}) as {train} training rows have space for")
            } else {
                format!("the most that is taken of a season or horizon ({wanted}) unless a window is given")
            };
            log.add("window", window, reason);
            window
        }
    };
    split.check(window, horizon)?;
    let room = train >= window + horizon + reach;
    if config.prepare.difference == DifferenceChoice::Season && !room {
        return Err(Error::Invalid(format!(
            "the training part has {train} of {} rows, but window {window} + horizon {horizon} + season {season} need {}",
            split.test.end,
            window + horizon + season
        ))
        .advise(
            text("use a smaller ")
                + key("window")
                + " or "
                + key("horizon")
                + ", "
                + key("difference").to("last")
                + ", or more data",
        ));
    }
    Ok((window, room))
}

/// A candidate whose window reaches over a season that is longer than the one that was found: the week of hourly data. It
/// differs from the first candidate in its window alone. Of sixteen hourly series of a competition the best candidate had .53
/// of the error of the naive forecast, one with the window of a week .44.
fn longer_trial(
    config: &ForecastConfig,
    source: &Source,
    (season, horizon, window): (usize, usize, usize),
    candidates: &[Trial],
    split: &Split,
    log: &mut Log,
) -> Option<Trial> {
    let first =
        candidates.first().filter(|_| config.data.window.is_none() && source.has_values(&split.valid))?;
    let frequency = source.frequency()?;
    let train = &split.train;
    let longer = source
        .targets
        .iter()
        .find_map(|values| season::longer(&values.seen(train.clone()), frequency, season, LONGEST_SEASON))?
        .period;
    let reach = if first.difference == DifferenceChoice::Season { season } else { 0 };
    // There must be windows enough to learn from.
    if longer <= window || train.len() < 3 * (longer + horizon + reach) {
        return None;
    }
    log.add(
        "long window",
        longer,
        "a longer season is in the training part: one more candidate sees all of it",
    );
    Some(Trial { difference: first.difference, window: longer })
}

fn choose_log(
    config: &ForecastConfig,
    source: &Source,
    train: &Range<usize>,
    season: usize,
    log: &mut Log,
) -> Vec<bool> {
    match config.prepare.log {
        Switch::On => vec![true; source.targets.len()],
        Switch::Off => vec![false; source.targets.len()],
        Switch::Auto => {
            // The validation and test parts are asked only whether they have logarithms at all.
            let suits = |values: &Filled| log_suits(&values.seen(train.clone()), season);
            let above_0 = |values: &Filled| values.iter().all(|&value| value > 0.0);
            let logs: Vec<bool> =
                source.targets.iter().map(|values| suits(values) && above_0(values)).collect();
            let (value, reason) = match (logs.iter().any(|&l| l), logs.iter().all(|&l| l)) {
                (true, true) => ("on", "the values are above 0 and their swings grow with their level"),
                (true, false) => ("on for some targets", "where swings grow with the level"),
                _ if source.targets.iter().any(&suits) => {
                    ("off", "swings grow with the level, but some value is not above 0")
                }
                _ => ("off", "swings do not grow with the level"),
            };
            log.add("log", value, reason);
            logs
        }
    }
}

fn choose_calendar(
    config: &ForecastConfig,
    source: &Source,
    train: &Range<usize>,
    log: &mut Log,
) -> Result<Option<Calendar>> {
    let span = source.times.as_ref().map(|times| (times[train.start], times[train.end - 1]));
    calendar(config.prepare.calendar, source.frequency().copied(), span, log)
}

/// What the network is given of the calendar, where training covers the time from the first to the last of `span`.
pub(super) fn calendar(
    wanted: Switch,
    frequency: Option<Frequency>,
    span: Option<(Timestamp, Timestamp)>,
    log: &mut Log,
) -> Result<Option<Calendar>> {
    if wanted == Switch::Off {
        return Ok(None);
    }
    let Some(((first, last), frequency)) = span.zip(frequency) else {
        if wanted == Switch::On {
            return Err(Error::Settings(
                key("calendar").to("on")
                    + " needs timestamps; name their column with "
                    + key("time")
                    + ", or choose "
                    + key("calendar").to("auto"),
            ));
        }
        log.add("calendar", "off", "there are no timestamps");
        return Ok(None);
    };
    let calendar = match wanted {
        Switch::On => Calendar::new(&frequency, Encoding::Mixed),
        _ => Calendar::covered(&frequency, Encoding::Mixed, &first, &last),
    };
    if calendar.width() == 0 {
        if wanted == Switch::On {
            return Err(Error::Settings(
                key("calendar").to("on")
                    + format!(": {frequency} data have no hour, weekday or time of year; choose ")
                    + key("calendar").to("auto"),
            ));
        }
        log.add("calendar", "off", "no cycle of the calendar passes twice in the training part");
        return Ok(None);
    }
    if wanted == Switch::Auto {
        let parts: Vec<String> =
            calendar.parts().iter().map(|part| format!("{part:?}").to_lowercase()).collect();
        let verb = if parts.len() == 1 { "passes" } else { "pass" };
        let reason = format!("{} {verb} at least twice in the training part", parts.join(", "));
        log.add("calendar", "on", reason);
    }
    Ok(Some(calendar))
}

fn choose_candidates(
    config: &ForecastConfig,
    source: &Source,
    season: usize,
    logs: &[bool],
    room_for_season: bool,
    split: &Split,
    log: &mut Log,
) -> Vec<DifferenceChoice> {
    if config.prepare.difference != DifferenceChoice::Auto {
        return vec![config.prepare.difference];
    }
    let mut candidates = Vec::new();
    if season > 1 && room_for_season {
        candidates.push(DifferenceChoice::Season);
    }
    candidates.push(DifferenceChoice::Last);
    if !source.has_values(&split.valid) {
        candidates.truncate(1);
        let reason = match split.valid.is_empty() {
            true => "there is no validation part to compare candidates on",
            false => {
                "every target value of the validation part is missing, so that candidates cannot be compared"
            }
        };
        log.add("difference", candidates[0], reason);
        return candidates;
    }
    // Levels that have drifted will drift on, out of what the network has learnt, however well they do on a short
    // validation part.
    let drifted = source.targets.iter().zip(logs).any(|(values, &log)| {
        let train = values.observed(split.train.clone());
        let levels: Vec<f64> = if log { train.iter().map(|v| v.ln()).collect() } else { train.into_owned() };
        // A logarithm that does not exist is no drift; it becomes an error with a name later.
        drift(&levels).abs() > 1.0
    });
    if !drifted {
        candidates.push(DifferenceChoice::None);
    }
    candidates
}
