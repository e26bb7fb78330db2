//! The network: a recurrent stack over the window, a head for all steps ahead at once, and what is known of each step.

use super::config::NetworkSettings;
use super::preprocessing::{Frame, Preprocessing};
use crate::message::key;
use crate::model::{DenseLayer, DropoutLayer, Feed, Input, Model, ModelConfig, RecurrentLayer};
use crate::nn::{CombineLayer, FirstWeights, Recurrent, UnflattenLayer};
use crate::{Error, Layout, Result, Rows};

/// The inputs: the rows up to the last known one, and, where there is any, what is known of each step ahead.
const WINDOW: &str = "window";
pub(super) const KNOWN_AHEAD: &str = "known_ahead";
/// The stack.
const RECURRENT: &str = "recurrent";

/// The noise of the dropout between the layers of the stack, and of that before the head: the masks do not depend on which
/// layers there are besides.
const STACK_NOISE: u32 = 1;
const HEAD_NOISE: u32 = 2;

/// What the data say of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// I: numbers in a row of the window.
    pub(super) input: usize,
    /// F: numbers known of each step ahead; 0 for none.
    pub(super) ahead: usize,
    /// Steps ahead.
    pub(super) horizon: usize,
    /// C: columns that are forecast.
    pub(super) targets: usize,
}

impl Sizes {
    pub(super) fn of(p: &Preprocessing) -> Self {
        let (input, ahead) = (p.input_width(), p.ahead_width());
        Self { input, ahead, horizon: p.horizon, targets: p.targets.len() }
    }

    /// The inputs that there are, by name.
    fn inputs(self) -> Vec<(&'static str, Input)> {
        let mut inputs = vec![(WINDOW, Input::numbers(self.input))];
        if self.ahead > 0 {
            inputs.push((KNOWN_AHEAD, Input::numbers(self.ahead)));
        }
        inputs
    }
}

/// The layers: dropout(last state of the stack) · head, laid out as `[N, horizon, C]`, + what is known ahead · ahead.
///
/// The head returns every step at once; what is known of a step ahead is added to that step by one linear map that all
/// steps share, so that the stack need not learn the calendar of steps it does not see. The forget gates of an LSTM start
/// one higher than PyTorch draws them, so that it remembers until it has learnt to forget.
pub(super) fn network(settings: &NetworkSettings, sizes: Sizes) -> ModelConfig {
    let &NetworkSettings { cell, hidden, layers, bidirectional, dropout } = settings;
    let dropout = dropout as f32;
    let mut stack = RecurrentLayer::new(cell, hidden).layers(layers).bidirectional(bidirectional);
    if cell.spec().forget_gate.is_some() {
        stack = stack.first_weights(FirstWeights { forget_bias: 1.0, ..FirstWeights::pytorch(hidden) });
    }
    if layers > 1 && dropout > 0.0 {
        stack = stack.dropout(dropout).noise(STACK_NOISE);
    }
    let inputs = sizes.inputs().into_iter();
    let mut builder = inputs.fold(Model::graph(), |builder, (name, input)| builder.input(name, input));
    builder = builder.add(RECURRENT, stack, WINDOW);
    let mut read = RECURRENT;
    if dropout > 0.0 {
        builder = builder.add("dropout", DropoutLayer::new(dropout).noise(HEAD_NOISE), read);
        read = "dropout";
    }
    builder = builder.add("head", DenseLayer::new(sizes.horizon.saturating_mul(sizes.targets)), read).add(
        "steps",
        UnflattenLayer::new(sizes.horizon),
        "head",
    );
    if sizes.ahead > 0 {
        builder = builder.add("ahead", DenseLayer::new(sizes.targets).bias(false), KNOWN_AHEAD).add(
            "forecast",
            CombineLayer::add(),
            ["steps", "ahead"],
        );
    }
    builder.config()
}

/// The network with its first weights. Error: one that is too large.
pub(super) fn first_model(settings: &NetworkSettings, sizes: Sizes, seed: u64) -> Result<Model> {
    network(settings, sizes).build(seed).map_err(|error| {
        let sizes = key("hidden").to(settings.hidden) + " and " + key("layers").to(settings.layers);
        Error::Settings(sizes + format!(" make no network: {error}"))
    })
}

/// What the network reads at `origins`.
pub(super) fn feed(p: &Preprocessing, frame: &Frame, origins: &[usize]) -> Result<Feed<'static>> {
    let n = origins.len();
    let (window, ahead) = (p.windows(frame, origins), p.ahead(frame, origins));
    let feed = Feed::new().rows(WINDOW, Rows::new(window, p.input_width(), Layout::full(n, p.window)?)?);
    Ok(match p.ahead_width() {
        0 => feed,
        width => feed.rows(KNOWN_AHEAD, Rows::new(ahead, width, Layout::full(n, p.horizon)?)?),
    })
}

/// The outputs for so many windows, `[N, horizon, C]`. Error: rows of another shape, as those of a file that was tampered
/// with may be.
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

/// The stack over the window. Error: a model that has none.
pub(super) fn stack(model: &Model) -> Result<&Recurrent> {
    let missing = || Error::Model(format!("its network has no recurrent layer named {RECURRENT}"));
    model.layer(RECURRENT).ok_or_else(missing)
}

/// Error unless a model reads what these sizes give, and returns steps of as many numbers as they take.
pub(super) fn check(model: &Model, sizes: Sizes) -> Result<()> {
    stack(model)?;
    let given: Vec<(String, Input)> =
        sizes.inputs().into_iter().map(|(name, input)| (name.to_owned(), input)).collect();
    let summary = model.summary();
    let outputs: Vec<_> = model.output_names().filter_map(|name| summary.layer(name)).collect();
    let returns =
        matches!(outputs.as_slice(), [row] if row.output_shape == [None, None, Some(sizes.targets)]);
    if model.config().inputs == given.into_iter().collect() && returns {
        return Ok(());
    }
    Err(Error::Model(format!(
        "its network does not forecast {} columns from {} numbers a row and {} known ahead, as its preprocessing does",
        sizes.targets, sizes.input, sizes.ahead
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Targets};
    use crate::noise::Noise;
    use crate::settings::Cell;

    fn settings(cell: Cell) -> NetworkSettings {
        NetworkSettings { cell, hidden: 5, layers: 2, bidirectional: true, dropout: 0.2 }
    }

    fn sizes(ahead: usize) -> Sizes {
        Sizes { input: 3, ahead, horizon: 4, targets: 2 }
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
            check(&model, sizes(ahead)).unwrap();
            check(&model, sizes(ahead + 1)).unwrap_err();
            check(&model, Sizes { targets: 1, ..sizes(ahead) }).unwrap_err();
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
