//! The JSON of [RTNeural](https://github.com/jatinchowdhury18/RTNeural): layers one after the other, with weights as Keras has
//! them. AIDA-X reads the same, and adds what is done before and after the layers.

use serde::{Deserialize, Serialize};

use super::forms::{LastSize, Number};
use super::nested::{Lists, Nested};
use crate::error::{Error, Result, quoted};
use crate::json;
use crate::tensor::Tensor;

const FORMAT: &str = "RTNeural file";

/// Layers one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// How many numbers it reads a step.
    pub inputs: usize,
    /// Its layers.
    pub layers: Vec<Layer>,
    /// Whether the first number read is added to what the last layer gives (AIDA-X).
    pub skip: bool,
    /// How much louder the input is made first, in dB (AIDA-X).
    pub input_gain: Option<f32>,
    /// How much louder the output is made at last, in dB (AIDA-X).
    pub output_gain: Option<f32>,
    /// Steps a second that it was trained for (AIDA-X).
    pub sample_rate: Option<f64>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// What it computes.
    pub kind: Kind,
    /// The function behind it; empty for none. Of recurrent layers, what is `tanh` in their equations; empty is that, too.
    pub activation: String,
    /// How many numbers it gives a step.
    pub units: usize,
    /// Its weights, in the order and shapes of its kind.
    pub weights: Vec<Tensor>,
}

/// What a layer computes, and the shapes of its weights, where I is how many numbers it reads a step, U how many it gives.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `[I, U]`, and `[U]` where it has a bias.
    Dense,
    /// `[I, 4U]`, `[U, 4U]`, `[4U]`: input, forget, cell, output.
    Lstm,
    /// `[I, 3U]`, `[U, 3U]`, `[2, 3U]`: update, reset, candidate, the reset behind the product; both biases.
    Gru,
    /// `[kernel, I / groups, U]`, `[U]`; reads `kernel` steps, `dilation` apart, up to the present one.
    Conv1d {
        /// How many steps it reads.
        kernel: usize,
        /// How far apart these are.
        dilation: usize,
        /// How many parts its inputs and outputs are in.
        groups: usize,
    },
    /// Scale and shift (both or neither), mean, variance: `[U]` each.
    BatchNorm {
        /// What is added to the variance.
        epsilon: f32,
    },
    /// The slope below 0: `[1, U]` or `[1, 1]`.
    Prelu,
    /// Nothing but its function.
    Activation,
}

impl Kind {
    /// As the format names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::Conv1d { .. } => "conv1d",
            Self::BatchNorm { .. } => "batchnorm",
            Self::Prelu => "prelu",
            Self::Activation => "activation",
        }
    }

    /// The shapes that the weights of a layer may have. None: sizes that cannot be.
    fn shapes(self, inputs: usize, units: usize) -> Option<Vec<Vec<Vec<usize>>>> {
        let gates = |count: usize| units.checked_mul(count);
        Some(match self {
            Self::Dense => vec![vec![vec![inputs, units]], vec![vec![inputs, units], vec![units]]],
            Self::Lstm => {
                let all = gates(4)?;
                vec![vec![vec![inputs, all], vec![units, all], vec![all]]]
            }
            Self::Gru => {
                let all = gates(3)?;
                vec![vec![vec![inputs, all], vec![units, all], vec![2, all]]]
            }
            Self::Conv1d { kernel, dilation, groups } => {
                let parts = |size: usize| size.is_multiple_of(groups).then_some(());
                if groups == 0 || dilation == 0 || kernel == 0 {
                    return None;
                }
                parts(inputs).and(parts(units))?;
                vec![vec![vec![kernel, inputs / groups, units], vec![units]]]
            }
            Self::BatchNorm { .. } if inputs == units => vec![vec![vec![units]; 2], vec![vec![units]; 4]],
            Self::Prelu if inputs == units => vec![vec![vec![1, units]], vec![vec![1, 1]]],
            Self::Activation if inputs == units => vec![vec![]],
            Self::BatchNorm { .. } | Self::Prelu | Self::Activation => return None,
        })
    }
}

/// A model as its JSON states it.
#[derive(Deserialize)]
struct RawModel {
    in_shape: LastSize,
    layers: Vec<RawLayer>,
    in_skip: Option<f64>,
    in_gain: Option<f32>,
    out_gain: Option<f32>,
    samplerate: Option<Number>,
}

#[derive(Deserialize)]
struct RawLayer {
    r#type: String,
    #[serde(default)]
    activation: String,
    shape: LastSize,
    #[serde(default)]
    kernel_size: LastSize,
    #[serde(default)]
    dilation: LastSize,
    groups: Option<usize>,
    epsilon: Option<f32>,
    #[serde(default)]
    weights: Vec<Nested>,
}

/// Reads a file. Errors: JSON that is none, layers that are not read, by their names, and weights of other shapes than their
/// layers have.
pub fn read(bytes: &[u8]) -> Result<Model> {
    let raw: RawModel = json::parse(bytes, FORMAT)?;
    let inputs = raw.in_shape.0.ok_or_else(|| Error::damaged(FORMAT, "in_shape has no number at its end"))?;
    let skip = match raw.in_skip {
        None => false,
        Some(0.0) => false,
        Some(1.0) => true,
        Some(other) => return Err(Error::damaged(FORMAT, format!("in_skip is {other}, neither 0 nor 1"))),
    };
    let mut model =
        Model { inputs, skip, input_gain: raw.in_gain, output_gain: raw.out_gain, ..Model::default() };
    model.sample_rate = raw.samplerate.and_then(|rate| rate.0);
    for (position, raw) in raw.layers.into_iter().enumerate() {
        model.layers.push(raw.layer().map_err(|what| at(position, what))?);
    }
    check(&model)?;
    Ok(model)
}

/// An error at a layer, counted from 0.
fn at(position: usize, error: Error) -> Error {
    match error {
        Error::Damaged { what, .. } => Error::damaged(FORMAT, format!("layer {position}: {what}")),
        Error::Unsupported { what, .. } => Error::unsupported(FORMAT, format!("layer {position}: {what}")),
        other => other,
    }
}

impl RawLayer {
    fn layer(self) -> Result<Layer> {
        let kind = match self.r#type.as_str() {
            "dense" | "time-distributed-dense" => Kind::Dense,
            "lstm" => Kind::Lstm,
            "gru" => Kind::Gru,
            "conv1d" => {
                let (kernel, dilation) = (self.kernel_size.0.unwrap_or(1), self.dilation.0.unwrap_or(1));
                Kind::Conv1d { kernel, dilation, groups: self.groups.unwrap_or(1) }
            }
            // Keras' first value.
            "batchnorm" => Kind::BatchNorm { epsilon: self.epsilon.unwrap_or(1e-3) },
            "prelu" => Kind::Prelu,
            "activation" => Kind::Activation,
            other => {
                return Err(Error::unsupported(FORMAT, format!("the type {} is not read", quoted(other))));
            }
        };
        let units = self.shape.0.ok_or_else(|| Error::damaged(FORMAT, "shape has no number at its end"))?;
        let weights = self.weights.into_iter().map(|nested| nested.tensor(FORMAT)).collect::<Result<_>>()?;
        Ok(Layer { kind, activation: self.activation, units, weights })
    }
}

/// Error: weights of other shapes than their layers have.
fn check(model: &Model) -> Result<()> {
    let mut inputs = model.inputs;
    for (position, layer) in model.layers.iter().enumerate() {
        let found: Vec<&[usize]> = layer.weights.iter().map(Tensor::shape).collect();
        let allowed = layer.kind.shapes(inputs, layer.units);
        let is_allowed =
            |shapes: &Vec<Vec<usize>>| shapes.iter().map(Vec::as_slice).eq(found.iter().copied());
        if !allowed.iter().flatten().any(is_allowed) {
            let (name, units) = (layer.kind.name(), layer.units);
            // The shapes may be many and long, and none of them is of use by itself.
            let found =
                if found.len() > 4 { format!("{} arrays", found.len()) } else { format!("{found:?}") };
            let what = match allowed.as_ref().and_then(|shapes| shapes.last()) {
                Some(wanted) => {
                    format!("a {name} from {inputs} to {units} has weights {wanted:?}, not {found}")
                }
                None => format!("there is no {name} from {inputs} to {units} of these sizes"),
            };
            return Err(at(position, Error::damaged(FORMAT, what)));
        }
        inputs = layer.units;
    }
    Ok(())
}

/// A model as it is written.
#[derive(Serialize)]
struct JsonModel<'a> {
    in_shape: [Option<usize>; 3],
    #[serde(skip_serializing_if = "Option::is_none")]
    in_skip: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_gain: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_gain: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samplerate: Option<f64>,
    layers: Vec<JsonLayer<'a>>,
}

#[derive(Serialize)]
struct JsonLayer<'a> {
    r#type: &'static str,
    activation: &'a str,
    shape: [Option<usize>; 3],
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_size: Option<[usize; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dilation: Option<[usize; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f32>,
    weights: Vec<Lists<'a>>,
}

/// Writes a file. Errors: weights of other shapes than their layers have, or that are no numbers JSON has.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    check(model)?;
    let mut layers = Vec::with_capacity(model.layers.len());
    for (position, layer) in model.layers.iter().enumerate() {
        layers.push(JsonLayer::of(layer).map_err(|error| at(position, error))?);
    }
    let json = JsonModel {
        in_shape: [None, None, Some(model.inputs)],
        in_skip: model.skip.then_some(1),
        in_gain: model.input_gain,
        out_gain: model.output_gain,
        samplerate: model.sample_rate,
        layers,
    };
    Ok(serde_json::to_vec(&json).expect("texts and numbers can be written as JSON"))
}

impl<'a> JsonLayer<'a> {
    fn of(layer: &'a Layer) -> Result<Self> {
        let (mut kernel_size, mut dilation, mut groups, mut epsilon) = (None, None, None, None);
        match layer.kind {
            Kind::Conv1d { kernel, dilation: apart, groups: parts } => {
                (kernel_size, dilation, groups) = (Some([kernel]), Some([apart]), Some(parts));
            }
            Kind::BatchNorm { epsilon: added } => epsilon = Some(added),
            _ => {}
        }
        Ok(Self {
            r#type: layer.kind.name(),
            activation: &layer.activation,
            shape: [None, None, Some(layer.units)],
            kernel_size,
            dilation,
            groups,
            epsilon,
            weights: layer.weights.iter().map(|tensor| Lists::of(tensor, FORMAT)).collect::<Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are exact in JSON and not all alike.
    fn tensor(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| (i as f32 - 3.0) / 7.0).collect();
        Tensor::f32(shape.to_vec(), values).unwrap()
    }

    fn layer(kind: Kind, activation: &str, units: usize, shapes: &[&[usize]]) -> Layer {
        let weights = shapes.iter().map(|shape| tensor(shape)).collect();
        Layer { kind, activation: activation.into(), units, weights }
    }

    fn every_layer() -> Model {
        let conv = Kind::Conv1d { kernel: 3, dilation: 2, groups: 2 };
        let layers = vec![
            layer(Kind::Dense, "tanh", 4, &[&[2, 4], &[4]]),
            layer(conv, "", 6, &[&[3, 2, 6], &[6]]),
            layer(Kind::BatchNorm { epsilon: 0.01 }, "", 6, &[&[6], &[6], &[6], &[6]]),
            layer(Kind::BatchNorm { epsilon: 1e-3 }, "", 6, &[&[6], &[6]]),
            layer(Kind::Prelu, "", 6, &[&[1, 6]]),
            layer(Kind::Prelu, "", 6, &[&[1, 1]]),
            layer(Kind::Lstm, "tanh", 3, &[&[6, 12], &[3, 12], &[12]]),
            layer(Kind::Gru, "", 2, &[&[3, 6], &[2, 6], &[2, 6]]),
            layer(Kind::Activation, "softmax", 2, &[]),
            layer(Kind::Dense, "", 1, &[&[2, 1]]),
        ];
        let (input_gain, output_gain) = (Some(-1.5), Some(3.0));
        Model { inputs: 2, layers, skip: true, input_gain, output_gain, sample_rate: Some(48000.0) }
    }

    #[test]
    fn what_is_written_comes_back() {
        for model in [every_layer(), Model { inputs: 1, ..Model::default() }] {
            assert_eq!(read(&write(&model).unwrap()), Ok(model));
        }
    }

    /// As RTNeural's own exporter and AIDA-X write it.
    #[test]
    fn other_spellings_are_read() {
        let text = r#"{"in_shape": [null, null, 1], "in_skip": 1, "samplerate": "48000", "author": {"a": [1]},
            "layers": [
                {"type": "time-distributed-dense", "activation": "relu", "shape": [null, null, 2],
                    "weights": [[[1, 2]], [0.5, -1e-3]]},
                {"type": "conv1d", "activation": "", "shape": [null, 2], "kernel_size": 1, "dilation": [1],
                    "weights": [[[[1, 2], [3, 4]]], [0, 0]]}]}"#;
        let model = read(text.as_bytes()).unwrap();
        assert!(model.skip && model.sample_rate == Some(48000.0) && model.input_gain.is_none());
        assert_eq!(
            model.layers[0],
            Layer {
                weights: vec![
                    Tensor::f32(vec![1, 2], vec![1.0, 2.0]).unwrap(),
                    Tensor::f32(vec![2], vec![0.5, -1e-3]).unwrap(),
                ],
                ..layer(Kind::Dense, "relu", 2, &[])
            }
        );
        assert_eq!(model.layers[1].kind, Kind::Conv1d { kernel: 1, dilation: 1, groups: 1 });
    }

    #[test]
    fn weights_of_other_shapes_are_refused() {
        let with = |change: &dyn Fn(&mut Model)| {
            let mut model = every_layer();
            change(&mut model);
            let error = write(&model).unwrap_err().to_string();
            assert!(error.starts_with("damaged RTNeural file: layer "), "{error}");
            error
        };
        let error = with(&|model| model.layers[6].units = 16);
        let wanted = "layer 6: a lstm from 6 to 16 has weights [[6, 64], [16, 64], [64]], not [[6, 12], [3, 12], [12]]";
        assert!(error.contains(wanted), "{error}");
        with(&|model| model.inputs = 3);
        with(&|model| model.layers[6].units = usize::MAX);
        with(&|model| model.layers[7].units = usize::MAX / 2);
        with(&|model| model.layers[1].kind = Kind::Conv1d { kernel: 3, dilation: 2, groups: 0 });
        with(&|model| model.layers[1].kind = Kind::Conv1d { kernel: 3, dilation: 0, groups: 2 });
        with(&|model| model.layers[1].kind = Kind::Conv1d { kernel: 0, dilation: 1, groups: 2 });
        with(&|model| model.layers[1].kind = Kind::Conv1d { kernel: 3, dilation: 1, groups: 4 });
        with(&|model| model.layers[4].weights.clear());
        with(&|model| model.layers[8].units = 3);
        with(&|model| model.layers[9].weights[0] = Tensor::f32(vec![2, 1], vec![f32::NAN, 0.0]).unwrap());
    }

    #[test]
    fn files_that_are_wrong() {
        for (text, says) in [
            (r#"{"layers": []}"#, "missing field `in_shape`"),
            (r#"{"in_shape": [1, null], "layers": []}"#, "in_shape has no number at its end"),
            (
                r#"{"in_shape": [1], "layers": [{"type": "conv2d", "shape": [1]}]}"#,
                "layer 0: the type 'conv2d' is not read",
            ),
            (
                r#"{"in_shape": [1], "layers": [{"type": "dense", "shape": []}]}"#,
                "layer 0: shape has no number at its end",
            ),
            (
                r#"{"in_shape": [1], "layers": [{"type": "dense", "shape": [1]}]}"#,
                "has weights [[1, 1], [1]], not []",
            ),
            (r#"{"in_shape": [1], "layers": [], "in_skip": 2}"#, "in_skip is 2, neither 0 nor 1"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
    }
}
