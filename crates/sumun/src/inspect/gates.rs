//! Gates and states of recurrent layers over time, and what they come to.

use serde::Serialize;

use super::counted::Reads;
use crate::model::Model;
use crate::{Result, Rows};

/// Values at each step of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// What they are: the name of a gate, `h` or `c`.
    pub name: String,
    /// H: values at a step.
    pub units: usize,
    /// `[T, H]`, row-major.
    pub values: Vec<f32>,
}

/// What a gate does over a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateFigures {
    /// Its name.
    pub name: String,
    /// The mean of all its values.
    pub mean: f64,
    /// The share of its values below .1, and above .9.
    pub saturated: [f64; 2],
    /// Units that are below .1 at every step, and above .9.
    pub stuck: [usize; 2],
    /// Of a gate that says how much of the state is kept: after so many steps half of it is left, by the mean of the gate's logarithm, in
    /// the unit in the middle and in the one that keeps most. Infinite where nothing is lost.
    pub half_life: Option<[f64; 2]>,
}

/// What one direction of one recurrent layer computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerInside {
    /// The layer's name in the model.
    pub name: String,
    /// Which of its layers, from 0.
    pub layer: usize,
    /// Whether it reads from the end.
    pub reverse: bool,
    /// Whether its steps are those of what is written, and not those of what is read.
    pub writes: bool,
    /// Its gates and candidates by their names in the equations, its hidden state h and, where it has one, the state c beside it.
    pub values: Vec<Matrix>,
    /// What its gates do, without candidates.
    pub gates: Vec<GateFigures>,
}

/// Below the first a gate is shut, above the second open.
const SHUT: f32 = 0.1;
const OPEN: f32 = 0.9;

/// The insides of all recurrent layers; `written` is the input that reads what is written, where there is one.
pub(super) fn insides(reads: &Reads, written: Option<&str>) -> Result<Vec<LayerInside>> {
    let mut all = Vec::new();
    for trace in reads.model.traces(reads.feed(&reads.values, 1)?, None)? {
        let writes = written.is_some_and(|input| steps_of(&reads.model, &trace.name) == input);
        for layer in trace.layers {
            let matrix = |name: &str, rows: &Rows| Matrix {
                name: name.into(),
                units: rows.features,
                values: rows.unpack(),
            };
            let mut values: Vec<Matrix> = layer.gates.iter().map(|(name, rows)| matrix(name, rows)).collect();
            let gates = values.iter().filter(|gate| is_gate(gate)).map(figures).collect();
            values.push(matrix("h", &layer.hidden));
            values.extend(layer.cell.as_ref().map(|rows| matrix("c", rows)));
            let (name, reverse) = (trace.name.clone(), layer.direction == 1);
            all.push(LayerInside { name, layer: layer.layer, reverse, writes, values, gates });
        }
    }
    Ok(all)
}

/// The input whose steps a layer has: the first of what it reads has them, too.
fn steps_of<'a>(model: &'a Model, layer: &'a str) -> &'a str {
    let names: Vec<&str> = model.layer_names().collect();
    let mut at = layer;
    while let Some(place) = names.iter().position(|name| *name == at) {
        at = match (model.config().layers[place].common().from.first(), place.checked_sub(1)) {
            (Some(from), _) => from,
            (None, Some(before)) => names[before],
            (None, None) => model.input_names().next().unwrap_or_default(),
        };
    }
    at
}

/// Candidates are between −1 and 1, gates between 0 and 1: `g` of an LSTM and `n` of a GRU are no gates.
fn is_gate(of: &Matrix) -> bool {
    !matches!(of.name.as_str(), "g" | "n") && of.values.iter().all(|value| (0.0..=1.0).contains(value))
}

fn figures(gate: &Matrix) -> GateFigures {
    let Matrix { name, units, values } = gate;
    let count = values.len().max(1) as f64;
    let share = |is: &dyn Fn(f32) -> bool| values.iter().filter(|&&value| is(value)).count() as f64 / count;
    let stuck = |is: &dyn Fn(f32) -> bool| {
        (0..*units).filter(|&unit| values.iter().skip(unit).step_by(*units).all(|&value| is(value))).count()
    };
    let (shut, open) = (|value: f32| value < SHUT, |value: f32| value > OPEN);
    // f of an LSTM, and z of a GRU where it says how much of h is kept.
    let half_life = matches!(name.as_str(), "f" | "z").then(|| {
        let mut lives: Vec<f64> = (0..*units)
            .map(|unit| {
                let each = values.iter().skip(unit).step_by(*units).map(|&value| f64::from(value).ln());
                let mean = each.sum::<f64>() / (count / *units as f64);
                0.5_f64.ln() / mean
            })
            .collect();
        lives.sort_by(f64::total_cmp);
        [lives[lives.len() / 2], lives[lives.len() - 1]]
    });
    GateFigures {
        name: name.clone(),
        mean: values.iter().map(|&value| f64::from(value)).sum::<f64>() / count,
        saturated: [share(&shut), share(&open)],
        stuck: [stuck(&shut), stuck(&open)],
        half_life: half_life.filter(|lives| lives.iter().all(|life| !life.is_nan())),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::model::{Batch, Input, Model, RecurrentLayer};
    use crate::nn::LayerTrace;
    use crate::tasks::{Answers, Example};

    /// What is shown are the traces of the model, unit by unit.
    #[test]
    fn insides_are_the_traces_of_the_model() {
        let stack = RecurrentLayer::gru(3).layers(2_usize).bidirectional(true).dropout(0.5);
        let model = Model::builder(Input::numbers(2)).layer(stack).dense(1).build(2).unwrap();
        let values: Vec<f32> = (0..10).map(|n| (n as f32).sin()).collect();
        let answers = Answers::Number { offset: 0.0, scale: 1.0 };
        let reads = Reads::new(&model, &Example::of_numbers(values.clone(), 2, answers)).unwrap();
        let found = insides(&reads, None).unwrap();
        let x = Array3::from_shape_vec((1, 5, 2), values).unwrap();
        let traces = model.traces(Batch::numbers(x.view()), None).unwrap();
        let expected: Vec<&LayerTrace> = traces.iter().flat_map(|trace| &trace.layers).collect();
        assert_eq!((found.len(), expected.len()), (4, 4));
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.layer, found.reverse), (expected.layer, expected.direction == 1));
            for (name, rows) in &expected.gates {
                let matrix = found.values.iter().find(|matrix| matrix.name == *name).unwrap();
                assert_eq!(matrix.values, rows.unpack());
            }
            assert_eq!(found.values.last().unwrap().values, expected.hidden.unpack());
            assert_eq!(found.gates.iter().map(|gate| gate.name.as_str()).collect::<Vec<_>>(), ["r", "z"]);
        }
    }

    #[test]
    fn figures_are_those_of_the_values() {
        // A unit that keeps half, one that keeps almost nothing, one that keeps a quarter and everything in turn.
        let values = vec![0.5, 0.01, 0.25, 0.5, 0.01, 1.0];
        let gate = figures(&Matrix { name: "f".into(), units: 3, values });
        assert!((gate.mean - 2.27 / 6.0).abs() < 1e-6);
        assert!((gate.saturated[0] - 2.0 / 6.0).abs() < 1e-9 && (gate.saturated[1] - 1.0 / 6.0).abs() < 1e-9);
        assert_eq!(gate.stuck, [1, 0]);
        let [middle, longest] = gate.half_life.unwrap();
        // (ln .25 + ln 1) / 2 is ln .5 too.
        assert!((middle - 1.0).abs() < 1e-6 && (longest - 1.0).abs() < 1e-6);
        let candidate = Matrix { name: "g".into(), units: 1, values: vec![0.5, 0.7] };
        assert!(!is_gate(&candidate) && is_gate(&Matrix { name: "i".into(), ..candidate }));
    }
}
