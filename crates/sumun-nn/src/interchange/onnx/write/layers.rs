//! Layers as nodes, recurrent ones and pools apart.

use sumun_formats::onnx::OnnxAttribute;

use super::nodes::Writer;
use crate::interchange::onnx::functions;
use crate::layer::Signal;
use crate::model::{DenseLayer, DropoutLayer, EmbeddingLayer, LayerConfig, PoolLayer, RecurrentLayer, Wired};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, AttentionLayer, BatchNormLayer, Combine, CombineLayer,
    Conv1dLayer, CrfLayer, CropLayer, Elementwise, ElementwiseLayer, LayerNormLayer, PadLayer, PadMode,
    Padding, ReverseLayer, SliceLayer, SoftmaxLayer, UnflattenLayer,
};
use crate::{Error, Result};

impl Writer<'_> {
    pub(super) fn layer(&mut self, layer: &LayerConfig, wired: &Wired) -> Result<()> {
        let name = wired.name.as_str();
        if let Some(combine) = layer.get::<CombineLayer>() {
            let value = self.combine(combine.how, wired)?;
            self.rows.insert(name.to_owned(), value);
            return Ok(());
        }
        let [(from, signal)] = wired.reads.as_slice() else { return Err(unknown(layer, name)) };
        let (x, signal) = (self.value(from)?, *signal);
        let value = if let Some(recurrent) = layer.get::<RecurrentLayer>() {
            self.recurrent(recurrent, wired, &x)?
        } else if let Some(embedding) = layer.get::<EmbeddingLayer>() {
            self.embedding(embedding, name, &x)?
        } else if let Some(dense) = layer.get::<DenseLayer>() {
            self.dense(dense, name, &x, signal)?
        } else if layer.get::<DropoutLayer>().is_some() {
            // Nothing is lost where a model is used.
            x
        } else if layer.get::<CrfLayer>().is_some() {
            if !self.options.scores {
                return Err(Error::Invalid(format!(
                    "{name}, a layer of the kind crf, chooses the tags of a sequence together, which no ONNX graph does here; write \
                     the whole run to a folder, whose script does, or train without the layer"
                )));
            }
            x
        } else if let Some(pool) = layer.get::<PoolLayer>() {
            self.pool(pool.over, name, &x)?
        } else if layer.get::<AttentionLayer>().is_some() {
            self.attention(name, &x)?
        } else if let Some(activation) = layer.get::<ActivationLayer>() {
            self.activation(name, &x, activation.function)?
        } else if layer.get::<SoftmaxLayer>().is_some() {
            self.node(name, "Softmax", &[&x], &[("axis", OnnxAttribute::Int(-1))])
        } else if let Some(norm) = layer.get::<LayerNormLayer>() {
            self.layer_norm(norm, name, &x, signal)?
        } else if let Some(norm) = layer.get::<BatchNormLayer>() {
            self.batch_norm(norm, name, &x, signal)?
        } else if let Some(conv) = layer.get::<Conv1dLayer>() {
            self.convolution(conv, name, &x)?
        } else if layer.get::<ReverseLayer>().is_some() {
            self.reversed(name, &x)?
        } else if let Some(slice) = layer.get::<SliceLayer>() {
            self.slice(name, &x, slice.start, slice.features)?
        } else if let Some(unflatten) = layer.get::<UnflattenLayer>() {
            let features = wired.output.features().unwrap_or(0);
            let shape = self.ints(&[-1, unflatten.steps as i64, features as i64])?;
            self.node(name, "Reshape", &[&x, &shape], &[])
        } else if let Some(elementwise) = layer.get::<ElementwiseLayer>() {
            self.elementwise(name, &x, elementwise.function)?
        } else if let Some(pad) = layer.get::<PadLayer>() {
            self.pad(name, &x, pad)?
        } else if let Some(crop) = layer.get::<CropLayer>() {
            self.crop(name, &x, crop)?
        } else {
            return Err(unknown(layer, name));
        };
        self.rows.insert(name.to_owned(), value);
        Ok(())
    }

    /// The weight of a layer that has it.
    pub(super) fn needed(&self, layer: &str, name: &str) -> Result<(Vec<f32>, Vec<usize>)> {
        self.weight(layer, name).ok_or_else(|| Error::Invalid(format!("{layer} has no weight {name}")))
    }

    fn embedding(&mut self, embedding: &EmbeddingLayer, name: &str, x: &str) -> Result<String> {
        if embedding.mask_zero {
            return Err(Error::Invalid(format!(
                "{name} masks the steps of an id, wherever they are, which ONNX' recurrent operators cannot; give lengths and \
                 leave mask_zero out"
            )));
        }
        let (values, shape) = self.needed(name, "weight")?;
        let table = self.constant(format!("{name}.weight"), shape, values)?;
        Ok(self.node(name, "Gather", &[&table, x], &[]))
    }

    fn dense(&mut self, dense: &DenseLayer, name: &str, x: &str, signal: Signal) -> Result<String> {
        let (values, shape) = self.needed(name, "weight")?;
        let bias = match self.weight(name, "bias") {
            Some((values, shape)) => Some(self.constant(format!("{name}.bias"), shape, values)?),
            None => None,
        };
        let y = if let Signal::Once(_) = signal {
            let weight = self.constant(format!("{name}.weight"), shape, values)?;
            let mut inputs = vec![x, &weight];
            inputs.extend(bias.as_deref());
            self.node(name, "Gemm", &inputs, &[("transB", OnnxAttribute::Int(1))])
        } else {
            let &[units, inputs] = shape.as_slice() else {
                return Err(Error::Invalid(format!("{name} has a weight that is no matrix")));
            };
            let turned = (0..inputs).flat_map(|i| (0..units).map(move |o| o * inputs + i));
            let turned = turned.map(|place| values[place]).collect();
            let weight = self.constant(format!("{name}.weight"), vec![inputs, units], turned)?;
            let product = self.node(name, "MatMul", &[x, &weight], &[]);
            match bias {
                Some(bias) => self.node(name, "Add", &[&product, &bias], &[]),
                None => product,
            }
        };
        Ok(match dense.activation {
            Activation::Linear => y,
            Activation::Relu => self.node(name, "Relu", &[&y], &[]),
            Activation::Tanh => self.node(name, "Tanh", &[&y], &[]),
            Activation::Sigmoid => self.node(name, "Sigmoid", &[&y], &[]),
        })
    }

    /// A node on rows and one number.
    fn with_number(&mut self, name: &str, operator: &str, x: &str, number: f32) -> Result<String> {
        let constant = self.constant(format!("{name}.number"), Vec::new(), vec![number])?;
        Ok(self.node(name, operator, &[x, &constant], &[]))
    }

    fn elementwise(&mut self, name: &str, x: &str, function: Elementwise) -> Result<String> {
        let operator = match function {
            Elementwise::Abs => "Abs",
            Elementwise::Sqrt => "Sqrt",
            Elementwise::Exp => "Exp",
            Elementwise::Log => "Log",
            Elementwise::Erf => "Erf",
            Elementwise::Square => return self.with_number(name, "Pow", x, 2.0),
            Elementwise::Power { exponent } => return self.with_number(name, "Pow", x, exponent as f32),
            // These operators have no node for it.
            Elementwise::Gelu => {
                let scaled = self.with_number(name, "Mul", x, std::f32::consts::FRAC_1_SQRT_2)?;
                let integral = self.node(name, "Erf", &[&scaled], &[]);
                let twice = self.with_number(name, "Add", &integral, 1.0)?;
                let product = self.node(name, "Mul", &[x, &twice], &[]);
                return self.with_number(name, "Mul", &product, 0.5);
            }
            Elementwise::GeluTanh => {
                let square = self.node(name, "Mul", &[x, x], &[]);
                let cube = self.node(name, "Mul", &[&square, x], &[]);
                let scaled = self.with_number(name, "Mul", &cube, 0.044_715)?;
                let sum = self.node(name, "Add", &[x, &scaled], &[]);
                let root = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
                let inner = self.with_number(name, "Mul", &sum, root)?;
                let tanh = self.node(name, "Tanh", &[&inner], &[]);
                let twice = self.with_number(name, "Add", &tanh, 1.0)?;
                let product = self.node(name, "Mul", &[x, &twice], &[]);
                return self.with_number(name, "Mul", &product, 0.5);
            }
        };
        Ok(self.node(name, operator, &[x], &[]))
    }

    /// Refuses a layer that changes how many steps a sequence has, where the graph has lengths.
    fn expect_no_lengths(&self, name: &str) -> Result<()> {
        match self.options.lengths {
            true => Err(Error::Invalid(format!(
                "{name} changes the lengths of sequences, which a graph with lengths cannot follow; write it without lengths"
            ))),
            false => Ok(()),
        }
    }

    fn pad(&mut self, name: &str, x: &str, pad: &PadLayer) -> Result<String> {
        self.expect_no_lengths(name)?;
        let pads = self.ints(&[0, pad.before as i64, 0, 0, pad.after as i64, 0])?;
        let mode = match pad.mode {
            PadMode::Constant => "constant",
            PadMode::Edge => "edge",
            PadMode::Reflect => "reflect",
        };
        let number = match pad.mode {
            PadMode::Constant => self.constant(format!("{name}.number"), Vec::new(), vec![pad.value])?,
            _ => String::new(),
        };
        let mut inputs = vec![x, pads.as_str()];
        inputs.extend(Some(number.as_str()).filter(|number| !number.is_empty()));
        Ok(self.node(name, "Pad", &inputs, &[("mode", OnnxAttribute::Text(mode.into()))]))
    }

    fn crop(&mut self, name: &str, x: &str, crop: &CropLayer) -> Result<String> {
        self.expect_no_lengths(name)?;
        let end = match crop.after {
            0 => i64::MAX,
            after => -(after as i64),
        };
        let (start, end, axis) = (self.ints(&[crop.before as i64])?, self.ints(&[end])?, self.ints(&[1])?);
        Ok(self.node(name, "Slice", &[x, &start, &end, &axis], &[]))
    }

    fn activation(&mut self, name: &str, x: &str, function: ActivationFunction) -> Result<String> {
        let one = |writer: &mut Self, operator: &str, x: &str, number: f64| {
            writer.with_number(name, operator, x, number as f32)
        };
        match function {
            ActivationFunction::Linear => Ok(self.node(name, "Identity", &[x], &[])),
            ActivationFunction::Affine { alpha, beta } => {
                let scaled = if alpha == 1.0 { x.to_owned() } else { one(self, "Mul", x, alpha)? };
                if beta == 0.0 && alpha != 1.0 { Ok(scaled) } else { one(self, "Add", &scaled, beta) }
            }
            ActivationFunction::ScaledTanh { alpha, beta } => {
                let scaled = one(self, "Mul", x, beta)?;
                let tanh = self.node(name, "Tanh", &[&scaled], &[]);
                one(self, "Mul", &tanh, alpha)
            }
            function => {
                let (operator, alpha, beta) = functions::name(function);
                let constants = [("alpha", alpha), ("beta", beta)];
                let constants: Vec<_> = constants
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, OnnxAttribute::Float(value?))))
                    .collect();
                Ok(self.node(name, operator, &[x], &constants))
            }
        }
    }

    fn layer_norm(&mut self, norm: &LayerNormLayer, name: &str, x: &str, signal: Signal) -> Result<String> {
        let features = signal.features().unwrap_or(0);
        let (gain, shape) =
            self.weight(name, "weight").unwrap_or_else(|| (vec![1.0; features], vec![features]));
        let gain = self.constant(format!("{name}.weight"), shape, gain)?;
        let bias = match self.weight(name, "bias") {
            Some((values, shape)) => Some(self.constant(format!("{name}.bias"), shape, values)?),
            None => None,
        };
        let mut inputs = vec![x, &gain];
        inputs.extend(bias.as_deref());
        let epsilon = OnnxAttribute::Float(norm.epsilon as f32);
        Ok(self.node(
            name,
            "LayerNormalization",
            &inputs,
            &[("axis", OnnxAttribute::Int(-1)), ("epsilon", epsilon)],
        ))
    }

    fn batch_norm(&mut self, norm: &BatchNormLayer, name: &str, x: &str, signal: Signal) -> Result<String> {
        let features = signal.features().unwrap_or(0);
        let mut constants = Vec::with_capacity(4);
        for (weight, number) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)]
        {
            let given = self.weight(name, weight);
            let (values, shape) = given.unwrap_or_else(|| (vec![number; features], vec![features]));
            constants.push(self.constant(format!("{name}.{weight}"), shape, values)?);
        }
        let has_steps = matches!(signal, Signal::Steps(_));
        let turned = if has_steps { self.transposed(name, x, &[0, 2, 1]) } else { x.to_owned() };
        let mut inputs = vec![turned.as_str()];
        inputs.extend(constants.iter().map(String::as_str));
        let epsilon = OnnxAttribute::Float(norm.epsilon as f32);
        let y = self.node(name, "BatchNormalization", &inputs, &[("epsilon", epsilon)]);
        Ok(if has_steps { self.transposed(name, &y, &[0, 2, 1]) } else { y })
    }

    fn convolution(&mut self, conv: &Conv1dLayer, name: &str, x: &str) -> Result<String> {
        let keeps_steps = conv.stride == 1 && (conv.kernel == 1 || conv.padding != Padding::Valid);
        let mut x = x.to_owned();
        if self.options.lengths {
            if !keeps_steps {
                self.expect_no_lengths(name)?;
            }
            // What follows a sequence is its padding.
            x = self.only_there(name, &x, 0.0);
        }
        let (values, shape) = self.needed(name, "weight")?;
        let weight = self.constant(format!("{name}.weight"), shape, values)?;
        let bias = match self.weight(name, "bias") {
            Some((values, shape)) => Some(self.constant(format!("{name}.bias"), shape, values)?),
            None => None,
        };
        let reach = (conv.kernel - 1) * conv.dilation;
        let list = |values: [usize; 2]| OnnxAttribute::Ints(values.map(|value| value as i64).to_vec());
        let one = |value: usize| OnnxAttribute::Ints(vec![value as i64]);
        let mut attributes = vec![
            ("kernel_shape", one(conv.kernel)),
            ("strides", one(conv.stride)),
            ("dilations", one(conv.dilation)),
            ("group", OnnxAttribute::Int(conv.groups as i64)),
        ];
        match conv.padding {
            Padding::Valid => {}
            Padding::Causal => attributes.push(("pads", list([reach, 0]))),
            Padding::Same if conv.stride == 1 => {
                attributes.push(("pads", list([reach / 2, reach - reach / 2])))
            }
            Padding::Same => attributes.push(("auto_pad", OnnxAttribute::Text("SAME_UPPER".into()))),
        }
        let turned = self.transposed(name, &x, &[0, 2, 1]);
        let mut inputs = vec![turned.as_str(), &weight];
        inputs.extend(bias.as_deref());
        let y = self.node(name, "Conv", &inputs, &attributes);
        Ok(self.transposed(name, &y, &[0, 2, 1]))
    }

    pub(super) fn reversed(&mut self, name: &str, x: &str) -> Result<String> {
        if self.options.lengths {
            let to = [("to", OnnxAttribute::Int(7))];
            let lengths = self.node(name, "Cast", &[crate::interchange::LENGTHS], &to);
            let axes = [("batch_axis", OnnxAttribute::Int(0)), ("time_axis", OnnxAttribute::Int(1))];
            return Ok(self.node(name, "ReverseSequence", &[x, &lengths], &axes));
        }
        let (start, end) = (self.ints(&[-1])?, self.ints(&[i64::MIN])?);
        let (axis, step) = (self.ints(&[1])?, start.clone());
        Ok(self.node(name, "Slice", &[x, &start, &end, &axis, &step], &[]))
    }

    /// Some of the features.
    pub(super) fn slice(&mut self, name: &str, x: &str, start: usize, count: usize) -> Result<String> {
        let (start, end) = (start as i64, (start + count) as i64);
        let (start, end, axis) = (self.ints(&[start])?, self.ints(&[end])?, self.ints(&[-1])?);
        Ok(self.node(name, "Slice", &[x, &start, &end, &axis], &[]))
    }

    fn combine(&mut self, how: Combine, wired: &Wired) -> Result<String> {
        let name = wired.name.as_str();
        let steps = wired.reads.iter().find(|(_, signal)| matches!(signal, Signal::Steps(_)));
        let steps = steps.map(|(from, _)| self.value(from)).transpose()?;
        let mut values = Vec::with_capacity(wired.reads.len());
        for (from, signal) in &wired.reads {
            let mut value = self.value(from)?;
            if let (Signal::Once(features), Some(steps)) = (signal, &steps) {
                let axis = self.ints(&[1])?;
                value = self.node(name, "Unsqueeze", &[&value, &axis], &[]);
                if how == Combine::Concat {
                    let ends = [("start", OnnxAttribute::Int(0)), ("end", OnnxAttribute::Int(2))];
                    let shape = self.node(name, "Shape", &[steps], &ends);
                    let width = self.ints(&[*features as i64])?;
                    let shape =
                        self.node(name, "Concat", &[&shape, &width], &[("axis", OnnxAttribute::Int(0))]);
                    value = self.node(name, "Expand", &[&value, &shape], &[]);
                }
            }
            values.push(value);
        }
        let operator = match how {
            Combine::Concat => {
                let inputs: Vec<&str> = values.iter().map(String::as_str).collect();
                return Ok(self.node(name, "Concat", &inputs, &[("axis", OnnxAttribute::Int(-1))]));
            }
            Combine::Add => "Add",
            Combine::Multiply => "Mul",
        };
        // From the first to the last, as the layer does.
        let mut values = values.into_iter();
        let mut sum = values.next().unwrap_or_default();
        for value in values {
            sum = self.node(name, operator, &[&sum, &value], &[]);
        }
        Ok(sum)
    }
}

/// An error for a layer that no operator is.
fn unknown(layer: &LayerConfig, name: &str) -> Error {
    Error::Invalid(format!("{name}, a layer of the kind {}, has no form in an ONNX graph here", layer.kind()))
}
