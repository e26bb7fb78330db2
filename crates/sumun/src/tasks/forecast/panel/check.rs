//! Whether what a model file keeps of a model of many series beside its network fits together. Nobody vouches for a file: everything
//! is checked, and sizes before anything is allocated by them.

use super::super::baseline::Baseline;
use super::super::check::{check_axis, check_history, check_resample, damaged};
use super::forecaster::PanelForecasterConfig;
use super::templates::MOST_TEMPLATES;
use super::view::View;
use crate::Result;
use crate::data::Difference;
use crate::loss::Loss;
use sumun_nn::Distribution;

/// The longest season, window and horizon: sums of them can be counted.
const MOST_STEPS: usize = 1_000_000;
/// The most intervals.
const MOST_LEVELS: usize = 20;

/// Error unless all parts of the configuration fit together.
pub(super) fn check(config: &PanelForecasterConfig) -> Result<()> {
    let Some((view, others)) = config.views.split_first() else {
        return damaged("it has no network".into());
    };
    config.views.iter().try_for_each(check_view)?;
    // Networks differ in what they subtract and in how they scale the spread alone.
    let alike = |other: &View| {
        View { reference: view.reference, spread: view.spread.clone(), ..other.clone() } == *view
    };
    if !others.iter().all(alike) {
        return damaged("its networks do not forecast the same".into());
    }
    let levels = &config.levels;
    let rising = levels.windows(2).all(|pair| pair[0] < pair[1]);
    if levels.len() > MOST_LEVELS || !rising || !levels.iter().all(|level| (0.001..1.0).contains(level)) {
        return damaged("its intervals hold no shares between 0 and 1".into());
    }
    let offsets = &config.calibration.offsets;
    if !offsets.is_empty()
        && (offsets.len() != levels.len()
            || offsets
                .iter()
                .any(|steps| steps.len() != view.horizon || steps.iter().any(|v| !v.is_finite())))
    {
        return damaged("the calibration of its intervals does not fit them".into());
    }
    let counts = config.distribution.is_some_and(Distribution::is_of_counts);
    if counts && config.views.iter().any(|view| view.log || view.reference != Difference::None) {
        return damaged("its distribution is one of counts, but its views are not".into());
    }
    if config.distribution.is_some() && levels.is_empty() {
        return damaged("it has a distribution, but no intervals".into());
    }
    let templates = &config.templates.probabilities;
    let fits = |steps: &Vec<f64>| {
        steps.len() == view.horizon && steps.iter().all(|probability| (0.0..=1.0).contains(probability))
    };
    if templates.len() > MOST_TEMPLATES || !templates.iter().all(fits) {
        return damaged("how the steps of its forecasts hang together does not fit them".into());
    }
    if !matches!(config.loss, Loss::Mae(_) | Loss::Mse(_) | Loss::Huber(_)) {
        return damaged(format!("{} is no loss of a forecaster", config.loss.name()));
    }
    check_axis(config.time.as_ref(), view.calendar.is_some())?;
    check_resample(config.resample.as_ref())?;
    if config.known_series.is_empty() || config.columns.is_empty() && config.known_series.len() > 1 {
        return damaged(format!("it knows {} series", config.known_series.len()));
    }
    for known in &config.known_series {
        if known.id.len() != config.columns.len() || known.statics.len() != view.statics.len() {
            return damaged("a series is not named or described as the others are".into());
        }
        let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
        if !known.statics.iter().copied().all(finite)
            || known.mase_scale.is_some_and(|scale| scale <= 0.0 || !scale.is_finite())
        {
            return damaged("a number of a series is out of range".into());
        }
        if !known.baselines.iter().all(Baseline::is_sound) {
            return damaged("a number of a baseline is out of range".into());
        }
        let columns = [1, view.features.len(), view.known.len()];
        check_history(&known.history, columns, 1, view.calendar.is_some())?;
    }
    Ok(())
}

fn check_view(view: &View) -> Result<()> {
    if [view.season, view.window, view.horizon].iter().any(|&n| n == 0 || n > MOST_STEPS) {
        return damaged(format!(
            "a season of {}, a window of {} and a horizon of {} cannot be",
            view.season, view.window, view.horizon
        ));
    }
    if matches!(view.reference, Difference::Season(period) if period != view.season || period < 2) {
        return damaged("what is subtracted is not its season".into());
    }
    let inputs = view.features.iter().chain(&view.known).chain(&view.statics).map(|input| &input.scaler);
    if !inputs.chain([&view.spread]).all(crate::data::Scaler::is_sound)
        || view.min.is_some_and(|min| !min.is_finite())
    {
        return damaged("a number of its scales is out of range".into());
    }
    Ok(())
}
