//! Training that goes on from the weights of a finished run, on newer rows.

pub(super) mod compare;
pub(super) mod plan;

use super::decisions::{Decisions, Trial};
use super::preprocessing::Preprocessing;
use super::together::Together;
use crate::Result;
use crate::data::Difference;
use crate::settings::DifferenceChoice;

/// What a training goes on from: the networks of a run, and how they see the data.
#[derive(Debug)]
pub(super) struct Continued {
    /// What each network sees, with the scalers that it was trained with.
    pub(super) networks: Vec<Preprocessing>,
    /// The weights of each.
    pub(super) weights: Vec<Vec<f32>>,
    /// Rows before the new ones, which only give windows something to look back at.
    pub(super) before: usize,
    /// What forecast together with the networks.
    pub(super) together: Vec<Option<Together>>,
    /// Whether scalers are fitted anew.
    pub(super) rescale: bool,
}

impl Continued {
    /// How many seeds each candidate of the run was trained from.
    pub(super) fn seeds(networks: &[Preprocessing]) -> usize {
        let first = &networks[0];
        networks.iter().filter(|p| p.difference == first.difference && p.window == first.window).count()
    }

    /// What the run decided.
    pub(super) fn decide(&self, decisions: &mut Decisions) {
        let first = &self.networks[0];
        decisions.candidates = self
            .networks
            .iter()
            .map(|p| Trial { difference: choice(p.difference), window: p.window })
            .collect();
        decisions.window = first.window;
        decisions.log = first.targets.iter().map(|target| target.log).collect();
        decisions.min = first.targets.iter().map(|target| target.min).collect();
        decisions.calendar = first.calendar.clone();
        decisions.difference = choice(first.difference);
        decisions.ensemble = Self::seeds(&self.networks);
    }

    /// How network `index` sees the data, given what would be fitted to the new training part.
    pub(super) fn preprocessing(
        &self,
        index: usize,
        fitted: impl FnOnce() -> Result<Preprocessing>,
    ) -> Result<Preprocessing> {
        let mut kept = self.networks[index].clone();
        if self.rescale {
            let fitted = fitted()?;
            for (kept, fitted) in kept.targets.iter_mut().zip(&fitted.targets) {
                (kept.level, kept.change) = (fitted.level.clone(), fitted.change.clone());
                kept.mase_scale = fitted.mase_scale;
            }
            let inputs = kept.features.iter_mut().chain(&mut kept.known);
            for (kept, fitted) in inputs.zip(fitted.features.iter().chain(&fitted.known)) {
                kept.scaler = fitted.scaler.clone();
            }
        }
        Ok(kept)
    }
}

fn choice(difference: Difference) -> DifferenceChoice {
    match difference {
        Difference::Season(_) => DifferenceChoice::Season,
        Difference::Last => DifferenceChoice::Last,
        Difference::None => DifferenceChoice::None,
    }
}
