//! Operators of two tensors, of a tensor and numbers, and of tensors that are joined.

use sumun_formats::keras::Value;

use super::super::activations::Meaning;
use super::super::flow::Shape;
use super::super::laid::{Axis, Laid};
use super::operator::{Operand, Operator};
use crate::Result;
use crate::nn::ActivationFunction::{Affine, Relu};
use crate::nn::{BatchNormLayer, CombineLayer, DenseLayer, Elementwise, ElementwiseLayer, UnflattenLayer};

/// ε of a normalisation that only scales: the square root of 1 + ε is 1.
const NO_EPSILON: f64 = 1e-30;

impl Operator<'_, '_> {
    pub(super) fn binary(&mut self, class: &str, first: Operand, second: Operand) -> Result<Laid> {
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

    pub(super) fn reciprocal(&mut self, x: Laid) -> Laid {
        let shape = x.flow.shape;
        self.push(x, ElementwiseLayer::new(Elementwise::Power { exponent: -1.0 }), shape)
    }

    /// A factor and a summand for each feature.
    pub(super) fn each_feature(
        &mut self,
        x: Laid,
        gain: Option<Vec<f32>>,
        shift: Option<Vec<f32>>,
    ) -> Result<Laid> {
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
    pub(super) fn repeated(&mut self, x: Laid, features: usize) -> Result<Laid> {
        self.graph.make(self.layer, features)?;
        let shape = x.with_features(features);
        let x = self.push(x, DenseLayer::new(features).bias(false).trainable(false), shape);
        self.graph.weight(&x.flow.from, "weight", &[features, 1], vec![1.0; features]);
        Ok(x)
    }

    /// Number by number, axes as they stand from the last, where one of length 1 goes with any other.
    pub(super) fn combined(&mut self, how: CombineLayer, first: Laid, second: Laid) -> Result<Laid> {
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
    pub(super) fn joined(&mut self, is_stack: bool) -> Result<Laid> {
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
        let shape = first.with_features(features);
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
}
