//! Small models of the audio world: RTNeural's and AIDA-X', GuitarML's, and Neural Amp Modeler's LSTM.

mod write;

use sumun_formats::Tensor;
use sumun_formats::audio::rtneural::{Kind, Layer, Model as RtNeural};
use sumun_formats::audio::{Document, guitarml, nam};

use super::layouts::{bias, kernel_in, transposed, turned};
use super::{Import, of_weights, of_weights_with};
use crate::model::{Biases, DenseLayer, Input, LayerConfig, ModelConfig, NamedTensor, RecurrentLayer};
use crate::nn::{
    ActivationFunction, ActivationLayer, BatchNormLayer, CellKind, CombineLayer, Conv1dLayer, Padding,
    SoftmaxLayer,
};
use crate::{Error, Result};
pub use write::to_rtneural;

/// The model that such a file holds; it returns a row at every step. Errors: a layer or function that a model here does not have,
/// and a weight that is not finite.
pub fn of_audio(document: &Document) -> Result<Import> {
    match document {
        Document::RtNeural(model) => of_rtneural(model),
        Document::GuitarMl(model) => of_guitarml(model),
        Document::Nam(model) => of_nam(model),
        Document::StateDict(tensors) => of_weights(tensors),
        _ => Err(Error::Model("is of a kind that has no layers here".into())),
    }
}

/// Layers one after the other, with their weights.
struct Chain {
    config: ModelConfig,
    weights: Vec<NamedTensor>,
    /// The name of the layer that the next one reads; None at the input.
    last: Option<String>,
}

impl Chain {
    fn new(inputs: usize) -> Self {
        Self { config: ModelConfig::new(Input::numbers(inputs)), weights: Vec::new(), last: None }
    }

    fn push(&mut self, name: String, layer: impl Into<LayerConfig>) {
        let mut layer = layer.into();
        layer.common_mut().name = Some(name.clone());
        self.config.layers.push(layer);
        self.last = Some(name);
    }

    /// A weight of the last layer.
    fn weight(&mut self, leaf: &str, shape: &[usize], values: Vec<f32>) {
        let layer = self.last.as_deref().unwrap_or_default();
        self.weights.push(NamedTensor::new(format!("{layer}.{leaf}"), shape, values));
    }

    /// Everything times 10^(dB / 20).
    fn gain(&mut self, name: &str, decibels: Option<f32>) {
        if let Some(decibels) = decibels.filter(|&decibels| decibels != 0.0) {
            let alpha = 10_f64.powf(f64::from(decibels) / 20.0);
            self.push(name.into(), ActivationLayer::new(ActivationFunction::Affine { alpha, beta: 0.0 }));
        }
    }

    /// x where x ≥ 0, and below it a slope for each unit times x: relu(x) − slope · relu(−x).
    fn slopes(&mut self, name: &str, slopes: &[f32]) {
        let from = self.last.clone().unwrap_or_else(|| ModelConfig::INPUT.into());
        self.push(
            format!("{name}_turned"),
            ActivationLayer::new(ActivationFunction::Affine { alpha: -1.0, beta: 0.0 }),
        );
        self.push(format!("{name}_below"), ActivationLayer::new(ActivationFunction::Relu));
        self.push(format!("{name}_slopes"), DenseLayer::new(slopes.len()).bias(false));
        let units = slopes.len();
        let mut weight = vec![0.0; units * units];
        slopes.iter().enumerate().for_each(|(unit, slope)| weight[unit * units + unit] = -slope);
        self.weight("weight", &[units, units], weight);
        let below = self.last.clone().unwrap_or_default();
        let mut above = ActivationLayer::new(ActivationFunction::Relu);
        above.common.from = vec![from];
        self.push(format!("{name}_above"), above);
        let mut sum = CombineLayer::add();
        sum.common.from = vec![self.last.clone().unwrap_or_default(), below];
        self.push(name.into(), sum);
    }

    /// Adds the first of the numbers that `from` gives, `inputs` at each step.
    fn add_first(&mut self, from: Option<&str>, inputs: usize) {
        let output = self.last.clone().unwrap_or_default();
        let from = from.unwrap_or(ModelConfig::INPUT).to_owned();
        let first = match inputs {
            1 => from,
            _ => {
                let mut pick = DenseLayer::new(1).bias(false);
                pick.common.from = vec![from];
                self.push("first".into(), pick);
                let mut one = vec![0.0; inputs];
                one[0] = 1.0;
                self.weight("weight", &[1, inputs], one);
                "first".into()
            }
        };
        let mut sum = CombineLayer::add();
        sum.common.from = vec![output, first];
        self.push("skip".into(), sum);
    }

    /// The model, trained for so many steps a second.
    fn finish(self, sample_rate: Option<f64>) -> Result<Import> {
        let notes = sample_rate.map(|rate| format!("it was trained for {rate} steps a second"));
        let notes = notes.into_iter().collect();
        Ok(Import { sample_rate, ..Import::of(self.config, &self.weights, notes)? })
    }
}

fn of_rtneural(model: &RtNeural) -> Result<Import> {
    let mut chain = Chain::new(model.inputs);
    chain.gain("input_gain", model.input_gain);
    let (gained, mut inputs) = (chain.last.clone(), model.inputs);
    for (place, layer) in model.layers.iter().enumerate() {
        push_layer(&mut chain, place, layer, inputs)?;
        inputs = layer.units;
    }
    if model.skip {
        chain.add_first(gained.as_deref(), model.inputs);
    }
    chain.gain("output_gain", model.output_gain);
    chain.finish(model.sample_rate)
}

fn push_layer(chain: &mut Chain, place: usize, layer: &Layer, inputs: usize) -> Result<()> {
    let (units, name) = (layer.units, format!("{}_{place}", layer.kind.name()));
    let values = layer.weights.iter().map(Tensor::to_f32).collect::<Result<Vec<_>, _>>()?;
    let missing = || Error::Model(format!("the layer {name} has fewer weights than it needs"));
    let weight = |at: usize| values.get(at).cloned().ok_or_else(missing);
    match layer.kind {
        Kind::Dense => {
            chain.push(name.clone(), DenseLayer::new(units).bias(values.len() > 1));
            chain.weight("weight", &[units, inputs], transposed(&weight(0)?, inputs, units));
            if values.len() > 1 {
                chain.weight("bias", &[units], weight(1)?);
            }
        }
        Kind::Lstm | Kind::Gru => {
            let (cell, rows) = if layer.kind == Kind::Lstm {
                (CellKind::Lstm, 4 * units)
            } else {
                (CellKind::Gru, 3 * units)
            };
            if !matches!(layer.activation.as_str(), "" | "tanh") {
                return Err(unknown_function(&name, &layer.activation));
            }
            let biases = if cell == CellKind::Lstm { Biases::One } else { Biases::Two };
            chain.push(name.clone(), RecurrentLayer::new(cell, units).biases(biases).return_sequences(true));
            chain.weight("weight_ih_l0", &[rows, inputs], kernel_in(cell, &weight(0)?, inputs));
            chain.weight("weight_hh_l0", &[rows, units], kernel_in(cell, &weight(1)?, units));
            let both = weight(2)?;
            for (leaf, part) in ["bias_ih_l0", "bias_hh_l0"].into_iter().zip(both.chunks_exact(rows)) {
                chain.weight(leaf, &[rows], bias(cell, part));
            }
            return Ok(());
        }
        Kind::Conv1d { kernel, dilation, groups } => {
            let layer =
                Conv1dLayer::new(units, kernel).dilation(dilation).groups(groups).padding(Padding::Causal);
            chain.push(name.clone(), layer);
            let each = inputs / groups.max(1);
            let turned = turned(&weight(0)?, [kernel, each, units]);
            chain.weight("weight", &[units, each, kernel], turned);
            chain.weight("bias", &[units], weight(1)?);
        }
        Kind::BatchNorm { epsilon } => {
            let affine = values.len() > 2;
            chain.push(name.clone(), BatchNormLayer::new().epsilon(f64::from(epsilon)).affine(affine));
            let names: &[&str] = if affine { &["weight", "bias"] } else { &[] };
            for (at, leaf) in names.iter().chain(&["running_mean", "running_var"]).enumerate() {
                chain.weight(leaf, &[units], weight(at)?);
            }
        }
        Kind::Prelu => {
            let slopes = weight(0)?;
            let alpha = slopes.first().copied().ok_or_else(missing)?;
            if slopes.iter().any(|&slope| slope != alpha) {
                chain.slopes(&name, &slopes);
                return Ok(());
            }
            chain.push(
                name.clone(),
                ActivationLayer::new(ActivationFunction::LeakyRelu { alpha: alpha.into() }),
            );
        }
        Kind::Activation => {}
        other => {
            return Err(Error::Model(format!(
                "the layer {name} is a {}, which a model here does not have",
                other.name()
            )));
        }
    }
    match layer.activation.as_str() {
        "" | "linear" => Ok(()),
        "softmax" => {
            chain.push(format!("softmax_{place}"), SoftmaxLayer::new());
            Ok(())
        }
        function => {
            let function = match function {
                "tanh" => ActivationFunction::Tanh,
                "relu" => ActivationFunction::Relu,
                "sigmoid" => ActivationFunction::Sigmoid,
                "elu" => ActivationFunction::Elu { alpha: 1.0 },
                other => return Err(unknown_function(&name, other)),
            };
            chain.push(format!("{}_{place}", layer.activation), ActivationLayer::new(function));
            Ok(())
        }
    }
}

fn unknown_function(layer: &str, function: &str) -> Error {
    let function = crate::error::quoted(function);
    Error::Model(format!(
        "the layer {layer} has the function {function}, which a model here does not have there"
    ))
}

fn of_guitarml(model: &guitarml::Model) -> Result<Import> {
    let Some(cell) = ["RNN", "GRU", "LSTM"].iter().position(|name| *name == model.cell) else {
        return Err(Error::Model(format!(
            "its cell is {}; RNN, GRU and LSTM are read",
            crate::error::quoted(&model.cell)
        )));
    };
    let cell = [CellKind::RnnTanh, CellKind::Gru, CellKind::Lstm][cell];
    let mut chain = Chain::new(model.inputs);
    let stack = RecurrentLayer::new(cell, model.units).layers(model.layers).return_sequences(true);
    chain.push("rec".into(), stack);
    chain.push("lin".into(), DenseLayer::new(model.outputs).bias(model.bias));
    if !model.skip {
        return of_weights_with(&model.tensors, chain.config);
    }
    for (name, tensor) in model.tensors.iter() {
        let values = tensor.to_f32()?;
        chain.weights.push(NamedTensor::new(name, tensor.shape(), values));
    }
    chain.add_first(None, model.inputs);
    chain.finish(None)
}

fn of_nam(model: &nam::Model) -> Result<Import> {
    let (units, mut inputs) = (model.units, model.inputs);
    let mut chain = Chain::new(inputs);
    chain.push(
        "lstm".into(),
        RecurrentLayer::lstm(units).layers(model.layers.len()).biases(Biases::One).return_sequences(true),
    );
    let (mut hidden, mut cell) = (Vec::new(), Vec::new());
    for (k, layer) in model.layers.iter().enumerate() {
        // [4H, I + H]: the columns of the input, then those of h.
        let weight = layer.weight.to_f32()?;
        let rows = || weight.chunks_exact(inputs + units);
        let of_input: Vec<f32> = rows().flat_map(|row| &row[..inputs]).copied().collect();
        let of_hidden: Vec<f32> = rows().flat_map(|row| &row[inputs..]).copied().collect();
        chain.weight(&format!("weight_ih_l{k}"), &[4 * units, inputs], of_input);
        chain.weight(&format!("weight_hh_l{k}"), &[4 * units, units], of_hidden);
        chain.weight(&format!("bias_ih_l{k}"), &[4 * units], layer.bias.to_f32()?);
        hidden.extend(layer.hidden.to_f32()?);
        cell.extend(layer.cell.to_f32()?);
        inputs = units;
    }
    chain.push("head".into(), DenseLayer::new(1));
    chain.weight("weight", &[1, units], model.head_weight.to_f32()?);
    chain.weight("bias", &[1], model.head_bias.to_f32()?);
    let mut import = chain.finish(model.sample_rate)?;
    for (name, values) in [("h_n", hidden), ("c_n", cell)] {
        let shape = vec![model.layers.len(), 1, units];
        import.initial.insert(name.into(), Tensor::f32(shape, values)?, "initial state")?;
    }
    import.notes.push("a stream begins with the states that the file has, unless others are given".into());
    Ok(import)
}
