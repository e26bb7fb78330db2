//! The weights of a conditional random field as slices, and with the rules in them.

use super::rules::TagRules;

/// The weights, for K tags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores<'a> {
    /// K.
    pub(super) tags: usize,
    /// `[from, to]`.
    pub(super) transitions: &'a [f32],
    /// `[K]`.
    pub(super) start: &'a [f32],
    /// `[K]`.
    pub(super) end: &'a [f32],
}

/// The weights in double precision, −∞ for what the rules forbid.
pub(super) struct Ruled {
    /// `[from, to]`.
    pub(super) transitions: Vec<f64>,
    /// `[K]`.
    pub(super) start: Vec<f64>,
    /// `[K]`.
    pub(super) end: Vec<f64>,
    /// Whether there are rules.
    pub(super) forbids: bool,
}

impl Ruled {
    pub(super) fn of(scores: Scores<'_>, rules: Option<&TagRules>) -> Self {
        let all = |weights: &[f32], may: Option<&[bool]>| -> Vec<f64> {
            let allowed = |place: usize| may.is_none_or(|may| may[place]);
            let ruled = |(place, &weight): (usize, &f32)| match allowed(place) {
                true => f64::from(weight),
                false => f64::NEG_INFINITY,
            };
            weights.iter().enumerate().map(ruled).collect()
        };
        Self {
            transitions: all(scores.transitions, rules.map(TagRules::next)),
            start: all(scores.start, rules.map(TagRules::first)),
            end: all(scores.end, rules.map(TagRules::last)),
            forbids: rules.is_some(),
        }
    }
}
