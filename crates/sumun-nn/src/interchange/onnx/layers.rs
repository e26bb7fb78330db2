//! Nodes that compute: each becomes a layer.

use super::axes::Role;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::model::{DenseLayer, LayerConfig, PoolLayer};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, Conv1dLayer, Elementwise,
    ElementwiseLayer, LayerNormLayer, PadLayer, Padding, Pool, ReverseLayer, SoftmaxLayer,
};

impl Reader<'_> {
    /// A layer on an array whose rows keep their axes.
    pub(super) fn on_rows(
        &mut self,
        at: At<'_>,
        array: Array,
        layer: impl Into<LayerConfig>,
    ) -> Result<(Array, String)> {
        let from = vec![self.source(at, &array)?];
        let time = Self::time_of(&array);
        let layer = self.add(at, layer, from);
        Ok((Array { content: Content::Rows { layer: layer.clone(), time }, ..array }, layer))
    }

    /// The rows that a node reads.
    fn rows_in(&mut self, at: At<'_>, index: usize) -> Result<Array> {
        let array = self.array(at, index)?;
        self.rows(at, array)
    }

    pub(super) fn matmul(&mut self, at: At<'_>) -> Result<Value> {
        if let Some(value) = self.product_by_shares(at)? {
            return Ok(value);
        }
        let (weight, shape) = self.numbers(at, 1)?;
        let &[inputs, units] = shape.as_slice() else {
            return Err(at.error(format!("its constant has the shape {shape:?}; a dense layer has two axes")));
        };
        let array = self.rows_in(at, 0)?;
        let weight = transposed(&weight, inputs, units);
        self.dense(at, array, [units, inputs], weight, None)
    }

    pub(super) fn gemm(&mut self, at: At<'_>) -> Result<Value> {
        if at.int_or("transA", 0)? != 0 {
            return Err(at.error("it transposes its rows; no layer here does"));
        }
        let (mut weight, shape) = self.numbers(at, 1)?;
        let (&[a, b], is_turned) = (shape.as_slice(), at.int_or("transB", 0)? != 0) else {
            return Err(at.error(format!("its constant has the shape {shape:?}; a dense layer has two axes")));
        };
        let [units, inputs] = if is_turned { [a, b] } else { [b, a] };
        if !is_turned {
            weight = transposed(&weight, inputs, units);
        }
        let factor = |name| Ok::<f32, crate::Error>(at.float(name)?.unwrap_or(1.0));
        let (alpha, beta) = (factor("alpha")?, factor("beta")?);
        if alpha != 1.0 {
            weight.iter_mut().for_each(|value| *value *= alpha);
        }
        let bias = match at.has(2) {
            false => None,
            true => {
                let (mut bias, shape) = self.numbers(at, 2)?;
                if shape.iter().rev().skip(1).any(|&axis| axis != 1)
                    || !(bias.len() == units || bias.len() == 1)
                {
                    return Err(at.error(format!(
                        "its second constant has the shape {shape:?}; a bias has [{units}]"
                    )));
                }
                if bias.len() == 1 {
                    bias = vec![bias[0]; units];
                }
                bias.iter_mut().for_each(|value| *value *= beta);
                Some(bias)
            }
        };
        let array = self.rows_in(at, 0)?;
        self.dense(at, array, [units, inputs], weight, bias)
    }

    fn dense(
        &mut self,
        at: At<'_>,
        mut array: Array,
        shape: [usize; 2],
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
    ) -> Result<Value> {
        let [units, inputs] = shape;
        let Some(last) = array.axes.len().checked_sub(1) else {
            return Err(at.error("it reads an array without axes"));
        };
        self.features_at(at, &mut array, last, Some(inputs))?;
        let (mut array, layer) = self.on_rows(at, array, DenseLayer::new(units).bias(bias.is_some()))?;
        self.weight(&layer, "weight", &shape, weight);
        if let Some(bias) = bias {
            self.weight(&layer, "bias", &[units], bias);
        }
        array.axes[last] = Axis::Factor(0);
        array.factors = vec![units];
        Ok(Value::Array(array))
    }

    pub(super) fn normalised(
        &mut self,
        at: At<'_>,
        array: Array,
        layer: BatchNormLayer,
        values: [Vec<f32>; 4],
    ) -> Result<Array> {
        let (array, layer) = self.on_rows(at, array, layer)?;
        for (name, values) in ["weight", "bias", "running_mean", "running_var"].into_iter().zip(values) {
            self.weight(&layer, name, &[values.len()], values);
        }
        Ok(array)
    }

    pub(super) fn batch_norm(&mut self, at: At<'_>) -> Result<Value> {
        if at.int_or("training_mode", 0)? != 0 {
            return Err(at.error("it is exported for training; export the model in evaluation mode"));
        }
        let mut array = self.rows_in(at, 0)?;
        let mut values = [const { Vec::new() }; 4];
        for (index, values) in values.iter_mut().enumerate() {
            *values = self.numbers(at, index + 1)?.0;
        }
        if array.axes.len() < 2 || values.iter().any(|other| other.len() != values[0].len()) {
            return Err(at.error("its constants are not one for each feature"));
        }
        self.features_at(at, &mut array, 1, Some(values[0].len()))?;
        let epsilon = f64::from(at.float("epsilon")?.unwrap_or(1e-5));
        self.normalised(at, array, BatchNormLayer::new().epsilon(epsilon), values).map(Value::Array)
    }

    pub(super) fn layer_norm(&mut self, at: At<'_>) -> Result<Value> {
        let mut array = self.rows_in(at, 0)?;
        let axis = at.axis(at.int_or("axis", -1)?, array.axes.len())?;
        if axis + 1 != array.axes.len() {
            return Err(at.error("it normalises over several axes; a layer here does over the features"));
        }
        let gain = self.numbers(at, 1)?.0;
        let bias = if at.has(2) { Some(self.numbers(at, 2)?.0) } else { None };
        let features = self.features_at(at, &mut array, axis, Some(gain.len()))?;
        if bias.as_ref().is_some_and(|bias| bias.len() != features) {
            return Err(at.error("its bias is not one number for each feature"));
        }
        let epsilon = f64::from(at.float("epsilon")?.unwrap_or(1e-5));
        let config = LayerNormLayer::new().epsilon(epsilon).bias(bias.is_some());
        let (array, layer) = self.on_rows(at, array, config)?;
        self.weight(&layer, "weight", &[features], gain);
        if let Some(bias) = bias {
            self.weight(&layer, "bias", &[features], bias);
        }
        Ok(Value::Array(array))
    }

    pub(super) fn softmax(&mut self, at: At<'_>) -> Result<Value> {
        let mut array = self.rows_in(at, 0)?;
        let default = if self.opset < 13 { 1 } else { -1 };
        let axis = at.axis(at.int_or("axis", default)?, array.axes.len())?;
        let last = array.axes.len() - 1;
        // Older files mean all axes from this one on.
        let place = if self.opset < 13 { last } else { axis };
        if self.opset < 13 && array.axes[axis..last].iter().any(|axis| *axis != Axis::One) {
            return Err(at.error("it shares out over several axes; a layer here does over the features"));
        }
        if let Some(shares) = self.shares_of_steps(at, &array, place)? {
            return Ok(shares);
        }
        self.features_at(at, &mut array, place, None)?;
        Ok(Value::Array(self.on_rows(at, array, SoftmaxLayer::new())?.0))
    }

    pub(super) fn activation(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        let function = match operator {
            "Neg" => Some(ActivationFunction::Affine { alpha: -1.0, beta: 0.0 }),
            "Clip" => self.clip(at)?,
            name => super::functions::named(name, at.float("alpha")?, at.float("beta")?),
        };
        let Some(function) = function else { return self.elementwise(at, operator) };
        let array = self.rows_in(at, 0)?;
        if let Some(activation) = self.of_dense(at, &array, function) {
            if let Some(dense) = self.layers.last_mut().and_then(|layer| layer.get_mut::<DenseLayer>()) {
                dense.activation = activation;
            }
            return Ok(Some(Value::Array(array)));
        }
        Ok(Some(Value::Array(self.on_rows(at, array, ActivationLayer::new(function))?.0)))
    }

    /// A function of every number that no cell has; None of other operators.
    fn elementwise(&mut self, at: At<'_>, operator: &str) -> Result<Option<Value>> {
        let function = match operator {
            "Abs" => Elementwise::Abs,
            "Sqrt" => Elementwise::Sqrt,
            "Exp" => Elementwise::Exp,
            "Log" => Elementwise::Log,
            "Erf" => Elementwise::Erf,
            "Gelu" => match at.text("approximate")?.unwrap_or("none") {
                "none" => Elementwise::Gelu,
                "tanh" => Elementwise::GeluTanh,
                other => {
                    return Err(at.error(format!(
                        "it is approximate = {}; \"none\" and \"tanh\" are read",
                        crate::error::quoted(other)
                    )));
                }
            },
            "Reciprocal" => Elementwise::Power { exponent: -1.0 },
            "Pow" => match self.numbers(at, 1)?.0[..] {
                [2.0] => Elementwise::Square,
                [0.5] => Elementwise::Sqrt,
                [exponent] => Elementwise::Power { exponent: exponent.into() },
                _ => return Err(at.error("its exponent is not one number; a layer here has one")),
            },
            _ => return Ok(None),
        };
        let array = self.rows_in(at, 0)?;
        Ok(Some(Value::Array(self.on_rows(at, array, ElementwiseLayer::new(function))?.0)))
    }

    /// The option of the dense layer before that this activation is: where both nodes bear one layer's name, as those that
    /// this library writes do. The numbers of a layer of its own differ in the last bit.
    fn of_dense(&mut self, at: At<'_>, array: &Array, function: ActivationFunction) -> Option<Activation> {
        let activation = match function {
            ActivationFunction::Relu => Activation::Relu,
            ActivationFunction::Tanh => Activation::Tanh,
            ActivationFunction::Sigmoid => Activation::Sigmoid,
            _ => return None,
        };
        let Content::Rows { layer, .. } = &array.content else { return None };
        let (module, _) = at.0.name.rsplit_once('/')?;
        let dense = self.layers.last()?;
        let is_plain = dense.get::<DenseLayer>()?.activation == Activation::Linear;
        let is_same = dense.name() == Some(layer) && layer == module;
        (is_plain && is_same && self.readers(at, 0) == 1).then_some(activation)
    }

    fn clip(&mut self, at: At<'_>) -> Result<Option<ActivationFunction>> {
        let mut ends = [f32::NEG_INFINITY, f32::INFINITY];
        for (index, (end, name)) in ends.iter_mut().zip(["min", "max"]).enumerate() {
            if let Some(value) = at.float(name)? {
                *end = value;
            } else if at.has(index + 1) {
                *end = self.numbers(at, index + 1)?.0.first().copied().unwrap_or(*end);
            }
        }
        match ends {
            [0.0, max] if max >= f32::MAX => Ok(Some(ActivationFunction::Relu)),
            [0.0, 1.0] => Ok(Some(ActivationFunction::HardSigmoid { alpha: 1.0, beta: 0.0 })),
            [min, max] => Err(at.error(format!(
                "it holds numbers from {min} to {max}; layers here do from 0, or from 0 to 1"
            ))),
        }
    }

    pub(super) fn reduce(&mut self, at: At<'_>, pool: Pool) -> Result<Value> {
        let axes = match at.ints("axes")? {
            Some(axes) => axes.to_vec(),
            None if at.has(1) => self.whole_numbers(at, 1)?,
            None => Vec::new(),
        };
        let array = self.rows_in(at, 0)?;
        let [axis] = axes[..] else {
            return Err(at.error("it reduces other axes than that of the steps; no layer here does"));
        };
        let place = at.axis(axis, array.axes.len())?;
        let keeps_axis = at.int_or("keepdims", 1)? != 0;
        // Steps past the end of a sequence do not count where they are less than any number.
        let is_masked = pool == Pool::Max && self.is_masked(at, 0, |number| number <= f64::from(f32::MIN));
        self.pooled(at, array, place, pool, keeps_axis, is_masked)
    }

    pub(super) fn pool_all(&mut self, at: At<'_>, pool: Pool) -> Result<Value> {
        let array = self.rows_in(at, 0)?;
        match array.axes.len() {
            3 => self.pooled(at, array, 2, pool, true, false),
            _ => Err(at.error("it pools other than [N, C, T]; no layer here does")),
        }
    }

    /// One row a sequence of its steps; `is_masked` where those past its end do not count in the graph either.
    pub(super) fn pooled(
        &mut self,
        at: At<'_>,
        mut array: Array,
        place: usize,
        pool: Pool,
        keeps_axis: bool,
        is_masked: bool,
    ) -> Result<Value> {
        if array.axes[place] == Axis::One {
            // The mean and the largest of one.
            if !keeps_axis {
                array.axes.remove(place);
            }
            return Ok(Value::Array(array));
        }
        if !matches!(array.axes[place], Axis::Open(_)) {
            return Err(at.error("it reduces another axis than that of the steps; no layer here does"));
        }
        self.role_at(at, &array, place, Role::Time)?;
        let from = self.steps(at, &mut array)?;
        if !is_masked {
            self.mixes_steps.get_or_insert_with(|| at.described());
        }
        Ok(Value::Array(self.pooled_from(at, array, place, pool, from, keeps_axis)))
    }

    /// The array with one row a sequence in place of the steps that a layer gives.
    pub(super) fn pooled_from(
        &mut self,
        at: At<'_>,
        mut array: Array,
        place: usize,
        pool: Pool,
        from: String,
        keeps_axis: bool,
    ) -> Array {
        let layer = self.add(at, PoolLayer::new(pool), vec![from]);
        array.content = Content::Rows { layer, time: Time::Once };
        match keeps_axis {
            true => array.axes[place] = Axis::One,
            false => drop(array.axes.remove(place)),
        }
        array
    }

    /// Sequences turned round, each at its own end.
    pub(super) fn reverse_sequence(&mut self, at: At<'_>) -> Result<Value> {
        let mut array = self.rows_in(at, 0)?;
        let (batch, time) = (at.int_or("batch_axis", 1)?, at.int_or("time_axis", 0)?);
        let lengths = self.input(at, 1)?;
        let rank = array.axes.len();
        let (batch, time) = (at.axis(batch, rank)?, at.axis(time, rank)?);
        self.role_at(at, &array, batch, Role::Sequences)?;
        self.role_at(at, &array, time, Role::Time)?;
        if self.lengths(at, &lengths)? {
            self.uses_lengths.get_or_insert_with(|| at.described());
        }
        let from = self.steps(at, &mut array)?;
        let layer = self.add(at, ReverseLayer::new(), vec![from]);
        array.content = Content::Rows { layer, time: Time::Steps };
        Ok(Value::Array(array))
    }

    pub(super) fn convolution(&mut self, at: At<'_>) -> Result<Value> {
        let (weight, shape) = self.numbers(at, 1)?;
        let &[units, _, kernel] = shape.as_slice() else {
            return Err(at.error(format!(
                "a kernel of the shape {shape:?}; convolutions here have one axis of steps"
            )));
        };
        let bias = if at.has(2) { Some(self.numbers(at, 2)?.0) } else { None };
        let one = |name: &str| match at.ints(name)? {
            None => Ok(1),
            Some(&[value]) => at.length(name, value),
            Some(_) => Err(at.error(format!("its {name} are not one number"))),
        };
        let (stride, dilation) = (one("strides")?, one("dilations")?);
        let groups = at.length("group", at.int_or("group", 1)?)?;
        let inputs = shape[1].checked_mul(groups).ok_or_else(|| at.error("too many groups"))?;
        let mut array = self.rows_in(at, 0)?;
        if array.axes.len() != 3 {
            return Err(at.error("it reads other than [N, C, T]; no layer here does"));
        }
        self.features_at(at, &mut array, 1, Some(inputs))?;
        self.role_at(at, &array, 0, Role::Sequences)?;
        self.role_at(at, &array, 2, Role::Time)?;
        let (padding, around) = padding(at, kernel, stride, dilation)?;
        let mut from = self.steps(at, &mut array)?;
        let keeps_steps = stride == 1 && around == [0, 0] && (kernel == 1 || padding != Padding::Valid);
        // Zeros past the end of a sequence are its padding.
        let is_alone = kernel == 1 || self.is_masked(at, 0, |number| number == 0.0);
        if !(keeps_steps && is_alone) {
            self.mixes_steps.get_or_insert_with(|| at.described());
        }
        if around != [0, 0] {
            from = self.add(at, PadLayer::new(around[0], around[1]), vec![from]);
        }
        let length = match array.axes[2] {
            Axis::Open(id) => self.axes.length(id),
            _ => Some(1),
        };
        let length = length.and_then(|length| length.checked_add(around[0])?.checked_add(around[1]));
        let config = Conv1dLayer::new(units, kernel)
            .stride(stride)
            .dilation(dilation)
            .groups(groups)
            .padding(padding)
            .bias(bias.is_some());
        let length = length.map(|length| config.config(inputs).output_length(length));
        let layer = self.add(at, config, vec![from]);
        self.weight(&layer, "weight", &shape, weight);
        if let Some(bias) = bias {
            self.weight(&layer, "bias", &[units], bias);
        }
        if !keeps_steps {
            array.axes[2] = Axis::Open(self.axes.add(Some(Role::Time), length));
        }
        array.axes[1] = Axis::Factor(0);
        array.factors = vec![units];
        array.content = Content::Rows { layer, time: Time::Steps };
        Ok(Value::Array(array))
    }
}

/// What the padding of a convolution is here, and zeros to put before and after the steps where no convolution has them.
fn padding(at: At<'_>, kernel: usize, stride: usize, dilation: usize) -> Result<(Padding, [usize; 2])> {
    const NONE: [usize; 2] = [0, 0];
    let reach = kernel.saturating_sub(1).saturating_mul(dilation);
    match at.text("auto_pad")?.unwrap_or("NOTSET") {
        "VALID" => return Ok((Padding::Valid, NONE)),
        "SAME_UPPER" => return Ok((Padding::Same, NONE)),
        "NOTSET" | "" => {}
        other => {
            return Err(
                at.error(format!("its padding is {}; no layer here has it", crate::error::quoted(other)))
            );
        }
    }
    let pads = match at.ints("pads")? {
        None => [0, 0],
        Some(&[before, after]) => [at.length("pads", before)?, at.length("pads", after)?],
        Some(_) => return Err(at.error("its pads are not two numbers")),
    };
    Ok(match pads {
        NONE => (Padding::Valid, NONE),
        [before, 0] if before == reach => (Padding::Causal, NONE),
        [before, after] if stride == 1 && before == reach / 2 && before + after == reach => {
            (Padding::Same, NONE)
        }
        around => (Padding::Valid, around),
    })
}

/// A matrix `[rows, columns]` as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
