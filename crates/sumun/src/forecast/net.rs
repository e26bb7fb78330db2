//! The forecaster's network: a recurrent stack over the window, and a head for all steps ahead at once.

use serde::{Deserialize, Serialize};

use super::forecaster::LayerSummary;
use super::options::Cell;
use crate::Parameters;
use crate::nn::{Dense, Dropout};

/// What the network is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetConfig {
    /// The recurrent cell.
    pub cell: Cell,
    /// I: numbers in a row of the window.
    pub input: usize,
    /// H: hidden units of each layer and direction.
    pub hidden: usize,
    /// Recurrent layers.
    pub layers: usize,
    /// Whether the window is also read backwards.
    pub bidirectional: bool,
    /// Dropout between layers and before the head.
    pub dropout: f32,
    /// F: numbers known of each step ahead; 0 for none.
    pub ahead: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// C: columns that are forecast.
    pub targets: usize,
}

/// The network's layers; their numbers live in [`Parameters`].
#[derive(Debug, Clone)]
pub struct Net {
    config: NetConfig,
    dropout: Dropout,
    head: Dense,
    /// `None` where nothing is known of the steps ahead.
    ahead: Option<Dense>,
}

impl Net {
    /// What it is made of.
    pub fn config(&self) -> &NetConfig {
        &self.config
    }

    /// The layers from the input to the output, for windows of `window` rows.
    pub fn summary(&self, parameters: &Parameters, window: usize) -> Vec<LayerSummary> {
        let c = &self.config;
        let count = |prefix: &str| {
            let entries = parameters.entries().iter().filter(|e| e.name.starts_with(prefix));
            entries.map(|e| e.range.len()).sum()
        };
        let directions = 1 + usize::from(c.bidirectional);
        let last = c.hidden * directions;
        let layer = |name: &str, kind: String, output: &[usize]| LayerSummary {
            name: name.into(),
            kind,
            output: std::iter::once(None).chain(output.iter().map(|&n| Some(n))).collect(),
            parameters: count(&format!("{name}.")),
        };
        let plural = if c.layers == 1 { "" } else { "s" };
        let both = if c.bidirectional { ", both directions" } else { "" };
        let cell = c.cell.to_string().to_uppercase();
        let kind = format!("{cell}, {} units, {} layer{plural}{both}", c.hidden, c.layers);
        let mut table = vec![
            layer("window", "input".into(), &[window, c.input]),
            layer("recurrent", kind, &[last]),
            layer("dropout", format!("dropout {}", self.dropout.p()), &[last]),
            layer("head", "dense".into(), &[c.horizon, c.targets]),
        ];
        if self.ahead.is_some() {
            let kind = format!("dense over {} numbers known ahead, added", c.ahead);
            table.push(layer("ahead", kind, &[c.horizon, c.targets]));
        }
        table
    }
}
