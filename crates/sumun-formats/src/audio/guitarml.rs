//! The JSON of GuitarML's pedals and of Automated-GuitarAmpModelling: one recurrent network and a linear layer behind it, with
//! PyTorch's weights.

use serde::Deserialize;

use super::nested::{Nested, tensors};
use crate::error::{Error, Result, quoted};
use crate::json::{self, Entries};
use crate::tensor::Tensors;

const FORMAT: &str = "GuitarML file";

/// A recurrent network and a linear layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// `LSTM`, `GRU` or `RNN`.
    pub cell: String,
    /// How many numbers it reads a step: the sound, and the position of each knob.
    pub inputs: usize,
    /// How many numbers it gives a step.
    pub outputs: usize,
    /// Units of a layer.
    pub units: usize,
    /// Layers of the recurrent network.
    pub layers: usize,
    /// Whether the linear layer has a bias.
    pub bias: bool,
    /// Whether the first number read is added to what the linear layer gives.
    pub skip: bool,
    /// PyTorch's weights: `rec.weight_ih_l0` …, `lin.weight`, `lin.bias`.
    pub tensors: Tensors,
}

#[derive(Deserialize)]
struct RawModel {
    model_data: RawData,
    state_dict: Entries<Nested>,
}

#[derive(Deserialize)]
struct RawData {
    model: Option<String>,
    unit_type: String,
    input_size: usize,
    output_size: usize,
    hidden_size: usize,
    #[serde(default = "one")]
    num_layers: usize,
    #[serde(default)]
    skip: f64,
    #[serde(default = "yes")]
    bias_fl: bool,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// Reads a file. Errors: JSON that is none, and networks of another kind, by its name. Whether the weights have the shapes of
/// such a network is for who builds it.
pub fn read(bytes: &[u8]) -> Result<Model> {
    let RawModel { model_data: data, state_dict } = json::parse(bytes, FORMAT)?;
    if let Some(kind) = data.model.filter(|kind| kind != "SimpleRNN") {
        return Err(Error::unsupported(FORMAT, format!("a model of the kind {} is not read", quoted(&kind))));
    }
    if !matches!(data.unit_type.as_str(), "LSTM" | "GRU" | "RNN") {
        return Err(Error::unsupported(FORMAT, format!("the cell {} is not read", quoted(&data.unit_type))));
    }
    let skip = match data.skip {
        0.0 => false,
        1.0 => true,
        other => return Err(Error::unsupported(FORMAT, format!("skip {other} is not read, only 0 and 1"))),
    };
    Ok(Model {
        cell: data.unit_type,
        inputs: data.input_size,
        outputs: data.output_size,
        units: data.hidden_size,
        layers: data.num_layers,
        bias: data.bias_fl,
        skip,
        tensors: tensors(state_dict, FORMAT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str) -> String {
        format!(
            r#"{{"model_data": {{"unit_type": "LSTM", "input_size": 1, "hidden_size": 1, "output_size": 1{data}}},
            "state_dict": {{"rec.weight_ih_l0": [[1], [2], [3], [4]], "lin.bias": [0.5]}}, "config": 1}}"#
        )
    }

    #[test]
    fn a_network_with_its_weights_is_read() {
        let model = read(text(r#", "model": "SimpleRNN", "skip": 1, "num_layers": 2"#).as_bytes()).unwrap();
        assert!(model.skip && model.bias);
        assert_eq!((model.cell.as_str(), model.layers, model.units), ("LSTM", 2, 1));
        assert_eq!(model.tensors.get("rec.weight_ih_l0").unwrap().shape(), [4, 1]);
        assert_eq!(read(text("").as_bytes()).map(|model| (model.layers, model.skip)), Ok((1, false)));
    }

    #[test]
    fn others_are_named() {
        for (text, says) in [
            (text(r#", "model": "RecNet""#), "a model of the kind 'RecNet' is not read"),
            (text("").replace("LSTM", "TCN"), "the cell 'TCN' is not read"),
            (text(r#", "skip": 2"#), "skip 2 is not read"),
            (text("").replace("unit_type", "unit"), "missing field `unit_type`"),
            (text("").replace("[0.5]", "[0.5, [1]]"), "side by side"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
    }
}
