//! Recurrent layers as nodes: one for each layer of a stack, with ONNX' order of blocks.

use sumun_formats::onnx::OnnxAttribute;

use super::nodes::Writer;
use crate::interchange::LENGTHS;
use crate::interchange::onnx::functions;
use crate::layer::StateShape;
use crate::model::{RecurrentLayer, Wired};
use crate::nn::{ActivationFunction, CellKind, Merge, Peer, RecurrentConfig};
use crate::{Error, Result};

/// An operator, and where each of its blocks is among PyTorch's.
fn operator(cell: CellKind) -> (&'static str, &'static [usize]) {
    match cell.spec().family {
        "LSTM" => ("LSTM", &[0, 3, 1, 2]),
        "GRU" => ("GRU", &[1, 0, 2]),
        _ => ("RNN", &[0]),
    }
}

impl Writer<'_> {
    pub(super) fn recurrent(&mut self, layer: &RecurrentLayer, wired: &Wired, x: &str) -> Result<String> {
        let name = wired.name.as_str();
        let features = wired.reads.first().and_then(|(_, signal)| signal.features()).unwrap_or(0);
        let config = layer.stack(features);
        let named = |error| Error::Invalid(format!("{name}: {error}"));
        config.representable_in(Peer::Onnx).map_err(named)?;
        if layer.go_backwards && self.options.lengths {
            return Err(Error::Invalid(format!(
                "{name} reads the time axis from its end, padding first; write it without lengths"
            )));
        }
        let x = if layer.go_backwards { self.reversed(name, x)? } else { x.to_owned() };
        let directions = config.directions();
        let shape = StateShape {
            count: config.layers * directions,
            hidden: config.hidden,
            cell: config.cell_features(),
        };
        let starts = self.starts(wired, shape, config.layers, directions)?;
        // [T, N, F], as the operators read it.
        let mut below = self.transposed(name, &x, &[1, 0, 2]);
        let mut states = Vec::with_capacity(config.layers);
        let mut last = String::new();
        for index in 0..config.layers {
            let [y, h, c] = self.one(&config, name, index, &below, starts.get(index))?;
            states.push([h.clone(), c]);
            let is_top = index + 1 == config.layers;
            last = h;
            if !is_top || layer.return_sequences {
                below = self.merged(&config, name, &y)?;
            }
        }
        if self.options.states {
            let all = [0, 1]
                .map(|part| -> Vec<String> { states.iter().map(|state| state[part].clone()).collect() });
            let [h, c] = all.map(|parts| self.stacked(name, &parts));
            self.states_out(name, shape, [h, c]);
        }
        self.states.insert(name.to_owned(), states);
        match layer.return_sequences {
            true => Ok(self.transposed(name, &below, &[1, 0, 2])),
            false => self.final_rows(&config, name, &last),
        }
    }

    /// h and c before the first step of each layer of the stack; none where they are zeros.
    fn starts(
        &mut self,
        wired: &Wired,
        shape: StateShape,
        layers: usize,
        directions: usize,
    ) -> Result<Vec<[String; 2]>> {
        if let Some(initial) = &wired.initial {
            let from = self.states.get(initial).cloned();
            return from.ok_or_else(|| Error::Invalid(format!("{initial} has no state to begin with")));
        }
        if !self.options.states {
            return Ok(Vec::new());
        }
        let [h, c] = self.states_in(&wired.name, shape);
        if layers == 1 {
            return Ok(vec![[h, c]]);
        }
        let mut starts = Vec::with_capacity(layers);
        let axis = self.ints(&[0])?;
        for index in 0..layers {
            let (start, end) = (index * directions, (index + 1) * directions);
            let (start, end) = (self.ints(&[start as i64])?, self.ints(&[end as i64])?);
            let own = [(&h, shape.hidden), (&c, shape.cell)].map(|(all, width)| match width {
                0 => String::new(),
                _ => self.node(&wired.name, "Slice", &[all, &start, &end, &axis], &[]),
            });
            starts.push(own);
        }
        Ok(starts)
    }

    fn stacked(&mut self, name: &str, parts: &[String]) -> String {
        match parts {
            [one] => one.clone(),
            parts if parts.iter().any(String::is_empty) => String::new(),
            parts => {
                let inputs: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.node(name, "Concat", &inputs, &[("axis", OnnxAttribute::Int(0))])
            }
        }
    }

    /// One layer of a stack: Y, Y_h and Y_c.
    fn one(
        &mut self,
        config: &RecurrentConfig,
        name: &str,
        layer: usize,
        x: &str,
        start: Option<&[String; 2]>,
    ) -> Result<[String; 3]> {
        let (operator, order) = operator(config.cell);
        let directions = config.directions();
        let suffixes: Vec<String> =
            ["", "_reverse"][..directions].iter().map(|suffix| format!("l{layer}{suffix}")).collect();
        let gather = |writer: &Self, stem: &str, order: &[usize]| -> Option<Vec<f32>> {
            let mut all = Vec::new();
            for suffix in &suffixes {
                let (values, _) = writer.weight(name, &format!("{stem}_{suffix}"))?;
                let block = values.len() / order.len();
                all.extend(order.iter().flat_map(|&from| &values[from * block..(from + 1) * block]));
            }
            Some(all)
        };
        let lacks = || Error::Invalid(format!("{name} lacks weights"));
        let rows = order.len() * config.hidden;
        let (w, r) = (
            gather(self, "weight_ih", order).ok_or_else(lacks)?,
            gather(self, "weight_hh", order).ok_or_else(lacks)?,
        );
        let input = w.len() / (directions * rows).max(1);
        let w = self.constant(format!("{name}.W{layer}"), vec![directions, rows, input], w)?;
        let r = self.constant(format!("{name}.R{layer}"), vec![directions, rows, config.hidden], r)?;
        let mut b = String::new();
        if let Some(ih) = gather(self, "bias_ih", order) {
            let hh = gather(self, "bias_hh", order).unwrap_or_else(|| vec![0.0; ih.len()]);
            let both = ih
                .chunks_exact(rows)
                .zip(hh.chunks_exact(rows))
                .flat_map(|(ih, hh)| [ih, hh].concat())
                .collect();
            b = self.constant(format!("{name}.B{layer}"), vec![directions, 2 * rows], both)?;
        }
        let mut p = String::new();
        if let Some(peepholes) = gather(self, "weight_peephole", &[0, 2, 1]) {
            p = self.constant(format!("{name}.P{layer}"), vec![directions, 3 * config.hidden], peepholes)?;
        }
        let lengths = if self.options.lengths { LENGTHS } else { "" };
        let none = [String::new(), String::new()];
        let [h0, c0] = start.unwrap_or(&none);
        let is_lstm = operator == "LSTM";
        let mut inputs = vec![x, &w, &r, &b, lengths, h0];
        if is_lstm {
            inputs.extend([c0.as_str(), &p]);
        }
        while inputs.last() == Some(&"") {
            inputs.pop();
        }
        let node = self.fresh(name, operator);
        let [y, h, c] = ["Y", "Y_h", "Y_c"].map(|what| self.fresh(name, what));
        let outputs = if is_lstm { vec![y.as_str(), &h, &c] } else { vec![y.as_str(), &h] };
        self.push(&node, operator, &inputs, &outputs, &attributes(config, operator));
        Ok([y, h, if is_lstm { c } else { String::new() }])
    }

    /// `[T, D, N, H]` as `[T, N, F]`, the directions merged.
    fn merged(&mut self, config: &RecurrentConfig, name: &str, y: &str) -> Result<String> {
        if !config.bidirectional {
            let axis = self.ints(&[1])?;
            return Ok(self.node(name, "Squeeze", &[y, &axis], &[]));
        }
        let turned = self.transposed(name, y, &[0, 2, 1, 3]);
        let shape = self.ints(&[0, 0, 2 * config.hidden as i64])?;
        let both = self.node(name, "Reshape", &[&turned, &shape], &[]);
        self.one_of_two(config, name, &both)
    }

    /// `[D, N, H]` as `[N, F]`, the directions merged.
    fn final_rows(&mut self, config: &RecurrentConfig, name: &str, h: &str) -> Result<String> {
        if !config.bidirectional {
            let axis = self.ints(&[0])?;
            return Ok(self.node(name, "Squeeze", &[h, &axis], &[]));
        }
        let turned = self.transposed(name, h, &[1, 0, 2]);
        let shape = self.ints(&[0, 2 * config.hidden as i64])?;
        let both = self.node(name, "Reshape", &[&turned, &shape], &[]);
        self.one_of_two(config, name, &both)
    }

    /// Features of two directions side by side, merged.
    fn one_of_two(&mut self, config: &RecurrentConfig, name: &str, both: &str) -> Result<String> {
        if config.merge == Merge::Concat {
            return Ok(both.to_owned());
        }
        let first = self.slice(name, both, 0, config.hidden)?;
        let second = self.slice(name, both, config.hidden, config.hidden)?;
        let operator = if config.merge == Merge::Mul { "Mul" } else { "Add" };
        let merged = self.node(name, operator, &[&first, &second], &[]);
        if config.merge != Merge::Average {
            return Ok(merged);
        }
        let half = self.constant(format!("{name}.half"), Vec::new(), vec![0.5])?;
        Ok(self.node(name, "Mul", &[&merged, &half], &[]))
    }
}

fn attributes(config: &RecurrentConfig, operator: &str) -> Vec<(&'static str, OnnxAttribute)> {
    let options = config.options;
    let direction = if config.bidirectional { "bidirectional" } else { "forward" };
    let mut attributes = vec![
        ("hidden_size", OnnxAttribute::Int(config.hidden as i64)),
        ("direction", OnnxAttribute::Text(direction.into())),
    ];
    if operator == "GRU" {
        attributes.push(("linear_before_reset", OnnxAttribute::Int(i64::from(config.cell == CellKind::Gru))));
    }
    if options.coupled {
        attributes.push(("input_forget", OnnxAttribute::Int(1)));
    }
    if let Some(clip) = options.clip {
        attributes.push(("clip", OnnxAttribute::Float(clip as f32)));
    }
    let gate = options.gate_activation.unwrap_or(ActivationFunction::Sigmoid);
    let candidate = options.candidate_activation.unwrap_or(config.cell.spec().candidate);
    let output = options.output_activation.unwrap_or(ActivationFunction::Tanh);
    let (own, usual) = match operator {
        "LSTM" => (
            vec![gate, candidate, output],
            vec![ActivationFunction::Sigmoid, ActivationFunction::Tanh, ActivationFunction::Tanh],
        ),
        "GRU" => (vec![gate, candidate], vec![ActivationFunction::Sigmoid, ActivationFunction::Tanh]),
        _ => (vec![candidate], vec![ActivationFunction::Tanh]),
    };
    if own == usual {
        return attributes;
    }
    let (mut names, mut alphas, mut betas) = (Vec::new(), Vec::new(), Vec::new());
    for function in own.repeat(config.directions()) {
        let (name, alpha, beta) = functions::name(function);
        names.push(name.to_owned());
        alphas.extend(alpha);
        betas.extend(beta);
    }
    attributes.push(("activations", OnnxAttribute::Texts(names)));
    for (name, values) in [("activation_alpha", alphas), ("activation_beta", betas)] {
        if !values.is_empty() {
            attributes.push((name, OnnxAttribute::Floats(values)));
        }
    }
    attributes
}
