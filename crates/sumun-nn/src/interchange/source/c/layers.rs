//! What each layer adds to a header: its weights, its state, and its lines of a step.

use std::fmt::Write;

use super::super::link::{Cells, Equations, Link, What, past_rows};
use super::super::plan::Times;
use super::cells::{PackedCells, transposed};
use super::parts::{BUFFERS, Literal, Parts, Place};
use crate::nn::{Activation, ActivationFunction, Combine, Conv1dConfig, Padding};

impl Parts {
    /// The comment above what a layer adds.
    pub(super) fn title(&mut self, link: &Link) {
        let title = title(&link.what);
        // Names come from outside, and a comment must not end in one.
        let name: String =
            link.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let comment = format!("/* {name}: {title}, {} to {} */", link.inputs, link.outputs);
        let _ = writeln!(self.weights, "{comment}");
        self.line(&comment);
    }

    /// What a layer does with the present row; `times` is when the last of its links gives one.
    pub(super) fn link(&mut self, index: usize, link: &Link, times: Times) {
        if matches!(link.what, What::Last) {
            return;
        }
        self.title(link);
        match &link.what {
            What::Embedding { masked, table, .. } => {
                let id = self.row.clone();
                match masked {
                    Some(masked) if self.is_chain => {
                        self.line(&format!("if ({id} == {masked}u)\n    return 0;"))
                    }
                    Some(masked) => self.begin_flag(index, times, &format!("{id} != {masked}u")),
                    None => {}
                }
                self.array("float", &format!("table{index}"), table.iter().copied());
                self.fix(format!("(@_table{index} + (size_t){id} * {})", link.outputs));
            }
            What::Cells(cells) => self.cells(index, link, cells),
            What::Dense { weight, bias, activation } => {
                let to = self.next_buffer(link.outputs);
                self.start(index, to, link.outputs, *bias);
                let weight = transposed(weight, link.inputs, &(0..link.outputs).collect::<Vec<_>>());
                self.array("float", &format!("weight{index}"), weight);
                self.call(format!(
                    "@_multiply({}, {}, @_weight{index}, {}, {})",
                    link.inputs, link.outputs, self.row, BUFFERS[to]
                ));
                self.move_to(to);
                self.each(
                    link.outputs,
                    match activation {
                        Activation::Linear => None,
                        Activation::Relu => Some("@_relu(X)".into()),
                        Activation::Tanh => Some("@_tanh(X)".into()),
                        Activation::Sigmoid => Some("@_sigmoid(X)".into()),
                    },
                );
            }
            What::Convolution { config, weight, bias } => {
                if self.receive(index, config) {
                    self.wait(index, config, times);
                }
                self.convolution(index, config, weight, *bias);
            }
            What::Activation(function) => self.each(link.outputs, activation(*function)),
            What::BatchNorm { epsilon, statistics: [mean, variance], affine } => {
                self.array("double", &format!("mean{index}"), mean.iter().map(|&v| f64::from(v)));
                let scale = variance.iter().map(|&v| 1.0 / (f64::from(v) + epsilon).sqrt());
                self.array("double", &format!("scale{index}"), scale);
                self.in_place(
                    link.outputs,
                    &format!("@_batch_norm({}, @_mean{index}, @_scale{index}", link.outputs),
                );
                self.affine(index, link.outputs, affine);
            }
            What::LayerNorm { epsilon, affine } => {
                self.in_place(link.outputs, &format!("@_layer_norm({}, {epsilon:.16e}", link.outputs));
                self.affine(index, link.outputs, affine);
            }
            What::Softmax => self.in_place(link.outputs, &format!("@_softmax({}", link.outputs)),
            What::Slice { start } => match self.place {
                Place::Fixed => self.fix(format!("({} + {start})", self.row)),
                Place::Buffer(_) => {
                    let to = self.next_buffer(link.outputs);
                    self.call(format!(
                        "memcpy({}, {} + {start}, {} * sizeof(float))",
                        BUFFERS[to], self.row, link.outputs
                    ));
                    self.move_to(to);
                }
            },
            // The last row is the present one. The others are refused, or written where all that they read is known.
            What::Last | What::Unflatten { .. } | What::Combine(_) => {}
        }
    }

    /// Several rows, of so many numbers each, become one in this buffer.
    pub(super) fn combine(&mut self, how: Combine, parts: &[(String, usize)], outputs: usize, buffer: usize) {
        let to = BUFFERS[buffer];
        self.buffers[buffer] = self.buffers[buffer].max(outputs);
        let sign = match how {
            Combine::Add => " + ",
            Combine::Multiply => " * ",
            Combine::Concat => {
                let mut at = 0;
                for (row, width) in parts {
                    self.call(format!("memcpy({to} + {at}, {row}, {width} * sizeof(float))"));
                    at += width;
                }
                return self.move_to(buffer);
            }
        };
        let value = parts.iter().map(|(row, _)| format!("{row}[k]")).collect::<Vec<_>>().join(sign);
        self.line(&format!("for (size_t k = 0; k < {outputs}; k++)\n    {to}[k] = {value};"));
        self.move_to(buffer);
    }

    fn cells(&mut self, index: usize, link: &Link, cells: &Cells) {
        let (inputs, units) = (link.inputs, link.outputs);
        let packed = PackedCells::of(inputs, units, cells);
        self.field(&format!("float h{index}[{units}]"));
        let mut parts = vec![('w', packed.w), ('u', packed.u)];
        parts.extend(packed.v.map(|v| ('v', v)));
        parts.push(('b', packed.b));
        let mut arguments = format!("{inputs}, {units}");
        for (letter, values) in parts {
            self.array("float", &format!("{letter}{index}"), values);
            let _ = write!(arguments, ", @_{letter}{index}");
        }
        let _ = write!(arguments, ", {}, state->h{index}", self.row);
        if cells.cell == Equations::Lstm {
            self.field(&format!("float c{index}[{units}]"));
            let _ = write!(arguments, ", state->c{index}");
        }
        self.gates = self.gates.max(packed.gates * units);
        self.call(format!("@_{}({arguments}, gates)", packed.function));
        self.fix(format!("state->h{index}"));
    }

    /// Keeps the present row for a convolution. Whether there is none until its first window is full.
    fn receive(&mut self, index: usize, config: &Conv1dConfig) -> bool {
        let (input, span) = (config.input, past_rows(config) + 1);
        self.field(&format!("float past{index}[{}]", span * input));
        self.field(&format!("size_t at{index}"));
        self.call(format!(
            "memcpy(state->past{index} + state->at{index} * {input}, {}, {input} * sizeof(float))",
            self.row
        ));
        config.padding == Padding::Valid && span > 1
    }

    /// Until the first window is full there is no output.
    fn wait(&mut self, index: usize, config: &Conv1dConfig, times: Times) {
        let (past, span) = (past_rows(config), past_rows(config) + 1);
        self.field(&format!("size_t missing{index}"));
        let _ = writeln!(self.first, "    state->missing{index} = {past};");
        let step =
            format!("state->missing{index}--;\n    state->at{index} = (state->at{index} + 1) % {span};");
        match self.is_chain {
            true => self.line(&format!("if (state->missing{index} > 0) {{\n    {step}\n    return 0;\n}}")),
            false => {
                let has_row = format!("state->missing{index} == 0");
                self.line(&format!("const int full{index} = {has_row};"));
                self.line(&format!("if (!full{index}) {{\n    {step}\n}}"));
                self.begin_flag(index, times, &format!("full{index}"));
            }
        }
    }

    fn convolution(&mut self, index: usize, config: &Conv1dConfig, weight: &[f32], bias: Option<&[f32]>) {
        let &Conv1dConfig { input, output, kernel, dilation, groups, .. } = config;
        let span = past_rows(config) + 1;
        let to = self.next_buffer(output);
        self.start(index, to, output, bias);
        // [groups, kernel, inputs of a group, outputs of a group] from [outputs, inputs of a group, kernel].
        let (rows, columns) = (input / groups, output / groups);
        let mut packed = Vec::with_capacity(weight.len());
        for group in 0..groups {
            for k in 0..kernel {
                for row in 0..rows {
                    packed.extend(
                        (0..columns)
                            .map(|column| weight[((group * columns + column) * rows + row) * kernel + k]),
                    );
                }
            }
        }
        self.array("float", &format!("weight{index}"), packed);
        self.call(format!(
            "@_convolve({kernel}, {dilation}, {groups}, {input}, {output}, {span}, @_weight{index}, state->past{index}, \
             state->at{index}, {})",
            BUFFERS[to]
        ));
        self.call(format!("state->at{index} = (state->at{index} + 1) % {span}"));
        self.move_to(to);
    }

    /// The buffer that does not hold the present row, with room for so many numbers.
    fn next_buffer(&mut self, numbers: usize) -> usize {
        let to = if self.place == Place::Buffer(0) { 1 } else { 0 };
        self.buffers[to] = self.buffers[to].max(numbers);
        to
    }

    fn move_to(&mut self, buffer: usize) {
        (self.row, self.place) = (BUFFERS[buffer].into(), Place::Buffer(buffer));
    }

    /// The buffer that may hold the present row and receive the next.
    fn same_buffer(&mut self, numbers: usize) -> usize {
        match self.place {
            Place::Buffer(buffer) => buffer,
            Place::Fixed => self.next_buffer(numbers),
        }
    }

    /// Fills a buffer with the bias, or zeros.
    fn start(&mut self, index: usize, buffer: usize, outputs: usize, bias: Option<&[f32]>) {
        let to = BUFFERS[buffer];
        match bias {
            Some(bias) => {
                self.array("float", &format!("bias{index}"), bias.iter().copied());
                self.call(format!("memcpy({to}, @_bias{index}, {outputs} * sizeof(float))"));
            }
            None => self.call(format!("memset({to}, 0, {outputs} * sizeof(float))")),
        }
    }

    /// Calls a function that may read and write the same row.
    fn in_place(&mut self, numbers: usize, call: &str) {
        let to = self.same_buffer(numbers);
        self.call(format!("{call}, {}, {})", self.row, BUFFERS[to]));
        self.move_to(to);
    }

    /// An expression of every number X.
    fn each(&mut self, numbers: usize, expression: Option<String>) {
        let Some(expression) = expression else { return };
        let to = self.same_buffer(numbers);
        let value = expression.replace('X', &format!("{}[k]", self.row));
        self.line(&format!("for (size_t k = 0; k < {numbers}; k++)\n    {}[k] = {value};", BUFFERS[to]));
        self.move_to(to);
    }

    /// Gain and bias of a normalisation.
    fn affine(&mut self, index: usize, numbers: usize, affine: &[Option<&[f32]>; 2]) {
        for (name, sign, values) in [("gain", '*', affine[0]), ("bias", '+', affine[1])] {
            let Some(values) = values else { continue };
            self.array("float", &format!("{name}{index}"), values.iter().copied());
            self.each(numbers, Some(format!("X {sign} @_{name}{index}[k]")));
        }
    }
}

fn title(what: &What) -> &'static str {
    match what {
        What::Embedding { .. } => "embedding",
        What::Cells(Cells { cell, .. }) => match cell {
            Equations::Rnn => "RNN (tanh)",
            Equations::RnnRelu => "RNN (relu)",
            Equations::Lstm => "LSTM",
            Equations::Gru => "GRU (reset after)",
            Equations::GruResetBefore => "GRU (reset before)",
        },
        What::Dense { .. } => "dense",
        What::Convolution { .. } => "convolution",
        What::Activation(_) => "activation",
        What::BatchNorm { .. } => "batch normalisation",
        What::LayerNorm { .. } => "layer normalisation",
        What::Softmax => "softmax",
        What::Last => "last step",
        What::Slice { .. } => "some features",
        What::Combine(Combine::Add) => "sum",
        What::Combine(Combine::Multiply) => "product",
        What::Combine(Combine::Concat) => "concatenation",
        What::Unflatten { .. } => "steps of a row",
    }
}

/// An activation of X; None of what changes nothing.
fn activation(function: ActivationFunction) -> Option<String> {
    use ActivationFunction::*;
    let number = |v: f64| (v as f32).literal();
    Some(match function {
        Linear => return None,
        Sigmoid => "@_sigmoid(X)".into(),
        Tanh => "@_tanh(X)".into(),
        Relu => "@_relu(X)".into(),
        Softsign => "@_softsign(X)".into(),
        Softplus => "@_softplus(X)".into(),
        HardSigmoid { alpha, beta } => format!("@_hard_sigmoid(X, {}, {})", number(alpha), number(beta)),
        Elu { alpha } => format!("@_elu(X, {})", number(alpha)),
        LeakyRelu { alpha } => format!("@_leaky_relu(X, {})", number(alpha)),
        ThresholdedRelu { alpha } => format!("@_thresholded_relu(X, {})", number(alpha)),
        ScaledTanh { alpha, beta } => format!("@_tanh(X * {}) * {}", number(beta), number(alpha)),
        Affine { alpha, beta } => format!("{} * X + {}", number(alpha), number(beta)),
    })
}
