//! The files of [Neural Amp Modeler](https://github.com/sdatkinson/neural-amp-modeler) (`.nam`) with the architecture LSTM.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::nested::Nested;
use crate::error::{Error, Result, quoted};
use crate::json;
use crate::tensor::Tensor;

const FORMAT: &str = "NAM file";

/// An LSTM and a linear layer behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// How many numbers it reads a step.
    pub inputs: usize,
    /// Units of a layer, H.
    pub units: usize,
    /// The layers of the LSTM.
    pub layers: Vec<Layer>,
    /// `[1, H]`.
    pub head_weight: Tensor,
    /// `[1]`.
    pub head_bias: Tensor,
    /// Steps a second that it was trained for.
    pub sample_rate: Option<f64>,
}

/// A layer of an LSTM, its gates in PyTorch's order (input, forget, cell, output); I is how many numbers it reads a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// `[4H, I + H]`: input weights, then recurrent ones.
    pub weight: Tensor,
    /// `[4H]`.
    pub bias: Tensor,
    /// The hidden state that a stream begins with, `[H]`.
    pub hidden: Tensor,
    /// The cell state that a stream begins with, `[H]`.
    pub cell: Tensor,
}

#[derive(Deserialize)]
struct RawModel {
    config: Config,
    weights: Nested,
    sample_rate: Option<f64>,
}

#[derive(Deserialize)]
struct Config {
    input_size: usize,
    hidden_size: usize,
    num_layers: usize,
}

/// What is looked at first: files of other architectures have other configurations.
#[derive(Deserialize)]
struct Head {
    architecture: String,
    #[serde(rename = "config")]
    _config: IgnoredAny,
}

/// Reads a file. Errors: JSON that is none, another architecture, and more or fewer weights than the sizes make.
pub fn read(bytes: &[u8]) -> Result<Model> {
    let Head { architecture, .. } = json::parse(bytes, FORMAT)?;
    if architecture != "LSTM" {
        let what = format!("the architecture {} is not read, only LSTM", quoted(&architecture));
        return Err(Error::unsupported(FORMAT, what));
    }
    let RawModel { config, weights, sample_rate } = json::parse(bytes, FORMAT)?;
    let weights =
        weights.list().ok_or_else(|| Error::damaged(FORMAT, "its weights are no list of numbers"))?;
    let Config { input_size: inputs, hidden_size: units, num_layers: count } = config;
    if config.size() != Some(weights.len()) {
        let what = format!(
            "{count} layers from {inputs} to {units} have {} weights, not {}",
            config.size().map_or("too many".into(), |size| size.to_string()),
            weights.len()
        );
        return Err(Error::damaged(FORMAT, what));
    }
    // The sizes are those of weights that are there.
    let mut rest = &weights[..];
    let mut take = |shape: &[usize]| {
        let (part, behind) = rest.split_at(shape.iter().product());
        rest = behind;
        Tensor::f32(shape.to_vec(), part.to_vec())
    };
    let mut layers = Vec::with_capacity(count);
    for position in 0..count {
        let reads = if position == 0 { inputs } else { units };
        layers.push(Layer {
            weight: take(&[4 * units, reads + units])?,
            bias: take(&[4 * units])?,
            hidden: take(&[units])?,
            cell: take(&[units])?,
        });
    }
    Ok(Model { inputs, units, layers, head_weight: take(&[1, units])?, head_bias: take(&[1])?, sample_rate })
}

impl Config {
    /// How many weights there are. None: more than can be counted, or no layer, or an empty one.
    fn size(&self) -> Option<usize> {
        let (inputs, units) = (self.input_size, self.hidden_size);
        if inputs == 0 || units == 0 {
            return None;
        }
        let layer = |reads: usize| {
            units
                .checked_mul(4)?
                .checked_mul(reads.checked_add(units)?.checked_add(1)?)?
                .checked_add(units.checked_mul(2)?)
        };
        let further = self.num_layers.checked_sub(1)?.checked_mul(layer(units)?)?;
        layer(inputs)?.checked_add(further)?.checked_add(units)?.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(config: &str, weights: usize) -> String {
        let weights: Vec<String> = (0..weights).map(|i| format!("{i}")).collect();
        let weights = weights.join(",");
        format!(
            r#"{{"version": "0.5.1", "metadata": {{"date": {{"year": 2023}}}}, "architecture": "LSTM",
            "config": {config}, "weights": [{weights}], "sample_rate": 48000}}"#
        )
    }

    #[test]
    fn weights_are_cut_as_the_sizes_say() {
        let config = r#"{"input_size": 1, "hidden_size": 2, "num_layers": 2}"#;
        let (first, second) = (8 * 3 + 8 + 4, 8 * 4 + 8 + 4);
        let model = read(text(config, first + second + 3).as_bytes()).unwrap();
        assert_eq!(
            (model.inputs, model.units, model.layers.len(), model.sample_rate),
            (1, 2, 2, Some(48000.0))
        );
        assert_eq!(model.layers[0].weight.shape(), [8, 3]);
        assert_eq!(model.layers[0].cell.to_f32().unwrap(), [34.0, 35.0]);
        assert_eq!(model.layers[1].weight.shape(), [8, 4]);
        assert_eq!(model.layers[1].bias.to_f32().unwrap()[0], (first + 32) as f32);
        assert_eq!(model.head_weight.to_f32().unwrap(), [80.0, 81.0]);
        assert_eq!(model.head_bias.to_f32().unwrap(), [82.0]);
    }

    #[test]
    fn sizes_that_lie() {
        let config = |inputs: &str, units: &str, layers: &str| {
            format!(r#"{{"input_size": {inputs}, "hidden_size": {units}, "num_layers": {layers}}}"#)
        };
        let huge = "18446744073709551615";
        for config in [
            config("1", "2", "1"),
            config(huge, "2", "1"),
            config("1", huge, "1"),
            config("1", "1", huge),
            config("1", "2", "0"),
            config("1", "0", huge),
            config("0", "1", "1"),
            config("1", "4294967296", "1"),
        ] {
            let error = read(text(&config, 10).as_bytes()).unwrap_err().to_string();
            assert!(error.contains("weights, not 10"), "{error}");
        }
        let other = r#"{"architecture": "WaveNet", "config": {"layers": []}, "weights": []}"#;
        assert!(
            read(other.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("the architecture 'WaveNet' is not read")
        );
        let nested = text(&config("1", "1", "1"), 1).replace("[0]", "[[0]]");
        assert!(read(nested.as_bytes()).unwrap_err().to_string().contains("no list of numbers"));
    }
}
