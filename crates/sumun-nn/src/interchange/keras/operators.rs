//! What Keras 3 writes for Python's operators on tensors and for the functions of `keras.ops`: parts, sums, products, means, and
//! axes that are moved, added and left out.

use sumun_formats::keras::{Call, Layer, Source, Value};

use super::activations::{Meaning, Version, clipped, gelu, named, relu_to};
use super::graph::{Flow, Graph, Output, Shape};
use super::settings::Options;
use super::{refused, shares};
use crate::Result;
use crate::model::LayerConfig;
use crate::nn::ActivationFunction::{Affine, Elu, LeakyRelu, Relu};
use crate::nn::{
    BatchNormLayer, CombineLayer, Conv1dLayer, CropLayer, DenseLayer, Elementwise, ElementwiseLayer, Pool,
    PoolLayer, ReverseLayer, SliceLayer, SoftmaxLayer, UnflattenLayer,
};

/// What the class of an operator begins with.
pub(super) const PREFIX: &str = "ops.";

/// ε of a normalisation that only scales: the square root of 1 + ε is 1.
const NO_EPSILON: f64 = 1e-30;

/// An axis of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Sequences,
    Steps,
    Features,
    /// Of length 1.
    One,
    /// The features of all steps, one step after the other.
    Row,
}

/// Rows, and how a tensor of Keras has them: axes may be in another order, and one of one number may be left out.
#[derive(Debug, Clone)]
pub(super) struct Laid {
    /// Steps or rows.
    flow: Flow,
    axes: Vec<Axis>,
}

impl Laid {
    fn of(flow: Flow) -> Self {
        use Axis::{Features, Row, Sequences, Steps};
        let (shape, axes) = match flow.shape {
            Shape::Steps { .. } => (flow.shape, vec![Sequences, Steps, Features]),
            Shape::Flat { time, features } => (
                Shape::Steps { time: Some(time), features },
                vec![Sequences, if features == 1 { Steps } else { Row }],
            ),
            Shape::Once { .. } | Shape::Open(_) => (flow.shape, vec![Sequences, Features]),
        };
        Self { flow: Flow { shape, ..flow }, axes }
    }

    fn features(&self) -> usize {
        match self.flow.shape {
            Shape::Steps { features, .. } | Shape::Flat { features, .. } | Shape::Once { features } => {
                features
            }
            Shape::Open(features) => features.unwrap_or(0),
        }
    }

    /// The steps, where there are any: how many, if that is known.
    fn steps(&self) -> Option<Option<usize>> {
        match self.flow.shape {
            Shape::Steps { time, .. } => Some(time),
            _ => None,
        }
    }

    /// The length of an axis; None of those that differ from batch to batch.
    fn length(&self, axis: Axis) -> Option<usize> {
        match axis {
            Axis::Sequences => None,
            Axis::Steps => self.steps().flatten(),
            Axis::Features => Some(self.features()),
            Axis::One => Some(1),
            Axis::Row => self.steps().flatten()?.checked_mul(self.features()),
        }
    }

    /// Its shape, as messages have it.
    fn described(&self) -> String {
        let axis = |&axis: &Axis| match (axis, self.length(axis)) {
            (Axis::Sequences, _) => "N".to_owned(),
            (_, Some(length)) => length.to_string(),
            (_, None) => "T".to_owned(),
        };
        format!("[{}]", self.axes.iter().map(axis).collect::<Vec<_>>().join(", "))
    }

    /// As layers read it, for which one row may become steps. Error: none of them reads such a tensor.
    pub(super) fn plain(self, graph: &mut Graph, layer: &Layer) -> Result<Flow> {
        use Axis::{Features, One, Row, Sequences, Steps};
        let (shape, mask) = (self.flow.shape, self.flow.mask);
        let mut into_steps = |steps: usize, features: usize| {
            let name = graph.fresh(&format!("{}_steps", self.flow.from));
            let shape = Shape::Steps { time: Some(steps), features };
            graph.push(name, UnflattenLayer::new(steps), &[&self.flow.from], shape, None)
        };
        Ok(match (shape, self.axes.as_slice()) {
            (Shape::Steps { .. }, [Sequences, Steps, Features])
            | (Shape::Once { .. }, [Sequences, Features])
            | (Shape::Steps { features: 1, .. }, [Sequences, Steps, One])
            | (Shape::Once { features: 1 }, [Sequences, One]) => self.flow,
            (Shape::Steps { time: Some(time), features }, [Sequences, Row])
            | (Shape::Steps { time: Some(time), features: features @ 1 }, [Sequences, Steps]) => {
                Flow { shape: Shape::Flat { time, features }, mask, ..self.flow }
            }
            (Shape::Once { features }, [Sequences, One, Features]) => into_steps(1, features),
            (Shape::Once { features: steps }, [Sequences, Features, One]) => into_steps(steps, 1),
            _ => {
                let why = format!("it reads {}, which is no layout of steps or rows here", self.described());
                return Err(refused(layer, why));
            }
        })
    }

    /// A row `[N, 1, F]`, or `[N, F, 1]`.
    pub(super) fn row_beside_one(row: Flow, is_first: bool) -> Self {
        use Axis::{Features, One, Sequences};
        let axes = if is_first { vec![Sequences, One, Features] } else { vec![Sequences, Features, One] };
        Self { flow: row, axes }
    }

    /// As a result of the model, and what its shape is in Keras where that is another.
    pub(super) fn result(self, graph: &mut Graph, layer: &Layer) -> Result<(Flow, Option<String>)> {
        use Axis::{Sequences, Steps};
        match (self.flow.shape, self.axes.as_slice()) {
            (Shape::Steps { features: 1, .. }, [Sequences, Steps])
            | (Shape::Once { features: 1 }, [Sequences]) => {
                let shape = self.described();
                Ok((self.flow, Some(shape)))
            }
            _ => self.plain(graph, layer).map(|flow| (flow, None)),
        }
    }
}

/// What an operator computes with.
enum Operand {
    Tensor(Laid),
    Number(f64),
    /// Numbers for the last axis.
    Numbers(Vec<f32>),
}

/// Part of an axis, as Python's slices say it.
#[derive(Clone, Copy)]
enum Part {
    Index(i64),
    Range { start: Option<i64>, stop: Option<i64>, step: i64 },
}

/// Reads an operator.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call) -> Result<()> {
    let class = layer.class.strip_prefix(PREFIX).unwrap_or_default();
    if let Some((name, _)) = call.named.first() {
        return Err(refused(layer, format!("its argument {name} is not known here")));
    }
    if shares::read(graph, layer, call, class)? {
        return Ok(());
    }
    let mut operator = Operator { graph, layer, call, options: Options::new(layer) };
    // Layers of its own take its name, the first as it is.
    let name = operator.graph.own_name();
    operator.graph.release(&name);
    let results = operator.results(class)?;
    let Operator { options, .. } = operator;
    graph.finish_options(options)?;
    for (output, laid) in results.into_iter().enumerate() {
        // A layer heeds no mask behind an operator of Keras.
        let mask = laid.flow.mask.map(super::graph::MaskOf::forgotten);
        graph.put_output(output, Output::Laid(Laid { flow: Flow { mask, ..laid.flow }, ..laid }));
    }
    Ok(())
}

/// An operator that is being read.
struct Operator<'a, 'g> {
    graph: &'g mut Graph,
    layer: &'a Layer,
    call: &'a Call,
    options: Options<'a>,
}

impl Operator<'_, '_> {
    fn error(&self, why: impl std::fmt::Display) -> crate::Error {
        refused(self.layer, why)
    }

    fn results(&mut self, class: &str) -> Result<Vec<Laid>> {
        let laid = match class {
            "Concatenate" | "Stack" => self.joined(class == "Stack")?,
            "Add" | "Subtract" | "Multiply" | "TrueDivide" | "Divide" | "Power" | "Maximum" | "Minimum" => {
                self.expect(2)?;
                let (first, second) = (self.operand(0)?, self.operand(1)?);
                self.binary(class, first, second)?
            }
            "GetItem" => {
                self.expect(2)?;
                let laid = self.tensor(0)?;
                self.item(laid)?
            }
            "Take" => {
                self.expect(2)?;
                let laid = self.tensor(0)?;
                let Some(&Value::Integer(index)) = self.call.settings.get("1") else {
                    return Err(self.error("it takes several places by number; one, or a slice, is read"));
                };
                let place = self.axis(&laid)?;
                self.part(laid, place, Part::Index(index))?
            }
            "Split" => {
                self.expect(1)?;
                return self.split();
            }
            class => {
                self.expect(1)?;
                let laid = self.tensor(0)?;
                self.unary(class, laid)?
            }
        };
        Ok(vec![laid])
    }

    /// Refuses more or fewer arguments.
    fn expect(&self, count: usize) -> Result<()> {
        let settings =
            self.call.settings.iter().all(|(name, _)| name.parse().is_ok_and(|place: usize| place < count));
        match self.call.arguments.len() == count && settings {
            true => Ok(()),
            false => {
                Err(self.error(format!("it has {} arguments; {count} are read", self.call.arguments.len())))
            }
        }
    }

    fn operand(&mut self, place: usize) -> Result<Operand> {
        if self.call.arguments.get(place).is_some_and(|sources| !sources.is_empty()) {
            return self.tensor(place).map(Operand::Tensor);
        }
        let Some(value) = self.call.settings.get(&place.to_string()) else {
            return Err(self.error(format!("its argument {} is missing", place + 1)));
        };
        if let Some(number) = value.as_number() {
            return Ok(Operand::Number(number));
        }
        let config = value.as_object().and_then(|object| object.get("config")).and_then(Value::as_object);
        let Some(mut values) = config.and_then(|config| config.get("value")) else {
            return Err(
                self.error(format!("it computes with {value}, which is neither a tensor nor numbers"))
            );
        };
        // Axes of length 1 before the last say nothing.
        while let Some([inner @ (Value::List(_) | Value::Integer(_) | Value::Number(_))]) = values.as_list() {
            values = inner;
        }
        if let Some(number) = values.as_number() {
            return Ok(Operand::Number(number));
        }
        let numbers: Option<Vec<f32>> = values.as_list().and_then(|list| {
            list.iter().map(|value| value.as_number().map(|number| number as f32)).collect()
        });
        match numbers {
            Some(numbers) if !numbers.is_empty() => Ok(Operand::Numbers(numbers)),
            _ => Err(self.error(
                "it computes with an array of several axes; one number, or one for each feature, is read",
            )),
        }
    }

    fn tensor(&mut self, place: usize) -> Result<Laid> {
        match self.call.arguments.get(place).map(Vec::as_slice) {
            Some([source]) => self.laid(source),
            _ => Err(self.error(format!("its argument {} is no tensor", place + 1))),
        }
    }

    fn laid(&mut self, source: &Source) -> Result<Laid> {
        match self.graph.as_laid(source) {
            Some(laid) => Ok(laid),
            None => self.graph.flow(self.layer, source).map(Laid::of),
        }
    }

    /// Appends a layer behind rows, which then are of this shape.
    fn push(&mut self, laid: Laid, own: impl Into<LayerConfig>, shape: Shape) -> Laid {
        let name = self.graph.fresh(&self.graph.own_name());
        let mask = laid.flow.mask.filter(|_| matches!(shape, Shape::Steps { .. }));
        Laid { flow: self.graph.push(name, own, &[&laid.flow.from], shape, mask), ..laid }
    }

    /// Appends a layer that computes with several steps, masked or not, so that no mask is of what it returns.
    fn push_over_steps(&mut self, laid: Laid, own: impl Into<LayerConfig>, shape: Shape) -> Laid {
        self.graph.cross(self.layer, &laid.flow);
        self.push(Laid { flow: Flow { mask: None, ..laid.flow }, ..laid }, own, shape)
    }

    fn push_meaning(&mut self, laid: Laid, meaning: Meaning) -> Result<Laid> {
        let stem = self.graph.own_name();
        let flow = self.graph.push_named(self.layer, &stem, meaning, laid.flow)?;
        Ok(Laid { flow, ..laid })
    }

    fn affine(&mut self, laid: Laid, alpha: f64, beta: f64) -> Result<Laid> {
        self.push_meaning(laid, Meaning::Functions(vec![Affine { alpha, beta }]))
    }

    fn with_features(laid: &Laid, features: usize) -> Shape {
        match laid.flow.shape {
            Shape::Steps { time, .. } => Shape::Steps { time, features },
            _ => Shape::Once { features },
        }
    }

    /// Which axis a number is, counted from either end.
    fn place(&self, axis: i64, rank: usize) -> Result<usize> {
        let place = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let place = usize::try_from(place).ok().filter(|&place| place < rank);
        place.ok_or_else(|| self.error(format!("its axis is {axis} of {rank}")))
    }

    /// The only axis that its setting `axis` names.
    fn axis(&self, laid: &Laid) -> Result<usize> {
        let value = self.options.value("axis");
        let axis = match value {
            Some(Value::List(axes)) if axes.len() == 1 => axes.first(),
            value => value,
        };
        match axis {
            Some(Value::Integer(axis)) => self.place(*axis, laid.axes.len()),
            _ => Err(self.error("it does not name one axis; one is read")),
        }
    }

    // Functions of every number, of one axis, or of none.

    fn unary(&mut self, class: &str, laid: Laid) -> Result<Laid> {
        let number = |operator: &Self, name: &str, default: f64| {
            operator.options.number(name).map(|found| found.unwrap_or(default))
        };
        let function = match class {
            "Transpose" => return self.transposed(laid),
            "Swapaxes" => {
                let rank = laid.axes.len();
                let axes = ["axis1", "axis2"].map(|name| match self.options.value(name) {
                    Some(Value::Integer(axis)) => self.place(*axis, rank),
                    _ => Err(self.error(format!("it has no {name}"))),
                });
                let [first, second] = axes;
                let mut laid = laid;
                laid.axes.swap(first?, second?);
                return Ok(laid);
            }
            "Squeeze" => return self.squeezed(laid),
            "ExpandDims" => return self.expanded(laid),
            "Reshape" => return self.reshaped(laid),
            "Flip" => {
                let place = self.axis(&laid)?;
                return self.part(laid, place, Part::Range { start: None, stop: None, step: -1 });
            }
            "Sum" | "Mean" | "Max" => return self.reduced(class, laid),
            "Softmax" => {
                let place = match self.options.value("axis") {
                    None => laid.axes.len() - 1,
                    Some(_) => self.axis(&laid)?,
                };
                if laid.axes.get(place) != Some(&Axis::Features) {
                    return Err(self.error(
                        "it shares out over another axis than that of the features; no layer here does",
                    ));
                }
                let shape = laid.flow.shape;
                return Ok(self.push(laid, SoftmaxLayer::new(), shape));
            }
            "Cast" => {
                return match self.options.text("dtype")? {
                    None | Some("float32") => Ok(laid),
                    Some(other) => {
                        Err(self.error(format!("it makes {other} of its numbers; float32 is read")))
                    }
                };
            }
            "Identity" | "Copy" | "StopGradient" => return Ok(laid),
            "Negative" => Meaning::Functions(vec![Affine { alpha: -1.0, beta: 0.0 }]),
            "Absolute" | "Abs" => Meaning::Elementwise(Elementwise::Abs),
            "Sqrt" => Meaning::Elementwise(Elementwise::Sqrt),
            "Rsqrt" => Meaning::Elementwise(Elementwise::Power { exponent: -0.5 }),
            "Square" => Meaning::Elementwise(Elementwise::Square),
            "Exp" => Meaning::Elementwise(Elementwise::Exp),
            "Log" => Meaning::Elementwise(Elementwise::Log),
            "Erf" => Meaning::Elementwise(Elementwise::Erf),
            "Reciprocal" => Meaning::Elementwise(Elementwise::Power { exponent: -1.0 }),
            "Gelu" => gelu(self.options.flag("approximate", true)?),
            "Elu" | "Celu" if number(self, "alpha", 1.0)? == 1.0 => {
                Meaning::Functions(vec![Elu { alpha: 1.0 }])
            }
            "Elu" => Meaning::Functions(vec![Elu { alpha: number(self, "alpha", 1.0)? }]),
            "LeakyRelu" => {
                Meaning::Functions(vec![LeakyRelu { alpha: number(self, "negative_slope", 0.2)? }])
            }
            "Relu6" => Meaning::Functions(relu_to(6.0)),
            "Clip" => {
                let (least, most) = (number(self, "x_min", f64::NAN)?, number(self, "x_max", f64::NAN)?);
                match clipped(least, most) {
                    Some(functions) => Meaning::Functions(functions),
                    None => {
                        return Err(self.error("it does not hold numbers between a lower and a higher one"));
                    }
                }
            }
            class => match by_name(class) {
                Some(name) => named(self.layer, name, Version::Three)?,
                None => return Err(self.error("a model here has no layer of this class")),
            },
        };
        self.push_meaning(laid, function)
    }

    fn transposed(&self, mut laid: Laid) -> Result<Laid> {
        let rank = laid.axes.len();
        let order: Option<Vec<usize>> = match self.options.value("axes") {
            None => Some((0..rank).rev().collect()),
            Some(axes) => axes.as_list().and_then(|axes| axes.iter().map(Value::as_size).collect()),
        };
        let order = order.unwrap_or_default();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..rank) {
            return Err(self.error(format!("its axes are no order of {rank}")));
        }
        laid.axes = order.iter().map(|&place| laid.axes[place]).collect();
        Ok(laid)
    }

    /// The axes that a setting names, of so many.
    fn axes(&self, rank: usize) -> Result<Option<Vec<usize>>> {
        let axes = match self.options.value("axis") {
            None => return Ok(None),
            Some(Value::List(axes)) => axes.as_slice(),
            Some(axis) => std::slice::from_ref(axis),
        };
        let place = |axis: &Value| match axis {
            Value::Integer(axis) => self.place(*axis, rank),
            _ => Err(self.error(format!("its axis is {axis}"))),
        };
        let mut places = axes.iter().map(place).collect::<Result<Vec<_>>>()?;
        places.sort_unstable();
        places.dedup();
        match places.len() == axes.len() {
            true => Ok(Some(places)),
            false => Err(self.error("it names an axis twice")),
        }
    }

    fn squeezed(&mut self, laid: Laid) -> Result<Laid> {
        let is_one = |place: &usize| laid.length(laid.axes[*place]) == Some(1);
        let places = match self.axes(laid.axes.len())? {
            Some(places) => places,
            None => (0..laid.axes.len()).filter(is_one).collect(),
        };
        if let Some(place) = places.iter().find(|place| !is_one(place)) {
            return Err(
                self.error(format!("it leaves out axis {place} of {}, which is not 1", laid.described()))
            );
        }
        places.into_iter().rev().try_fold(laid, |laid, place| self.part(laid, place, Part::Index(0)))
    }

    fn expanded(&self, mut laid: Laid) -> Result<Laid> {
        let count = match self.options.value("axis") {
            Some(Value::List(axes)) => axes.len(),
            _ => 1,
        };
        let Some(places) = self.axes(laid.axes.len() + count)? else {
            return Err(self.error("it does not name its axis"));
        };
        places.into_iter().for_each(|place| laid.axes.insert(place, Axis::One));
        Ok(laid)
    }

    /// The numbers of each sequence in another shape.
    fn reshaped(&mut self, laid: Laid) -> Result<Laid> {
        use Axis::{Features, One, Row, Sequences, Steps};
        let shape = self.options.value("newshape").and_then(Value::as_list).unwrap_or_default();
        let refused = |operator: &Self| {
            let wanted = Value::List(shape.to_vec());
            operator.error(format!(
                "from {} to {wanted}; here a row becomes steps, steps a row, and axes of length 1 come and go",
                laid.described()
            ))
        };
        let ([Value::Integer(-1), wanted @ ..], [Sequences, axes @ ..]) = (shape, laid.axes.as_slice())
        else {
            return Err(refused(self));
        };
        let wanted: Option<Vec<usize>> = wanted.iter().map(Value::as_size).collect();
        let lengths: Option<Vec<usize>> = axes.iter().map(|&axis| laid.length(axis)).collect();
        let (Some(wanted), Some(lengths)) = (wanted, lengths) else { return Err(refused(self)) };
        // The axes of more than one number, in their order; those of one come and go.
        let long =
            |lengths: &[usize]| lengths.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
        let own: Vec<Axis> =
            axes.iter().zip(&lengths).filter(|(_, length)| **length != 1).map(|(&axis, _)| axis).collect();
        let mut laid = laid.clone();
        let to = match (own.as_slice(), long(&wanted).as_slice()) {
            _ if long(&wanted) == long(&lengths) => own,
            ([Steps, Features], &[all]) if laid.length(Row) == Some(all) => vec![Row],
            ([Row], &[steps, features])
                if laid.steps() == Some(Some(steps)) && laid.features() == features =>
            {
                vec![Steps, Features]
            }
            ([Features], &[steps, features])
                if laid.steps().is_none() && steps.checked_mul(features) == Some(laid.features()) =>
            {
                laid =
                    self.push(laid, UnflattenLayer::new(steps), Shape::Steps { time: Some(steps), features });
                vec![Steps, Features]
            }
            _ => return Err(refused(self)),
        };
        if to.contains(&Row) {
            self.graph.cross(self.layer, &laid.flow);
        }
        // Steps are an axis even where there is one of them.
        if laid.steps() == Some(Some(1)) {
            return Err(refused(self));
        }
        let mut to = to.into_iter();
        let axes = wanted.iter().map(|&length| if length == 1 { Some(One) } else { to.next() });
        laid.axes = std::iter::once(Some(Sequences)).chain(axes).map(|axis| axis.unwrap_or(One)).collect();
        Ok(laid)
    }

    fn reduced(&mut self, class: &str, laid: Laid) -> Result<Laid> {
        let place = self.axis(&laid)?;
        let keeps = self.options.flag("keepdims", false)?;
        let mut laid = match (laid.axes[place], class) {
            (Axis::One, _) => laid,
            (Axis::Steps, _) if laid.axes.contains(&Axis::Features) || laid.features() == 1 => {
                let once = Shape::Once { features: laid.features() };
                let length = laid.steps().flatten();
                let over = if class == "Max" { Pool::Max } else { Pool::Mean };
                let pooled = self.push_over_steps(laid, PoolLayer::new(over), once);
                match (class, length) {
                    ("Sum", Some(length)) => self.affine(pooled, length as f64, 0.0)?,
                    ("Sum", None) => {
                        return Err(self.error(
                            "it adds up steps of no known number; save the model with an input that says how many there are",
                        ));
                    }
                    _ => pooled,
                }
            }
            (Axis::Features, "Sum" | "Mean") => {
                let features = laid.features();
                let weight = if class == "Sum" { 1.0 } else { 1.0 / features as f32 };
                self.graph.make(self.layer, features)?;
                let one = Self::with_features(&laid, 1);
                let laid = self.push(laid, DenseLayer::new(1).bias(false).trainable(false), one);
                self.graph.weight(&laid.flow.from, "weight", &[1, features], vec![weight; features]);
                laid
            }
            _ => {
                return Err(self.error(format!(
                    "it reduces axis {place} of {}, which no layer here does",
                    laid.described()
                )));
            }
        };
        match keeps {
            true => laid.axes[place] = Axis::One,
            false => drop(laid.axes.remove(place)),
        }
        Ok(laid)
    }

    // Operators of two.

    fn binary(&mut self, class: &str, first: Operand, second: Operand) -> Result<Laid> {
        use Operand::{Number, Numbers, Tensor};
        match (class, first, second) {
            ("Add", Tensor(x), Number(c)) | ("Add", Number(c), Tensor(x)) => self.affine(x, 1.0, c),
            ("Subtract", Tensor(x), Number(c)) => self.affine(x, 1.0, -c),
            ("Subtract", Number(c), Tensor(x)) => self.affine(x, -1.0, c),
            ("Multiply", Tensor(x), Number(c)) | ("Multiply", Number(c), Tensor(x)) => self.affine(x, c, 0.0),
            ("TrueDivide" | "Divide", Tensor(x), Number(c)) => match c {
                0.0 => Err(self.error("it divides by 0")),
                c => self.affine(x, 1.0 / c, 0.0),
            },
            ("TrueDivide" | "Divide", Number(c), Tensor(x)) => {
                let x = self.reciprocal(x);
                if c == 1.0 { Ok(x) } else { self.affine(x, c, 0.0) }
            }
            ("Power", Tensor(x), Number(exponent)) => {
                let function = match exponent {
                    1.0 => return Ok(x),
                    2.0 => Elementwise::Square,
                    0.5 => Elementwise::Sqrt,
                    exponent => Elementwise::Power { exponent },
                };
                self.push_meaning(x, Meaning::Elementwise(function))
            }
            // max(x, c) = max(x − c, 0) + c, and min(x, c) = c − max(c − x, 0).
            ("Maximum", Tensor(x), Number(c)) | ("Maximum", Number(c), Tensor(x)) => {
                let functions = match c {
                    0.0 => vec![Relu],
                    c => vec![Affine { alpha: 1.0, beta: -c }, Relu, Affine { alpha: 1.0, beta: c }],
                };
                self.push_meaning(x, Meaning::Functions(functions))
            }
            ("Minimum", Tensor(x), Number(c)) | ("Minimum", Number(c), Tensor(x)) => {
                let functions = vec![Affine { alpha: -1.0, beta: c }, Relu, Affine { alpha: -1.0, beta: c }];
                self.push_meaning(x, Meaning::Functions(functions))
            }
            ("Add", Tensor(x), Numbers(c)) | ("Add", Numbers(c), Tensor(x)) => {
                self.each_feature(x, None, Some(c))
            }
            ("Subtract", Tensor(x), Numbers(c)) => {
                self.each_feature(x, None, Some(c.iter().map(|c| -c).collect()))
            }
            ("Subtract", Numbers(c), Tensor(x)) => {
                let gain = vec![-1.0; c.len()];
                self.each_feature(x, Some(gain), Some(c))
            }
            ("Multiply", Tensor(x), Numbers(c)) | ("Multiply", Numbers(c), Tensor(x)) => {
                self.each_feature(x, Some(c), None)
            }
            ("TrueDivide" | "Divide", Tensor(x), Numbers(c)) => {
                self.each_feature(x, Some(c.iter().map(|c| 1.0 / c).collect()), None)
            }
            ("TrueDivide" | "Divide", Numbers(c), Tensor(x)) => {
                let x = self.reciprocal(x);
                self.each_feature(x, Some(c), None)
            }
            ("Add", Tensor(x), Tensor(y)) => self.combined(CombineLayer::add(), x, y),
            ("Subtract", Tensor(x), Tensor(y)) => {
                let y = self.affine(y, -1.0, 0.0)?;
                self.combined(CombineLayer::add(), x, y)
            }
            ("Multiply", Tensor(x), Tensor(y)) => self.combined(CombineLayer::multiply(), x, y),
            ("TrueDivide" | "Divide", Tensor(x), Tensor(y)) => {
                let y = self.reciprocal(y);
                self.combined(CombineLayer::multiply(), x, y)
            }
            _ => Err(self.error("a model here has no layer that computes this of what it reads")),
        }
    }

    fn reciprocal(&mut self, x: Laid) -> Laid {
        let shape = x.flow.shape;
        self.push(x, ElementwiseLayer::new(Elementwise::Power { exponent: -1.0 }), shape)
    }

    /// A factor and a summand for each feature.
    fn each_feature(&mut self, x: Laid, gain: Option<Vec<f32>>, shift: Option<Vec<f32>>) -> Result<Laid> {
        let features = x.features();
        let count = gain.as_ref().or(shift.as_ref()).map_or(0, Vec::len);
        if x.axes.last() != Some(&Axis::Features) || count != features {
            return Err(self.error(format!(
                "it computes with {count} numbers and {}; here there is one for each feature",
                x.described()
            )));
        }
        self.graph.make(self.layer, features.saturating_mul(4))?;
        let (ones, zeros) = (vec![1.0; features], vec![0.0; features]);
        let shape = x.flow.shape;
        let x = self.push(x, BatchNormLayer::new().epsilon(NO_EPSILON).trainable(false), shape);
        let values =
            [gain.unwrap_or_else(|| ones.clone()), shift.unwrap_or_else(|| zeros.clone()), zeros, ones];
        for (leaf, values) in ["weight", "bias", "running_mean", "running_var"].into_iter().zip(values) {
            self.graph.weight(&x.flow.from, leaf, &[features], values);
        }
        Ok(x)
    }

    /// One number where so many features are: each of them.
    fn repeated(&mut self, x: Laid, features: usize) -> Result<Laid> {
        self.graph.make(self.layer, features)?;
        let shape = Self::with_features(&x, features);
        let x = self.push(x, DenseLayer::new(features).bias(false).trainable(false), shape);
        self.graph.weight(&x.flow.from, "weight", &[features, 1], vec![1.0; features]);
        Ok(x)
    }

    /// Number by number, axes as they stand from the last, where one of length 1 goes with any other.
    fn combined(&mut self, how: CombineLayer, first: Laid, second: Laid) -> Result<Laid> {
        let misfit = self.error(format!(
            "it combines {} with {}, which no layer here does",
            first.described(),
            second.described()
        ));
        let rank = first.axes.len().max(second.axes.len());
        let padded = |laid: &Laid| {
            let ones = std::iter::repeat_n(Axis::One, rank - laid.axes.len());
            ones.chain(laid.axes.iter().copied()).collect::<Vec<_>>()
        };
        let mut axes = Vec::with_capacity(rank);
        for pair in padded(&first).into_iter().zip(padded(&second)) {
            axes.push(match pair {
                (a, b) if a == b => a,
                (Axis::One, other) | (other, Axis::One) => other,
                _ => return Err(misfit),
            });
        }
        let time = match (first.steps(), second.steps()) {
            (Some(Some(a)), Some(Some(b))) if a != b => return Err(misfit),
            (Some(a), Some(b)) => Some(a.or(b)),
            (a, b) => a.or(b),
        };
        let features = match (first.features(), second.features()) {
            (a, b) if a == b => a,
            (1, other) | (other, 1) => other,
            _ => return Err(misfit),
        };
        let shape = match time {
            Some(time) => Shape::Steps { time, features },
            None => Shape::Once { features },
        };
        let has_both = first.steps().is_some() && second.steps().is_some();
        let mask = if first.steps().is_some() { first.flow.mask } else { second.flow.mask };
        if has_both && first.flow.mask != second.flow.mask {
            self.graph.cross(self.layer, &first.flow);
            self.graph.cross(self.layer, &second.flow);
        }
        let mut from = Vec::with_capacity(2);
        for laid in [first, second] {
            let laid = if laid.features() == features { laid } else { self.repeated(laid, features)? };
            from.push(laid.flow.from);
        }
        let name = self.graph.fresh(&self.graph.own_name());
        Ok(Laid { flow: self.graph.push(name, how, &[&from[0], &from[1]], shape, mask), axes })
    }

    /// Features beside each other, or rows as steps.
    fn joined(&mut self, is_stack: bool) -> Result<Laid> {
        self.expect(1)?;
        let sources = self.call.arguments.concat();
        let mut all = sources.iter().map(|source| self.laid(source)).collect::<Result<Vec<_>>>()?;
        let Some(first) = all.first().cloned() else { return Err(self.error("it joins nothing")) };
        let place = match (self.options.value("axis"), is_stack) {
            (Some(Value::Integer(axis)), true) => self.place(*axis, first.axes.len() + 1)?,
            _ => self.axis(&first)?,
        };
        if is_stack {
            all.iter_mut().for_each(|laid| laid.axes.insert(place.min(laid.axes.len()), Axis::One));
        }
        let axes = all[0].axes.clone();
        let differs = |laid: &Laid| {
            laid.axes != axes
                || laid.steps() != first.steps()
                || (axes[place] == Axis::One && laid.features() != first.features())
        };
        if let Some(other) = all.iter().find(|laid| differs(laid)) {
            return Err(self.error(format!("it joins {} and {}", first.described(), other.described())));
        }
        let of_rows = axes == [Axis::Sequences, Axis::One, Axis::Features] && place == 1;
        if axes[place] != Axis::Features && !of_rows {
            return Err(self.error(format!(
                "it joins {} along axis {place}; layers here join features, and rows as steps",
                all[0].described()
            )));
        }
        for laid in all.iter().filter(|laid| laid.flow.mask != first.flow.mask) {
            self.graph.cross(self.layer, &laid.flow);
            self.graph.cross(self.layer, &first.flow);
        }
        let count = all.len();
        let features = all.iter().fold(0_usize, |sum, laid| sum.saturating_add(laid.features()));
        let shape = Self::with_features(&first, features);
        let from: Vec<&str> = all.iter().map(|laid| laid.flow.from.as_str()).collect();
        let flow = match count {
            1 => first.flow.clone(),
            _ => {
                let name = self.graph.fresh(&self.graph.own_name());
                self.graph.push(name, CombineLayer::concat(), &from, shape, first.flow.mask)
            }
        };
        let joined = Laid { flow, axes };
        if !of_rows {
            return Ok(joined);
        }
        let shape = Shape::Steps { time: Some(count), features: first.features() };
        let steps = self.push(joined, UnflattenLayer::new(count), shape);
        Ok(Laid { axes: vec![Axis::Sequences, Axis::Steps, Axis::Features], ..steps })
    }

    // Parts.

    /// `x[…]`.
    fn item(&mut self, laid: Laid) -> Result<Laid> {
        let Some(key) = self.call.settings.get("1") else {
            return Err(self.error("it does not say what it takes"));
        };
        let items = match key {
            Value::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_rest = |item: &&Value| class_of(item) == Some("__ellipsis__");
        let named = items.iter().filter(|item| **item != Value::Null && !is_rest(item)).count();
        let Some(rest) = laid.axes.len().checked_sub(named) else {
            return Err(self.error(format!("it takes parts of {named} axes of {}", laid.described())));
        };
        if items.iter().filter(is_rest).count() > 1 {
            return Err(self.error("it says twice that it takes all other axes"));
        }
        // From the last axis to the first, so that those before it keep their places.
        let mut place = laid.axes.len();
        let mut laid = laid;
        if !items.iter().any(|item| is_rest(&item)) {
            place -= rest;
        }
        for item in items.iter().rev() {
            if is_rest(&item) {
                place -= rest;
                continue;
            }
            if *item == Value::Null {
                laid.axes.insert(place, Axis::One);
                continue;
            }
            let part = match (item, class_of(item)) {
                (Value::Integer(index), _) => Some(Part::Index(*index)),
                (Value::Object(object), Some("__slice__")) => {
                    range(object.get("config").and_then(Value::as_object))
                }
                _ => None,
            };
            let Some(part) = part else {
                return Err(self.error(format!("it takes {item}; numbers, slices, None and ... are read")));
            };
            place -= 1;
            laid = self.part(laid, place, part)?;
        }
        Ok(laid)
    }

    fn split(&mut self) -> Result<Vec<Laid>> {
        /// A layer is made of each part.
        const MOST: usize = 512;
        /// What a layer and its name take up beside a number.
        const LAYER: usize = 1024;
        let laid = self.tensor(0)?;
        let place = self.axis(&laid)?;
        let Some(length) = laid.length(laid.axes[place]) else {
            return Err(self.error("it splits an axis of no known length"));
        };
        let ends = match self.options.value("indices_or_sections") {
            Some(Value::Integer(count)) => {
                let count = usize::try_from(*count)
                    .ok()
                    .filter(|&count| count > 0 && length % count == 0 && count <= MOST);
                count.map(|count| (1..=count).map(|part| part * (length / count)).collect::<Vec<_>>())
            }
            Some(Value::List(ends)) if ends.len() < MOST => {
                let ends: Option<Vec<usize>> = ends.iter().map(Value::as_size).collect();
                ends.map(|ends| ends.into_iter().chain([length]).collect())
            }
            _ => None,
        };
        let Some(ends) = ends else { return Err(self.error(format!("it cannot split {length} as it says"))) };
        self.graph.make(self.layer, ends.len().saturating_mul(LAYER))?;
        let mut start = 0;
        let mut parts = Vec::with_capacity(ends.len());
        for end in ends {
            let [from, to] = [start, end].map(|at| i64::try_from(at).unwrap_or(i64::MAX));
            parts.push(self.part(
                laid.clone(),
                place,
                Part::Range { start: Some(from), stop: Some(to), step: 1 },
            )?);
            start = end;
        }
        Ok(parts)
    }

    /// A part of an axis.
    fn part(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        if let Part::Range { start: None | Some(0), stop: None, step: 1 } = part {
            return Ok(laid);
        }
        match laid.axes[place] {
            Axis::Sequences => {
                Err(self.error("it takes some of the sequences; a model here takes each by itself"))
            }
            Axis::Steps => self.part_of_steps(laid, place, part),
            Axis::Features => self.part_of_features(laid, place, part),
            Axis::One => {
                let mut laid = laid;
                match (part, part.indices(1)) {
                    (Part::Index(_), Some(taken)) if !taken.is_empty() => drop(laid.axes.remove(place)),
                    (Part::Range { .. }, Some(taken)) if taken.count == 1 => {}
                    _ => return Err(self.error("it takes nothing of an axis of length 1")),
                }
                Ok(laid)
            }
            Axis::Row => Err(self.error("it takes a part of all steps in one row, which no layer here does")),
        }
    }

    fn part_of_features(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        let features = laid.features();
        let Some(taken) = part.indices(features).filter(|taken| !taken.is_empty()) else {
            return Err(self.error(format!("it takes none of {features} features")));
        };
        if taken.step != 1 && taken.count > 1 {
            return Err(
                self.error("it takes features that do not follow one another, which no layer here does")
            );
        }
        let mut laid = laid;
        if taken.count < features {
            let shape = Self::with_features(&laid, taken.count);
            laid = self.push(laid, SliceLayer::new(taken.low, taken.count), shape);
        }
        if let Part::Index(_) = part {
            laid.axes.remove(place);
        }
        Ok(laid)
    }

    fn part_of_steps(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        let length = laid.steps().flatten();
        let taken = match length {
            Some(length) => part.indices(length).map(|taken| Around {
                before: taken.low,
                after: length - taken.high - 1,
                step: taken.step,
                count: Some(taken.count),
            }),
            None => part.around(),
        };
        let Some(Around { before, after, step, count }) = taken.filter(|taken| taken.count != Some(0)) else {
            return Err(self.error(match length {
                Some(length) => format!("it takes none of {length} steps"),
                None => "which steps it takes depends on how many there are; save the model with an input that says so".into(),
            }));
        };
        let features = laid.features();
        let (mut laid, mut time) = (laid, length);
        if count == Some(1) {
            // The first step is the last of the reversed ones. Where a step is counted from decides, so that sequences of other
            // lengths are read as well.
            let is_from_end = match part {
                Part::Index(index) => index < 0,
                Part::Range { start, .. } => start.is_some_and(|start| start < 0),
            };
            let shape = Shape::Steps { time: None, features };
            let is_last = is_from_end && after == 0;
            match is_from_end {
                true if after > 0 => laid = self.push_over_steps(laid, CropLayer::new(0, after), shape),
                true => {}
                false => {
                    if before > 0 {
                        laid = self.push_over_steps(laid, CropLayer::new(before, 0), shape);
                    }
                    laid = self.push_over_steps(laid, ReverseLayer::new(), shape);
                }
            }
            // Masked steps have the row of the step before them where one direction of a recurrent layer alone returns it.
            if is_last && self.graph.holds_last(&laid.flow) {
                laid.flow.mask = None;
            }
            let once = Shape::Once { features };
            laid = self.push_over_steps(laid, PoolLayer::new(Pool::Last), once);
            match part {
                Part::Index(_) => drop(laid.axes.remove(place)),
                Part::Range { .. } => laid.axes[place] = Axis::One,
            }
            return Ok(laid);
        }
        if before > 0 || after > 0 {
            time = time.and_then(|time| time.checked_sub(before)?.checked_sub(after));
            laid = self.push_over_steps(laid, CropLayer::new(before, after), Shape::Steps { time, features });
        }
        if step < 0 {
            laid = self.push_over_steps(laid, ReverseLayer::new(), Shape::Steps { time, features });
        }
        let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        if stride > 1 {
            // A window of one step that passes over the others.
            self.graph.make(self.layer, features)?;
            time = time.map(|time| time.div_ceil(stride));
            let window =
                Conv1dLayer::new(features, 1).groups(features).stride(stride).bias(false).trainable(false);
            laid = self.push_over_steps(laid, window, Shape::Steps { time, features });
            self.graph.weight(&laid.flow.from, "weight", &[features, 1, 1], vec![1.0; features]);
        }
        Ok(laid)
    }
}

/// Places of an axis of a known length, from the lowest to the highest, `step` apart, in this order or from the last to the
/// first.
struct Taken {
    low: usize,
    high: usize,
    step: i64,
    count: usize,
}

impl Taken {
    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Steps that are left out at the ends, and how the others are passed through; how many these are, where that is known.
struct Around {
    before: usize,
    after: usize,
    step: i64,
    count: Option<usize>,
}

impl Part {
    /// Which places of so many, as Python counts them; None of an index that is none of them.
    fn indices(self, length: usize) -> Option<Taken> {
        let all = i64::try_from(length).ok()?;
        let counted = |at: i64| if at < 0 { at.saturating_add(all) } else { at };
        match self {
            Self::Index(index) => {
                let at = usize::try_from(counted(index)).ok().filter(|&at| at < length)?;
                Some(Taken { low: at, high: at, step: 1, count: 1 })
            }
            Self::Range { start, stop, step } => {
                let (least, most) = if step > 0 { (0, all) } else { (-1, all - 1) };
                let at = |end: Option<i64>, default: i64| {
                    end.map_or(default, |end| counted(end).clamp(least, most))
                };
                let (start, stop) =
                    if step > 0 { (at(start, 0), at(stop, all)) } else { (at(start, all - 1), at(stop, -1)) };
                let distance = if step > 0 { stop - start } else { start - stop };
                let stride = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX);
                let count = if distance <= 0 { 0 } else { (distance - 1) / stride + 1 };
                if count == 0 {
                    return Some(Taken { low: 0, high: 0, step, count: 0 });
                }
                let last = start + (count - 1) * step;
                let [low, high] = [start.min(last), start.max(last)].map(|at| usize::try_from(at).ok());
                Some(Taken { low: low?, high: high?, step, count: usize::try_from(count).ok()? })
            }
        }
    }

    /// Which places of any number of them; None where that decides.
    fn around(self) -> Option<Around> {
        let from_start = |at: i64| usize::try_from(at).ok();
        let from_end = |at: i64| usize::try_from(at.checked_add(1)?.checked_neg()?).ok();
        let one = Some(1);
        Some(match self {
            Self::Index(index) if index < 0 => {
                Around { before: 0, after: from_end(index)?, step: 1, count: one }
            }
            Self::Index(index) => Around { before: from_start(index)?, after: 0, step: 1, count: one },
            Self::Range { start: Some(-1), stop: None, step: 1.. } => {
                Around { before: 0, after: 0, step: 1, count: one }
            }
            Self::Range { start, stop: Some(stop @ 1..), step: 1.. } if start.unwrap_or(0) == stop - 1 => {
                Around { before: from_start(stop - 1)?, after: 0, step: 1, count: one }
            }
            Self::Range { start, stop, step: step @ 1.. } => Around {
                before: from_start(start.unwrap_or(0))?,
                after: match stop {
                    None => 0,
                    Some(stop) => from_start(stop.checked_neg()?).filter(|&after| after > 0)?,
                },
                step,
                count: None,
            },
            Self::Range { start, stop, step } => Around {
                before: match stop {
                    None => 0,
                    Some(stop) => from_start(stop)?.checked_add(1)?,
                },
                after: match start {
                    None => 0,
                    Some(start) => from_end(start)?,
                },
                step,
                count: None,
            },
        })
    }
}

/// The class of an object.
fn class_of(value: &Value) -> Option<&str> {
    value.as_object()?.get("class_name")?.as_text()
}

/// Operators that are activations without constants.
fn by_name(class: &str) -> Option<&'static str> {
    Some(match class {
        "HardSigmoid" => "hard_sigmoid",
        "HardSilu" => "hard_silu",
        "HardTanh" => "hard_tanh",
        "LogSigmoid" => "log_sigmoid",
        "Relu" => "relu",
        "Selu" => "selu",
        "Sigmoid" => "sigmoid",
        "Silu" => "silu",
        "Softplus" => "softplus",
        "Softsign" => "softsign",
        "Tanh" => "tanh",
        "TanhShrink" => "tanh_shrink",
        _ => return None,
    })
}

/// A slice of Python; None of one that is none.
fn range(config: Option<&sumun_formats::keras::Settings>) -> Option<Part> {
    let config = config?;
    let of = |name: &str| match config.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Integer(number)) => Some(Some(*number)),
        Some(_) => None,
    };
    let (start, stop, step) = (of("start")?, of("stop")?, of("step")?.unwrap_or(1));
    (step != 0).then_some(Part::Range { start, stop, step })
}
