//! The forecaster's network: a recurrent stack over the window, and a head for all steps ahead at once.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::{Deserialize, Serialize};
use sumun_nn::layer::MOST_PARAMETERS;

use crate::message::key;
use crate::nn::{
    Dense, DenseConfig, Dropout, InputGradient, Layer, Output, Recurrent, RecurrentCache, RecurrentConfig,
};
use crate::noise::Noise;
use crate::settings::Cell;
use crate::{Error, Layout, Parameters, Result, Rows};

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

/// The network: dropout(last state of the stack) · head + what is known ahead · ahead.
///
/// The head answers every step at once; what is known of a step ahead is added to that step by one linear map that all
/// steps share, so that the stack need not learn the calendar of steps it does not see. The numbers live in
/// [`Parameters`], under the names `recurrent`, `head` and `ahead`.
#[derive(Debug)]
pub struct Net {
    config: NetConfig,
    recurrent: Recurrent,
    dropout: Dropout,
    head: Dense,
    /// `None` where nothing is known of the steps ahead.
    ahead: Option<Dense>,
}

/// One row of the layer table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The layer's name, which its tensors' names begin with.
    pub name: String,
    /// What it is: `LSTM, 32 units`.
    pub kind: String,
    /// The shape of its output; `None` is the number of windows, which is free.
    pub output: Vec<Option<usize>>,
    /// How many numbers it learns.
    pub parameters: usize,
}

/// What [`Net::backward`] needs.
#[derive(Debug)]
pub(crate) struct NetCache {
    recurrent: RecurrentCache,
    dropout: <Dropout as Layer>::Cache,
    head: <Dense as Layer>::Cache,
    ahead: Option<<Dense as Layer>::Cache>,
}

/// Which noise the dropout between the layers of the stack draws, and that before the head.
const STACK_NOISE: u32 = 1;
const HEAD_NOISE: u32 = 2;

impl NetConfig {
    /// How many numbers such a network has; `None` if they cannot be counted.
    pub(crate) fn parameter_count(&self) -> Option<usize> {
        let directions = 1 + usize::from(self.bidirectional);
        let last = self.hidden.checked_mul(directions)?;
        let gate_rows = self.cell.gates().checked_mul(self.hidden)?;
        let spec = self.cell.spec();
        let layer = |input: usize| {
            let biases = 1 + usize::from(spec.second_bias);
            let row = input.checked_add(spec.seen_units(self.hidden))?.checked_add(biases)?;
            gate_rows.checked_mul(row)?.checked_mul(directions)
        };
        let upper = layer(last)?.checked_mul(self.layers.checked_sub(1)?)?;
        let outputs = self.horizon.checked_mul(self.targets)?;
        let head = outputs.checked_mul(last.checked_add(1)?)?;
        let ahead = self.targets.checked_mul(self.ahead)?;
        layer(self.input)?.checked_add(upper)?.checked_add(head)?.checked_add(ahead)
    }
}

impl Net {
    /// A network and its first weights, drawn as PyTorch draws them from `seed`; the forget gates of an LSTM start one
    /// higher, so that it remembers until it has learnt to forget (Jozefowicz, Zaremba & Sutskever, ICML 2015).
    /// Sizes of 0 are errors, and so is a network too large for its training to fit into memory.
    pub fn new(config: NetConfig, seed: u64) -> Result<(Self, Parameters)> {
        let count = config.parameter_count();
        if config.layers > 0 && count.is_none_or(|count| count > MOST_PARAMETERS) {
            let count = count.map_or_else(|| "countless".into(), |count| count.to_string());
            return Err(Error::Settings(
                key("hidden").to(config.hidden)
                    + " and "
                    + key("layers").to(config.layers)
                    + format!(
                        " make a network of {count} parameters, above the limit of {MOST_PARAMETERS}; use fewer"
                    ),
            ));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut parameters = Parameters::new();
        let stack = RecurrentConfig {
            layers: config.layers,
            bidirectional: config.bidirectional,
            dropout: config.dropout,
            output: Output::Last,
            ..RecurrentConfig::new(config.cell, config.input, config.hidden)
        };
        let last = stack.output_features();
        let recurrent = Recurrent::new(stack, &mut parameters, "recurrent", &mut rng)?;
        if let Some(gate) = config.cell.spec().forget_gate {
            for index in 0..parameters.entries().len() {
                let entry = &parameters.entries()[index];
                if entry.name.starts_with("recurrent.bias_ih") {
                    let forget = entry.range.start + gate * config.hidden;
                    parameters.values_mut()[forget..][..config.hidden].iter_mut().for_each(|b| *b += 1.0);
                }
            }
        }
        let outputs = DenseConfig::new(last, config.horizon * config.targets);
        let head = Dense::new(outputs, &mut parameters, "head", &mut rng)?;
        let ahead = match config.ahead {
            0 => None,
            width => {
                let map = DenseConfig::new(width, config.targets).bias(false);
                Some(Dense::new(map, &mut parameters, "ahead", &mut rng)?)
            }
        };
        let dropout = Dropout::new(config.dropout)?;
        Ok((Self { config, recurrent, dropout, head, ahead }, parameters))
    }

    /// Packs what the network sees: `window` is `[T · N, I]`, `ahead` `[N · horizon, F]`.
    pub(crate) fn rows(&self, window: Vec<f32>, ahead: Vec<f32>, n: usize) -> Result<(Rows, Option<Rows>)> {
        let time = window.len() / (n * self.config.input);
        let x = Rows::new(window, self.config.input, Layout::full(n, time)?)?;
        let ahead = match self.ahead {
            Some(_) => Some(Rows::one_step(ahead, self.config.ahead, n * self.config.horizon)?),
            None => None,
        };
        Ok((x, ahead))
    }

    /// The answers `[N, horizon, C]`.
    pub(crate) fn forward(&self, p: &Parameters, x: Rows, ahead: Option<Rows>) -> Result<Vec<f32>> {
        let mut y = self.head.forward(p, self.recurrent.forward(p, x)?)?.into_data();
        if let (Some(layer), Some(ahead)) = (&self.ahead, ahead) {
            add(&mut y, &layer.forward(p, ahead)?.data)?;
        }
        Ok(y)
    }

    /// The answers `[N, horizon, C]` in training, and what backward needs.
    pub(crate) fn forward_train(
        &self,
        p: &Parameters,
        x: Rows,
        ahead: Option<Rows>,
        noise: Noise,
    ) -> Result<(Vec<f32>, NetCache)> {
        let (last, recurrent) = self.recurrent.forward_train(p, x, noise.for_layer(STACK_NOISE))?;
        let (last, dropout) = self.dropout.forward_train(p, last, noise.for_layer(HEAD_NOISE))?;
        let (y, head) = self.head.forward_train(p, last, noise)?;
        let mut y = y.into_data();
        let mut kept = None;
        if let (Some(layer), Some(ahead)) = (&self.ahead, ahead) {
            let (more, cache) = layer.forward_train(p, ahead, noise)?;
            add(&mut y, &more.data)?;
            kept = Some(cache);
        }
        Ok((y, NetCache { recurrent, dropout, head, ahead: kept }))
    }

    /// Adds to the gradients of all weights; `d` is the gradient of the answers, `[N, horizon, C]`.
    pub(crate) fn backward(&self, p: &mut Parameters, cache: NetCache, d: Vec<f32>) -> Result<()> {
        let c = &self.config;
        let steps = d.len() / c.targets;
        if let (Some(layer), Some(cache)) = (&self.ahead, cache.ahead) {
            let d = Rows::one_step(d.clone(), c.targets, steps)?;
            layer.backward(p, cache, d, InputGradient::Skip)?;
        }
        let d = Rows::one_step(d, c.horizon * c.targets, steps / c.horizon)?;
        let lost = || Error::Invalid("a layer kept back the gradient of its input".into());
        let d = self.head.backward(p, cache.head, d, InputGradient::Needed)?.ok_or_else(lost)?;
        let d = self.dropout.backward(p, cache.dropout, d, InputGradient::Needed)?.ok_or_else(lost)?;
        self.recurrent.backward(p, cache.recurrent, d, InputGradient::Skip)?;
        Ok(())
    }

    /// The instruction set that the recurrent stack runs on, such as `AVX-512`.
    pub fn path(&self) -> sumun_kernels::Path {
        self.recurrent.path()
    }

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
        let cell = c.cell.spec().family;
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

fn add(to: &mut [f32], values: &[f32]) -> Result<()> {
    if to.len() != values.len() {
        return Err(Error::Shape {
            what: "what is known of the steps ahead".into(),
            expected: format!("{} answers", to.len()),
            found: values.len().to_string(),
        });
    }
    to.iter_mut().zip(values).for_each(|(to, v)| *to += v);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets};

    fn config(cell: Cell, ahead: usize) -> NetConfig {
        NetConfig {
            cell,
            input: 3,
            hidden: 5,
            layers: 2,
            bidirectional: true,
            dropout: 0.2,
            ahead,
            horizon: 4,
            targets: 2,
        }
    }

    #[test]
    fn parameters_are_counted_before_they_exist() {
        for cell in [Cell::RnnTanh, Cell::Lstm, Cell::Gru] {
            for ahead in [0, 3] {
                let config = config(cell, ahead);
                let (net, parameters) = Net::new(config.clone(), 1).unwrap();
                assert_eq!(config.parameter_count(), Some(parameters.len()), "{config:?}");
                let table = net.summary(&parameters, 7);
                assert_eq!(table.iter().map(|l| l.parameters).sum::<usize>(), parameters.len());
            }
        }
        let huge = NetConfig { hidden: usize::MAX / 2, ..config(Cell::Lstm, 0) };
        assert_eq!(huge.parameter_count(), None);
    }

    #[test]
    fn gradients_of_the_whole_network() {
        let (net, mut parameters) = Net::new(config(Cell::Gru, 3), 2).unwrap();
        let (n, time) = (3, 6);
        let number = |k: usize| ((k * 37 % 19) as f32 - 9.0) / 10.0;
        let window: Vec<f32> = (0..n * time * 3).map(number).collect();
        let ahead: Vec<f32> = (0..n * 4 * 3).map(|k| number(k + 5)).collect();
        let target: Vec<f32> = (0..n * 8).map(|k| number(k + 11)).collect();
        let noise = Noise { seed: 4, step: 7, layer: 0 };
        let loss: Loss = "mse".parse().unwrap();
        let value = |p: &Parameters| {
            let (x, a) = net.rows(window.clone(), ahead.clone(), n).unwrap();
            let (y, _) = net.forward_train(p, x, a, noise).unwrap();
            loss.value_and_gradient(&y, Targets::Values(&target), None).unwrap()
        };
        let (x, a) = net.rows(window.clone(), ahead.clone(), n).unwrap();
        let (y, cache) = net.forward_train(&parameters, x, a, noise).unwrap();
        let mut d = vec![0.0; y.len()];
        loss.value_and_gradient(&y, Targets::Values(&target), Some(&mut d)).unwrap();
        net.backward(&mut parameters, cache, d).unwrap();
        let found = parameters.gradients().to_vec();
        assert!(found.iter().any(|g| g.abs() > 0.1));
        for k in (0..found.len()).step_by(7) {
            let at = |shift: f32| {
                let mut p = parameters.clone();
                p.values_mut()[k] += shift;
                value(&p)
            };
            let numeric = (at(0.01) - at(-0.01)) / 0.02;
            let difference = (f64::from(found[k]) - numeric).abs();
            assert!(difference < 2e-3 * (1.0 + numeric.abs()), "{k}: {} for {numeric}", found[k]);
        }
    }
}
