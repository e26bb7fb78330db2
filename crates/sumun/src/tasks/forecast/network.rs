//! The network: a recurrent stack over the window, a head for all steps ahead at once, and what is known of each step; or
//! several of them side by side, whose forecasts are averaged.

use std::collections::BTreeSet;

use super::config::NetworkSettings;
use super::preprocessing::{Frame, Preprocessing};
use crate::message::key;
use crate::model::{DenseLayer, DropoutLayer, Feed, Input, Model, ModelConfig, RecurrentLayer};
use crate::nn::{CombineLayer, FirstWeights, Recurrent, UnflattenLayer};
use crate::{Error, Layout, Parameters, Result, Rows};

/// The inputs: the rows up to the last known one, and, where there is any, what is known of each step ahead.
pub(super) const WINDOW: &str = "window";
pub(super) const KNOWN_AHEAD: &str = "known_ahead";
/// The stack, and the layers after it.
const RECURRENT: &str = "recurrent";
const DROPOUT: &str = "dropout";
const HEAD: &str = "head";
const STEPS: &str = "steps";
const AHEAD: &str = "ahead";
const FORECAST: &str = "forecast";

/// What a part of network `index` is called: plainly in the first, with a number in the others.
pub(super) fn numbered(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}_{}", index + 1) }
}

/// The name of the input of a network, in the order of several.
pub(super) fn window_name(index: usize) -> String {
    numbered(WINDOW, index)
}

/// The noise of the dropout between the layers of the stack, and of that before the head: the masks do not depend on which
/// layers there are besides.
const STACK_NOISE: u32 = 1;
const HEAD_NOISE: u32 = 2;
/// How many noises a network has.
const NOISES: u32 = 2;

/// What the data say of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// I: numbers in a row of the window.
    pub(super) input: usize,
    /// F: numbers known of each step ahead; 0 for none.
    pub(super) ahead: usize,
    /// Steps ahead.
    pub(super) horizon: usize,
    /// C: columns that are forecast, or quantiles of one.
    pub(super) targets: usize,
    /// Whether what is known ahead is its own input; if not, all networks share one.
    pub(super) own_ahead: bool,
}

/// The inputs of these networks side by side, by name.
fn inputs(networks: &[Sizes]) -> Vec<(String, Input)> {
    let windows = networks.iter().enumerate();
    let mut inputs: Vec<_> =
        windows.map(|(index, sizes)| (numbered(WINDOW, index), Input::numbers(sizes.input))).collect();
    for (index, sizes) in networks.iter().enumerate() {
        if sizes.ahead > 0 && (index == 0 || sizes.own_ahead) {
            inputs.push((sizes.ahead_name(index), Input::numbers(sizes.ahead)));
        }
    }
    inputs
}

impl Sizes {
    pub(super) fn of(p: &Preprocessing) -> Self {
        let (input, ahead) = (p.input_width(), p.ahead_width());
        Self { input, ahead, horizon: p.horizon, targets: p.targets.len(), own_ahead: false }
    }

    /// What network `index` reads of the steps ahead is called.
    pub(super) fn ahead_name(&self, index: usize) -> String {
        numbered(KNOWN_AHEAD, if self.own_ahead { index } else { 0 })
    }
}

/// The layers of each network: dropout(last state of the stack) · head, laid out as `[N, horizon, C]`, + what is known
/// ahead · ahead. Of several, each has an output of its own, in their order.
///
/// The head returns every step at once; what is known of a step ahead is added to that step by one linear map that all
/// steps share, so that the stack need not learn the calendar of steps it does not see. The forget gates of an LSTM start
/// one higher than PyTorch draws them, so that it remembers until it has learnt to forget.
pub(super) fn network(settings: &NetworkSettings, networks: &[Sizes]) -> ModelConfig {
    let &NetworkSettings { cell, hidden, layers, bidirectional, dropout, precision } = settings;
    let dropout = dropout as f32;
    let mut recurrent = RecurrentLayer::new(cell, hidden).layers(layers).bidirectional(bidirectional);
    if cell.spec().forget_gate.is_some() {
        recurrent =
            recurrent.first_weights(FirstWeights { forget_bias: 1.0, ..FirstWeights::pytorch(hidden) });
    }
    let given = inputs(networks).into_iter();
    let mut builder = given.fold(Model::graph(), |builder, (name, input)| builder.input(name, input));
    let mut outputs = Vec::new();
    for (index, &sizes) in networks.iter().enumerate() {
        let name = |part: &str| numbered(part, index);
        let noise = |first: u32| first + NOISES * index as u32;
        let mut stack = recurrent.clone();
        if layers > 1 && dropout > 0.0 {
            stack = stack.dropout(dropout).noise(noise(STACK_NOISE));
        }
        let mut read = name(RECURRENT);
        builder = builder.add(&read, stack, name(WINDOW).as_str());
        if dropout > 0.0 {
            let dropped = name(DROPOUT);
            builder =
                builder.add(&dropped, DropoutLayer::new(dropout).noise(noise(HEAD_NOISE)), read.as_str());
            read = dropped;
        }
        let (head, steps) = (name(HEAD), name(STEPS));
        builder = builder
            .add(&head, DenseLayer::new(sizes.horizon.saturating_mul(sizes.targets)), read.as_str())
            .add(&steps, UnflattenLayer::new(sizes.horizon), head.as_str());
        let mut output = steps;
        if sizes.ahead > 0 {
            let (ahead, forecast) = (name(AHEAD), name(FORECAST));
            builder = builder
                .add(&ahead, DenseLayer::new(sizes.targets).bias(false), sizes.ahead_name(index).as_str())
                .add(&forecast, CombineLayer::add(), [output.as_str(), ahead.as_str()]);
            output = forecast;
        }
        outputs.push(output);
    }
    // The last layer is the output where nothing else is said.
    if outputs.len() > 1 {
        builder = builder.outputs(outputs);
    }
    ModelConfig { precision: precision.into(), ..builder.config() }
}

/// The network with its first weights. Error: one that is too large.
pub(super) fn first_model(settings: &NetworkSettings, sizes: Sizes, seed: u64) -> Result<Model> {
    network(settings, &[sizes]).build(seed).map_err(|error| {
        let sizes = key("hidden").to(settings.hidden) + " and " + key("layers").to(settings.layers);
        Error::Settings(sizes + format!(" make no network: {error}"))
    })
}

/// The trained networks of a forecast side by side, as one model. Error: weights that do not fit, and together too many.
pub(super) fn joined(settings: &NetworkSettings, networks: &[(Sizes, &[f32])]) -> Result<Model> {
    let sizes: Vec<Sizes> = networks.iter().map(|(sizes, _)| *sizes).collect();
    let mut model = network(settings, &sizes).build(0)?;
    // The weights of a model stand in the order of its layers.
    let weights: Vec<f32> = networks.iter().flat_map(|(_, weights)| weights.iter().copied()).collect();
    let values = model.parameters_mut().values_mut();
    expect_weights(weights.len(), values.len())?;
    values.copy_from_slice(&weights);
    Ok(model)
}

/// The networks of a model that [`joined`] made, each by itself.
pub(super) fn apart(settings: &NetworkSettings, sizes: &[Sizes], model: &Model) -> Result<Vec<Model>> {
    let alone = |sizes: &Sizes| network(settings, &[*sizes]).build(0);
    let mut all = sizes.iter().map(alone).collect::<std::result::Result<Vec<Model>, _>>()?;
    let mut weights = model.parameters().values();
    expect_weights(weights.len(), all.iter().map(|one| one.parameters().len()).sum())?;
    for one in &mut all {
        let (its, others) = weights.split_at(one.parameters().len());
        one.parameters_mut().values_mut().copy_from_slice(its);
        weights = others;
    }
    Ok(all)
}

/// Refuses networks with other weights than a model of them.
fn expect_weights(found: usize, wanted: usize) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(Error::Model(format!("its networks have {} weights, not {}", found, wanted))),
    }
}

/// The first of so many networks of a model, alone. Error: a model that does not have it.
pub(super) fn first_alone(model: &Model, networks: usize) -> Result<Model> {
    const PARTS: [&str; 8] = [WINDOW, KNOWN_AHEAD, RECURRENT, DROPOUT, HEAD, STEPS, AHEAD, FORECAST];
    let others: BTreeSet<String> =
        (1..networks).flat_map(|index| PARTS.into_iter().map(move |part| numbered(part, index))).collect();
    let mut config = model.config().clone();
    config.inputs.retain(|name, _| !others.contains(name));
    config.layers.retain(|layer| layer.name().is_none_or(|name| !others.contains(name)));
    config.outputs.truncate(1);
    let mut alone = config.build(0)?;
    let names: Vec<String> = alone.parameters().entries().iter().map(|entry| entry.name.clone()).collect();
    for name in names {
        let find = |parameters: &Parameters| {
            parameters.find(&name).ok_or_else(|| Error::Model(format!("its first network has no {name}")))
        };
        let from = model.parameters().value(find(model.parameters())?);
        let id = find(alone.parameters())?;
        let to = alone.parameters_mut().value_mut(id);
        if to.len() != from.len() {
            let (found, wanted) = (from.len(), to.len());
            return Err(Error::Model(format!("its {name} has {found} numbers, not {wanted}")));
        }
        to.copy_from_slice(from);
    }
    Ok(alone)
}

/// What is said where the first of several networks is shown; None where there is one.
pub(super) fn first_shown(networks: usize) -> Option<String> {
    (networks > 1).then(|| {
        format!("the first of {networks} networks is shown, whose forecasts are averaged: one of the best candidate")
    })
}

/// What a network reads at `origins`.
pub(super) fn feed(p: &Preprocessing, frame: &Frame, origins: &[usize]) -> Result<Feed<'static>> {
    with_ahead(Feed::new().rows(WINDOW, window(p, frame, origins)?), p, frame, origins)
}

fn window(p: &Preprocessing, frame: &Frame, origins: &[usize]) -> Result<Rows> {
    Rows::new(p.windows(frame, origins), p.input_width(), Layout::full(origins.len(), p.window)?)
}

fn with_ahead<'a>(feed: Feed<'a>, p: &Preprocessing, frame: &Frame, origins: &[usize]) -> Result<Feed<'a>> {
    Ok(match p.ahead_width() {
        0 => feed,
        width => {
            let layout = Layout::full(origins.len(), p.horizon)?;
            feed.rows(KNOWN_AHEAD, Rows::new(p.ahead(frame, origins), width, layout)?)
        }
    })
}

/// The outputs of each network of a model at `origins`, each `[N, horizon, C]`. Error: rows of another shape, as those of a
/// file that was tampered with may be.
pub(super) fn outputs_of_all(
    model: &Model,
    networks: &[(&Preprocessing, &Frame)],
    origins: &[usize],
) -> Result<Vec<Vec<f32>>> {
    let names: Vec<String> = (0..networks.len()).map(|index| numbered(WINDOW, index)).collect();
    let mut given = Feed::new();
    for (name, (p, frame)) in names.iter().zip(networks) {
        given = given.rows(name, window(p, frame, origins)?);
    }
    if let Some((p, frame)) = networks.first() {
        given = with_ahead(given, p, frame, origins)?;
    }
    let rows = model.outputs(given, None)?.rows;
    if rows.len() != networks.len() {
        return Err(Error::Model(format!("its model has {} outputs for {}", rows.len(), networks.len())));
    }
    rows.iter().zip(networks).map(|(out, (p, _))| outputs(out, Sizes::of(p), origins.len())).collect()
}

/// The outputs for so many windows, `[N, horizon, C]`. Error: rows of another shape.
pub(super) fn outputs(out: &Rows, sizes: Sizes, windows: usize) -> Result<Vec<f32>> {
    let expected = [windows, sizes.horizon, sizes.targets];
    let found = [out.layout.sequences(), out.layout.time(), out.features];
    if found != expected || out.layout.rows() != windows * sizes.horizon {
        return Err(Error::Shape {
            what: "the outputs of the network".into(),
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        });
    }
    Ok(out.unpack())
}

/// The stack over the window, of the first of several networks. Error: a model that has none.
pub(super) fn stack(model: &Model) -> Result<&Recurrent> {
    let missing = || Error::Model(format!("its network has no recurrent layer named {RECURRENT}"));
    model.layer(RECURRENT).ok_or_else(missing)
}

/// Error unless a model reads what these sizes give, and returns steps of as many numbers as they take, for each network.
pub(super) fn check(model: &Model, networks: &[Sizes]) -> Result<()> {
    stack(model)?;
    let summary = model.summary();
    let outputs: Vec<_> = model.output_names().filter_map(|name| summary.layer(name)).collect();
    let returns = outputs.len() == networks.len()
        && outputs
            .iter()
            .zip(networks)
            .all(|(row, sizes)| row.output_shape == [None, None, Some(sizes.targets)]);
    if model.config().inputs == inputs(networks).into_iter().collect() && returns {
        return Ok(());
    }
    let each: Vec<String> = networks
        .iter()
        .map(|sizes| {
            format!(
                "{} columns from {} numbers a row and {} known ahead",
                sizes.targets, sizes.input, sizes.ahead
            )
        })
        .collect();
    Err(Error::Model(format!("its network does not forecast {}, as its preprocessing does", each.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets};
    use crate::noise::Noise;
    use crate::settings::Cell;

    fn settings(cell: Cell) -> NetworkSettings {
        NetworkSettings {
            cell,
            hidden: 5,
            layers: 2,
            bidirectional: true,
            dropout: 0.2,
            ..NetworkSettings::default()
        }
    }

    fn sizes(ahead: usize) -> Sizes {
        Sizes { input: 3, ahead, horizon: 4, targets: 2, own_ahead: false }
    }

    #[test]
    fn weights_have_the_names_and_order_of_earlier_versions() {
        for (ahead, dropout) in [(0, 0.2), (3, 0.2), (3, 0.0)] {
            let settings =
                NetworkSettings { layers: 1, bidirectional: false, dropout, ..settings(Cell::Lstm) };
            let model = first_model(&settings, sizes(ahead), 1).unwrap();
            let names: Vec<&str> = model.parameters().entries().iter().map(|e| e.name.as_str()).collect();
            let recurrent = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
            let mut expected: Vec<String> =
                recurrent.iter().map(|name| format!("recurrent.{name}")).collect();
            expected.extend(["head.weight".into(), "head.bias".into()]);
            expected.extend((ahead > 0).then(|| "ahead.weight".into()));
            assert_eq!(names, expected);
            check(&model, &[sizes(ahead)]).unwrap();
            check(&model, &[sizes(ahead + 1)]).unwrap_err();
            check(&model, &[Sizes { targets: 1, ..sizes(ahead) }]).unwrap_err();
            check(&model, &[sizes(ahead); 2]).unwrap_err();
        }
    }

    #[test]
    fn outputs_of_another_shape_are_refused() {
        let rows = |n: usize, time: usize| {
            Rows::new(vec![0.0; n * time * 2], 2, Layout::full(n, time).unwrap()).unwrap()
        };
        assert_eq!(outputs(&rows(3, 4), sizes(0), 3).unwrap().len(), 24);
        for (n, time) in [(3, 5), (4, 4), (3, 1)] {
            let error = outputs(&rows(n, time), sizes(0), 3).unwrap_err().to_string();
            let expected = format!("the outputs of the network: expected [3, 4, 2], found [{n}, {time}, 2]");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn networks_that_cannot_be_are_refused_before_they_are_built() {
        let error = |settings: NetworkSettings| {
            first_model(&settings, sizes(3), 1).map(|_| ()).unwrap_err().to_string()
        };
        let hidden = NetworkSettings { hidden: 99_999_999, ..settings(Cell::Gru) };
        assert_eq!(
            error(hidden),
            "hidden = 99999999 and layers = 2 make no network: recurrent: with its weight of shape [299999997, \
             99999999] the model has more than 1073741824 parameters; make it smaller"
        );
        let layers = NetworkSettings { layers: 101, ..settings(Cell::Gru) };
        assert_eq!(
            error(layers),
            "hidden = 5 and layers = 101 make no network: recurrent: layers is 101; it is at most 100"
        );
    }

    #[test]
    fn gradients_of_the_whole_network() {
        for (cell, ahead) in [(Cell::Gru, 3), (Cell::Lstm, 0)] {
            let mut model = first_model(&settings(cell), sizes(ahead), 2).unwrap();
            let (n, time) = (3, 6);
            let number = |k: usize| ((k * 37 % 19) as f32 - 9.0) / 10.0;
            let rows = |features: usize, time: usize, shift: usize| {
                let data = (0..n * time * features).map(|k| number(k + shift)).collect();
                Rows::new(data, features, Layout::full(n, time).unwrap()).unwrap()
            };
            let feed = || {
                let feed = Feed::new().rows(WINDOW, rows(3, time, 0));
                if ahead > 0 { feed.rows(KNOWN_AHEAD, rows(ahead, 4, 5)) } else { feed }
            };
            let target: Vec<f32> = (0..n * 8).map(|k| number(k + 11)).collect();
            let noise = Noise { seed: 4, step: 7, layer: 0 };
            let loss: Loss = "mse".parse().unwrap();
            let value = |model: &Model| {
                let (y, _) = model.forward_train(feed(), noise).unwrap();
                loss.value_and_gradient(&y.unpack(), Targets::Values(&target), None).unwrap()
            };
            let (y, cache) = model.forward_train(feed(), noise).unwrap();
            let mut d = vec![0.0; y.data.len()];
            loss.value_and_gradient(&y.unpack(), Targets::Values(&target), Some(&mut d)).unwrap();
            model.backward(cache, Rows::pack(&d, 2, y.layout.clone()).unwrap()).unwrap();
            let found = model.parameters().gradients().to_vec();
            assert!(found.iter().any(|g| g.abs() > 0.1));
            for k in (0..found.len()).step_by(7) {
                let weight = model.parameters().values()[k];
                let mut at = |shift: f32| {
                    model.parameters_mut().values_mut()[k] = weight + shift;
                    value(&model)
                };
                let numeric = (at(0.01) - at(-0.01)) / 0.02;
                model.parameters_mut().values_mut()[k] = weight;
                let difference = (f64::from(found[k]) - numeric).abs();
                assert!(difference < 2e-3 * (1.0 + numeric.abs()), "{k}: {} for {numeric}", found[k]);
            }
        }
    }
}
