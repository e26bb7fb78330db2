//! A seasonal ARIMA model that forecasts together with the networks.
//!
//! The forecast is a weighted mean of both, target by target. A short validation part says little about the weights, so that it
//! does not choose them alone: half for each is the belief that it has to change. Neither a fixed half nor weights by the validation
//! errors did as well on twelve public series.

use std::ops::Range;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::baseline::{Arima, Baseline, Observed};
use super::decisions::Choice;
use super::preprocessing::{Frame, Target};
use crate::data::{Filled, quoted};
use crate::settings::Switch;

/// An ARIMA model and how much of the forecast is the networks'.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// The share of the networks, from 0 to 1; the rest is the model's.
    pub networks: f64,
    /// The model.
    pub arima: Arima,
}

/// The horizons of a validation part that count as much as the belief that both are worth the same.
const BELIEF: f64 = 3.0;
/// How many times the networks' validation error that of the model may be to be asked at all.
const FAR_BEHIND: f64 = 1.4;
/// Shares are compared in steps of one in so many.
const STEPS: usize = 20;

/// Where forecasts are compared: every value that lies in the validation part, as candidates are.
pub(super) struct Compared {
    /// The rows of the validation part.
    pub(super) valid: Range<usize>,
    /// The origins of forecasts that reach into it.
    pub(super) origins: Range<usize>,
    /// The networks' forecasts there, `[origins, horizon, C]`.
    pub(super) forecasts: Array3<f64>,
}

/// What came of asking a target's model.
#[derive(Debug)]
struct Asked {
    together: Option<Together>,
    /// Mean absolute errors: the networks', the model's, and that of both together.
    errors: Option<[f64; 3]>,
}

impl Compared {
    /// The origins of forecasts that reach into the validation part `valid` of so many `rows`; `needed` are those behind each.
    pub(super) fn origins(valid: &Range<usize>, rows: usize, needed: usize, horizon: usize) -> Range<usize> {
        let end = valid.end.saturating_sub(1).min(rows.saturating_sub(horizon));
        let start = valid.start.saturating_sub(horizon).max(needed.saturating_sub(1));
        if valid.is_empty() || start >= end { 0..0 } else { start..end }
    }

    /// The share of the networks in the forecast of target `c`, and the errors behind it.
    fn ask(&self, c: usize, target: &Target, values: &Filled, arima: Arima, wanted: Switch) -> Asked {
        let (_, horizon, _) = self.forecasts.dim();
        let mask = values.mask();
        let series = Observed { values, mask: mask.as_deref() };
        let of_model = arima.forecasts(series, self.origins.clone(), horizon);
        // Network, model, and what came.
        let mut all: Vec<[f64; 3]> = Vec::new();
        for (n, origin) in self.origins.clone().enumerate() {
            for step in 0..horizon {
                let row = origin + 1 + step;
                if self.valid.contains(&row) && values.is_observed(row) {
                    let model = target.bounded(of_model[n * horizon + step]);
                    all.push([self.forecasts[[n, step, c]], model, values[row]]);
                }
            }
        }
        let half = Together { networks: 0.5, arima };
        if all.is_empty() {
            // Nothing says that it helps.
            let together = (wanted == Switch::On).then_some(half);
            return Asked { together, errors: None };
        }
        let error = |share: f64| {
            let sum: f64 = all.iter().map(|[net, model, came]| (mix(*net, *model, share) - came).abs()).sum();
            sum / all.len() as f64
        };
        let (networks, model) = (error(1.0), error(0.0));
        if !model.is_finite() {
            return Asked { together: None, errors: None };
        }
        let far = model > FAR_BEHIND * networks;
        if far && wanted == Switch::Auto {
            return Asked { together: None, errors: Some([networks, model, networks]) };
        }
        let shares = (0..=STEPS).map(|k| k as f64 / STEPS as f64);
        let mut best = (f64::INFINITY, 0.5);
        for share in shares {
            let error = error(share);
            if error < best.0 {
                best = (error, share);
            }
        }
        let horizons = self.valid.len() as f64 / horizon as f64;
        let share = (horizons * best.1 + BELIEF * 0.5) / (horizons + BELIEF);
        let errors = Some([networks, model, error(share)]);
        Asked { together: Some(Together { networks: share, arima }), errors }
    }
}

fn mix(networks: f64, model: f64, share: f64) -> f64 {
    share * networks + (1.0 - share) * model
}

/// The model among the baselines of each target.
pub(super) fn models(baselines: &[Vec<Baseline>]) -> Vec<Option<Arima>> {
    let of = |baseline: &Baseline| match baseline {
        Baseline::Arima(arima) => Some(*arima),
        _ => None,
    };
    baselines.iter().map(|all| all.iter().find_map(of)).collect()
}

/// What forecasts together with the networks, an entry a target or none at all, and why; given the model of each target.
pub(super) fn fit(
    targets: &[Target],
    models: &[Option<Arima>],
    frame: &Frame,
    compared: &Compared,
    wanted: Switch,
) -> (Vec<Option<Together>>, Option<Choice>) {
    let mut all = Vec::new();
    let mut told = Vec::new();
    for (c, ((target, values), model)) in targets.iter().zip(&frame.values).zip(models).enumerate() {
        let Some(arima) = *model else {
            all.push(None);
            continue;
        };
        let Asked { together, errors } = compared.ask(c, target, values, arima, wanted);
        told.push(Told { name: &target.name, arima, together, errors });
        all.push(together);
    }
    if all.iter().all(Option::is_none) {
        all.clear();
    }
    let choice = match wanted {
        Switch::On if told.is_empty() => Some(Choice {
            name: "arima".into(),
            value: "none".into(),
            reason: "the training part has too few values for one, or such as repeat themselves exactly"
                .into(),
        }),
        _ => choice(&told),
    };
    (all, choice)
}

/// What came of asking the model of a target, with their names.
struct Told<'a> {
    name: &'a str,
    arima: Arima,
    together: Option<Together>,
    errors: Option<[f64; 3]>,
}

/// What was found, for the report.
fn choice(told: &[Told<'_>]) -> Option<Choice> {
    let Told { arima, .. } = told.first()?;
    let several = told.len() > 1;
    let asked = told.iter().filter(|told| told.together.is_some()).count();
    let value = match (asked, told) {
        (0, _) => "none".to_owned(),
        (_, [Told { arima, together: Some(together), .. }]) => {
            format!("{:.0} % of the forecast is {arima}", 100.0 * (1.0 - together.networks))
        }
        (some, all) => format!("a part of the forecast of {some} of {} targets", all.len()),
    };
    let reasons = told.iter().filter_map(|Told { name, arima, together, errors }| {
        let [networks, model, both] = (*errors)?;
        let reason = match together {
            Some(_) => format!("ARIMA {model:.4}, network {networks:.4}, together {both:.4}"),
            None => format!("{arima} {model:.4}, network {networks:.4}: too far behind"),
        };
        Some(if several { format!("{}: {reason}", quoted(name)) } else { reason })
    });
    let reasons: Vec<String> = reasons.take(MOST_TOLD).collect();
    let reason = match reasons.is_empty() {
        true if asked == 0 => format!("there are no validation values to weigh {arima} by"),
        true => "there are no validation values to weigh it by".into(),
        false => format!("validation MAE: {}", reasons.join("; ")),
    };
    Some(Choice { name: "arima".into(), value, reason })
}

/// The most targets that are told of.
const MOST_TOLD: usize = 8;

/// Mixes the models' forecasts at `origins` into the networks', `[origins, horizon, C]`.
pub(super) fn mix_in(
    together: &[Option<Together>],
    targets: &[Target],
    values: &[Filled],
    origins: Range<usize>,
    forecasts: &mut Array3<f64>,
) {
    let (_, horizon, _) = forecasts.dim();
    for (c, ((together, target), values)) in together.iter().zip(targets).zip(values).enumerate() {
        let Some(Together { networks, arima }) = together else { continue };
        let mask = values.mask();
        let series = Observed { values, mask: mask.as_deref() };
        let of_model = arima.forecasts(series, origins.clone(), horizon);
        for (n, ahead) in of_model.chunks_exact(horizon).enumerate() {
            for (step, &value) in ahead.iter().enumerate() {
                let place = &mut forecasts[[n, step, c]];
                *place = mix(*place, target.bounded(value), *networks);
            }
        }
    }
}

/// The name of the networks with what forecasts together with them.
pub(super) fn named(together: &[Option<Together>], name: String) -> String {
    if together.is_empty() { name } else { format!("{name} with ARIMA") }
}

/// The newest rows that it looks at.
pub(super) fn rows(together: &[Option<Together>]) -> usize {
    together.iter().flatten().map(|together| together.arima.rows()).max().unwrap_or(0)
}

impl Together {
    /// Whether its numbers can be calculated with.
    pub(super) fn is_sound(&self) -> bool {
        (0.0..=1.0).contains(&self.networks) && self.arima.is_sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        let plain = || crate::data::Scaler { kind: crate::data::ScaleKind::None, offset: 0.0, scale: 1.0 };
        Target {
            name: "y".into(),
            log: false,
            steady: false,
            level: plain(),
            change: plain(),
            mase_scale: None,
            marked: false,
            min: None,
        }
    }

    /// Networks that are `off` by so much at every step, on a line that goes up by 1 a row: a step ahead, an ARIMA model without
    /// constants says the last value and is off by 1, two steps ahead by 2.
    fn asked(off: f64, valid: usize, wanted: Switch) -> Asked {
        let values: Filled = (0..100).map(f64::from).collect::<Vec<f64>>().into();
        let valid = 90 - valid..90;
        let origins = Compared::origins(&valid, 100, 4, 2);
        let came = |n: usize, step: usize| values[origins.start + n + 1 + step];
        let forecasts = Array3::from_shape_fn((origins.len(), 2, 1), |(n, step, _)| came(n, step) + off);
        let arima = Arima {
            ar: [0.0; 2],
            ma: 0.0,
            seasonal_ma: 0.0,
            mean: 0.0,
            differenced: true,
            period: 1,
            log: false,
        };
        Compared { valid, origins, forecasts }.ask(0, &target(), &values, arima, wanted)
    }

    #[test]
    fn the_validation_part_moves_the_belief() {
        // Both are off in opposite directions: together they are right where the network has a share of 3 in 5.
        for (valid, expected) in [(2, (0.6 + 1.5) / 4.0), (20, (10.0 * 0.6 + 1.5) / 13.0)] {
            let Asked { together: Some(together), errors: Some([networks, model, both]) } =
                asked(1.2, valid, Switch::Auto)
            else {
                panic!("nothing came of it")
            };
            assert!((networks - 1.2).abs() < 1e-9 && (model - 1.5).abs() < 1e-9, "{networks} {model}");
            assert!((together.networks - expected).abs() < 1e-9, "{together:?} for {expected}");
            assert!(both < 0.5, "{both}");
        }
    }

    #[test]
    fn a_model_far_behind_is_asked_only_where_it_is_wanted() {
        let Asked { together, errors } = asked(0.1, 20, Switch::Auto);
        assert_eq!((together, errors.map(|[_, model, _]| model)), (None, Some(1.5)));
        let wanted = asked(0.1, 20, Switch::On).together.unwrap();
        assert!(wanted.networks > 0.8 && wanted.networks < 0.9, "{wanted:?}");
        // Without a validation part nothing says that it helps.
        assert_eq!(asked(0.1, 0, Switch::Auto).together, None);
        assert_eq!(asked(0.1, 0, Switch::On).together.unwrap().networks, 0.5);
    }
}
