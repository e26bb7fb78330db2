//! RNN, LSTM and GRU nodes: each becomes a recurrent layer, with its weights' blocks in PyTorch's order.

use super::axes::Role;
use super::found::Recurrence;
use super::functions;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Part, Piece, Time, Value};
use crate::Result;
use crate::model::{Biases, RecurrentLayer};
use crate::nn::{ActivationFunction, CellKind, CellOptions, ReverseLayer};

/// What an operator computes.
struct Operator {
    cell: CellKind,
    gates: usize,
    /// Where each of PyTorch's blocks is among ONNX'.
    order: &'static [usize],
    has_cell: bool,
}

/// W and R of a node, `[D, G·H, I]` and `[D, G·H, H]`.
struct Matrices {
    input: usize,
    hidden: usize,
    directions: usize,
    w: Vec<f32>,
    r: Vec<f32>,
}

impl Reader<'_> {
    pub(super) fn recurrent(&mut self, at: At<'_>) -> Result<Vec<Value>> {
        let quantised = at.0.operator == "DynamicQuantizeLSTM";
        let operator = self.recurrent_operator(at)?;
        let matrices = if quantised { self.few_bits(at)? } else { self.matrices(at, operator.gates)? };
        let Matrices { input, hidden, directions, .. } = matrices;
        let direction = at.text("direction")?.unwrap_or("forward");
        let (wanted, is_reversed) = match direction {
            "forward" => (1, false),
            "reverse" => (1, true),
            "bidirectional" => (2, false),
            other => return Err(at.error(format!("its direction is {}", crate::error::quoted(other)))),
        };
        if wanted != directions || at.int("hidden_size")?.is_some_and(|size| size != hidden as i64) {
            return Err(at.error(format!(
                "its weights are for {directions} directions of {hidden} units, which its settings contradict"
            )));
        }
        let is_batch_first = at.int_or("layout", 0)? != 0;
        let mut x = self.array(at, 0)?;
        x = self.rows(at, x)?;
        if x.axes.len() != 3 {
            return Err(
                at.error(format!("it reads {} axes; it has steps, sequences and features", x.axes.len()))
            );
        }
        let (time, batch) = if is_batch_first { (1, 0) } else { (0, 1) };
        self.suspect(&x, time);
        let mut x = self.collected(at, x, time)?;
        self.features_at(at, &mut x, 2, Some(input))?;
        self.role_at(at, &x, time, Role::Time)?;
        self.role_at(at, &x, batch, Role::Sequences)?;
        let options = self.options(at, &operator, directions)?;
        let has_lengths = match at.has(4) {
            true => {
                let lengths = self.input(at, 4)?;
                self.lengths(at, &lengths)?
            }
            false => false,
        };
        let (h, initial) = self.start(at, 5, Part::Hidden, [directions, hidden], is_batch_first)?;
        let (c, initial_c) = match operator.has_cell {
            true => self.start(at, 6, Part::Cell, [directions, hidden], is_batch_first)?,
            false => (Vec::new(), initial.clone()),
        };
        if initial != initial_c {
            return Err(at.error("its h and c come from different layers; a layer here takes both from one"));
        }
        let from = self.steps(at, &mut x)?;
        let from = if is_reversed { self.add(at, ReverseLayer::new(), vec![from]) } else { from };
        let has_bias = at.has(3);
        let is_once = self.uses(at, 0) == 0 && !has_lengths;
        let mut layer = RecurrentLayer::new(operator.cell, hidden)
            .bidirectional(directions == 2)
            .biases(if has_bias { Biases::Two } else { Biases::None })
            .return_sequences(!is_once)
            .options(options);
        if let Some(initial) = &initial {
            layer = layer.initial(initial.clone());
        }
        let name = self.add(at, layer, vec![from]);
        self.recurrent_weights(at, &name, &operator, &matrices)?;
        let rows = match is_reversed && !is_once {
            true => self.add(at, ReverseLayer::new(), vec![name.clone()]),
            false => name.clone(),
        };
        self.recurrences.push(Recurrence {
            described: at.described(),
            layer: name.clone(),
            directions,
            hidden,
            is_once,
            has_lengths,
            starts: [h, c],
        });
        self.swapped_reset(at, &operator);
        let [time, batch] = [x.axes[time].clone(), x.axes[batch].clone()];
        Ok(outputs(&name, rows, time, batch, [directions, hidden], is_batch_first, operator.has_cell))
    }

    fn recurrent_operator(&mut self, at: At<'_>) -> Result<Operator> {
        Ok(match at.0.operator.as_str() {
            "RNN" => Operator { cell: CellKind::RnnTanh, gates: 1, order: &[0], has_cell: false },
            "GRU" => {
                let after = at.int_or("linear_before_reset", 0)? != 0;
                let cell = if after { CellKind::Gru } else { CellKind::GruResetBefore };
                Operator { cell, gates: 3, order: &[1, 0, 2], has_cell: false }
            }
            _ => Operator { cell: CellKind::Lstm, gates: 4, order: &[0, 2, 3, 1], has_cell: true },
        })
    }

    fn matrices(&mut self, at: At<'_>, gates: usize) -> Result<Matrices> {
        let ((w, w_shape), (r, r_shape)) = (self.numbers(at, 1)?, self.numbers(at, 2)?);
        match (w_shape.as_slice(), r_shape.as_slice()) {
            (&[directions, rows, input], &[d, r_rows, hidden])
                if d == directions
                    && rows == r_rows
                    && hidden.checked_mul(gates) == Some(rows)
                    && rows > 0 =>
            {
                Ok(Matrices { input, hidden, directions, w, r })
            }
            _ => Err(at.error(format!(
                "its weights have the shapes {w_shape:?} and {r_shape:?}, which do not fit it"
            ))),
        }
    }

    /// W `[D, I, 4H]` and R `[D, H, 4H]` of 8 bits, with a scale and a zero for each direction, or for each column.
    fn few_bits(&mut self, at: At<'_>) -> Result<Matrices> {
        self.note("weights of few bits were turned into the numbers that they stand for");
        let mut turned = Vec::with_capacity(2);
        for (matrix, scale) in [(1, 8), (2, 10)] {
            let tensor = self.constant(at, matrix)?;
            let shape = tensor.shape().to_vec();
            self.spend(at, tensor.data().len())?;
            let (scales, zeros) =
                (self.numbers(at, scale)?.0, at.named(self.constant(at, scale + 1)?.to_i64())?);
            let &[directions, rows, columns] = shape.as_slice() else {
                return Err(at.error(format!("its weights have the shape {shape:?}")));
            };
            let each = if scales.len() == directions { 1 } else { columns };
            if scales.is_empty()
                || scales.len() != zeros.len()
                || directions.checked_mul(each) != Some(scales.len())
            {
                return Err(at.error("its scales and zeros do not fit its weights"));
            }
            let values = at.named(tensor.to_i64())?;
            let mut numbers = Vec::with_capacity(values.len());
            for direction in 0..directions {
                for column in 0..columns {
                    let place = direction * each + column.min(each - 1);
                    numbers.extend((0..rows).map(|row| {
                        let value = values[(direction * rows + row) * columns + column];
                        (value - zeros[place]) as f32 * scales[place]
                    }));
                }
            }
            turned.push((numbers, [directions, rows, columns]));
        }
        let (Some((r, [r_directions, hidden, r_rows])), Some((w, [directions, input, rows]))) =
            (turned.pop(), turned.pop())
        else {
            return Err(at.error("its weights are missing"));
        };
        match r_directions == directions && r_rows == rows && hidden.checked_mul(4) == Some(rows) && rows > 0
        {
            true => Ok(Matrices { input, hidden, directions, w, r }),
            false => Err(at.error("its weights do not fit each other")),
        }
    }

    fn recurrent_weights(
        &mut self,
        at: At<'_>,
        layer: &str,
        operator: &Operator,
        matrices: &Matrices,
    ) -> Result<()> {
        let &Matrices { input, hidden, directions, ref w, ref r } = matrices;
        let rows = operator.gates * hidden;
        let bias = if at.has(3) { Some(self.numbers(at, 3)?.0) } else { None };
        if bias.as_ref().is_some_and(|bias| bias.len() != directions * 2 * rows) {
            return Err(at.error(format!("its bias has not the shape [{directions}, {}]", 2 * rows)));
        }
        let peepholes = if at.has(7) { Some(self.numbers(at, 7)?.0) } else { None };
        if peepholes.as_ref().is_some_and(|p| p.len() != directions * 3 * hidden) {
            return Err(at.error(format!("its peepholes have not the shape [{directions}, {}]", 3 * hidden)));
        }
        let reordered = |values: &[f32], order: &[usize]| -> Vec<f32> {
            let block = values.len() / order.len();
            order.iter().flat_map(|&from| &values[from * block..(from + 1) * block]).copied().collect()
        };
        for direction in 0..directions {
            let suffix = if direction == 1 { "l0_reverse" } else { "l0" };
            let of = |values: &[f32]| {
                let each = values.len() / directions;
                values[direction * each..(direction + 1) * each].to_vec()
            };
            let order = operator.order;
            self.weight(layer, &format!("weight_ih_{suffix}"), &[rows, input], reordered(&of(w), order));
            self.weight(layer, &format!("weight_hh_{suffix}"), &[rows, hidden], reordered(&of(r), order));
            if let Some(bias) = &bias {
                let bias = of(bias);
                let (ih, hh) = bias.split_at(rows);
                self.weight(layer, &format!("bias_ih_{suffix}"), &[rows], reordered(ih, order));
                self.weight(layer, &format!("bias_hh_{suffix}"), &[rows], reordered(hh, order));
            }
            if let Some(peepholes) = &peepholes {
                // ONNX has those of i, o and f.
                let values = reordered(&of(peepholes), &[0, 2, 1]);
                self.weight(layer, &format!("weight_peephole_{suffix}"), &[3 * hidden], values);
            }
        }
        Ok(())
    }

    fn options(&mut self, at: At<'_>, operator: &Operator, directions: usize) -> Result<CellOptions> {
        let functions = functions_of(at, operator, directions)?;
        let own = |index: usize, own: ActivationFunction| functions.get(index).copied().filter(|&f| f != own);
        let is_rnn = operator.gates == 1;
        let (sigmoid, tanh) = (ActivationFunction::Sigmoid, ActivationFunction::Tanh);
        Ok(CellOptions {
            gate_activation: if is_rnn { None } else { own(0, sigmoid) },
            candidate_activation: own(usize::from(!is_rnn), tanh),
            output_activation: if operator.has_cell { own(2, tanh) } else { None },
            clip: at.float("clip")?.map(f64::from).filter(|&clip| clip > 0.0),
            coupled: at.int_or("input_forget", 0)? != 0,
            peepholes: operator.has_cell && at.has(7),
            ..CellOptions::default()
        })
    }

    /// Whether the node's lengths are those that an input gives; all steps count where they are the length of the steps.
    pub(super) fn lengths(&mut self, at: At<'_>, value: &Value) -> Result<bool> {
        match value {
            Value::Array(_) => self.expect_lengths(at, value).map(|()| true),
            Value::Sizes { sizes, .. } if sizes.iter().all(|size| self.is_time(size)) => Ok(false),
            Value::Filled { number, .. } => self.all_steps(at, &[*number as i64]),
            Value::Constant(tensor) => self.all_steps(at, &at.named(tensor.to_i64())?),
            Value::Sizes { .. } | Value::IsOne(_) | Value::Mask(_) | Value::Sum(_) => {
                Err(at.error("its lengths of sequences are computed; a model here is given them"))
            }
        }
    }

    fn is_time(&self, size: &super::axes::Size) -> bool {
        size.only_axis().is_some_and(|id| self.axes.role(id) == Some(Role::Time))
    }

    fn all_steps(&self, at: At<'_>, lengths: &[i64]) -> Result<bool> {
        let stated = at.0.inputs.first().and_then(|name| self.stated_steps(name));
        match lengths.iter().all(|&length| Some(length) == stated) {
            true => Ok(false),
            false => {
                Err(at.error("its lengths of sequences are constants other than the length of the steps"))
            }
        }
    }

    /// An exporter that says `pytorch` and a reset gate that PyTorch has not.
    fn swapped_reset(&mut self, at: At<'_>, operator: &Operator) {
        if operator.cell == CellKind::GruResetBefore && self.producer == "pytorch" {
            self.notes.push(format!(
                "{}: linear_before_reset is 0, but the file says that PyTorch wrote it, whose GRU has the reset gate after the \
                 product (linear_before_reset = 1; torch.nn.GRU, \"n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_(t−1) + b_hn))\"); \
                 if the weights are those of a torch.nn.GRU, the exporter made the graph wrong, and its outputs differ from the \
                 model's",
                at.described()
            ));
        }
    }
}

/// Y, Y_h and Y_c.
fn outputs(
    layer: &str,
    rows: String,
    time: Axis,
    batch: Axis,
    [directions, hidden]: [usize; 2],
    is_batch_first: bool,
    has_cell: bool,
) -> Vec<Value> {
    let (both, units) =
        if directions == 2 { (Axis::Factor(0), Axis::Factor(1)) } else { (Axis::One, Axis::Factor(0)) };
    let factors = if directions == 2 { vec![2, hidden] } else { vec![hidden] };
    let axes = match is_batch_first {
        true => vec![batch.clone(), time, both, units],
        false => vec![time, both, batch.clone(), units],
    };
    let y = Array { content: Content::Rows { layer: rows, time: Time::Steps }, axes, factors };
    let state = |part: Part| {
        let piece = |direction| Piece::Layer { layer: layer.to_owned(), part, direction };
        let axes = match is_batch_first {
            true => vec![batch.clone(), Axis::Stack, Axis::Factor(0)],
            false => vec![Axis::Stack, batch.clone(), Axis::Factor(0)],
        };
        Value::Array(Array {
            content: Content::States((0..directions).map(piece).collect()),
            axes,
            factors: vec![hidden],
        })
    };
    let mut values = vec![Value::Array(y), state(Part::Hidden)];
    if has_cell {
        values.push(state(Part::Cell));
    }
    values
}

/// The activation functions of the first direction, which must be those of the second, too.
fn functions_of(at: At<'_>, operator: &Operator, directions: usize) -> Result<Vec<ActivationFunction>> {
    let each = match (operator.gates, operator.has_cell) {
        (1, _) => 1,
        (_, false) => 2,
        (_, true) => 3,
    };
    let names = at.texts("activations")?;
    let (mut alphas, mut betas) =
        (at.floats("activation_alpha")?.iter(), at.floats("activation_beta")?.iter());
    let mut functions = Vec::with_capacity(names.len());
    for name in names {
        let [alpha, beta] = functions::constants(name);
        let alpha = if alpha { alphas.next().copied() } else { None };
        let beta = if beta { betas.next().copied() } else { None };
        let function = functions::named(name, alpha, beta);
        functions.push(function.ok_or_else(|| {
            at.error(format!("its activation {} is none that cells here have", crate::error::quoted(name)))
        })?);
    }
    if !functions.is_empty() && functions.len() != each * directions {
        return Err(at.error(format!("it names {} activations, not {}", functions.len(), each * directions)));
    }
    if functions.len() == 2 * each && functions[..each] != functions[each..] {
        return Err(at.error("its directions have different activations; a layer here has the same in both"));
    }
    functions.truncate(each);
    Ok(functions)
}
