//! Attention that makes one row of the steps of a sequence: scores of the steps, their softmax over the steps, and the sum of the
//! steps by these shares. What lies between is no layer, and nothing else may read it.

use super::axes::Role;
use super::found::Shares;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::model::{DenseLayer, LayerConfig, NamedTensor, PoolLayer};
use crate::nn::{Activation, ActivationFunction, ActivationLayer, AttentionLayer, CrossAttentionLayer, Pool};

const ELSEWHERE: &str = "it shares out over the steps, which no layer here does but as attention: a sum of the steps by shares of \
                         scores that a dense layer, or two with a tanh between, gives them";

impl Reader<'_> {
    /// The softmax of scores over the steps; None of any other.
    pub(super) fn shares_of_steps(
        &mut self,
        at: At<'_>,
        array: &Array,
        place: usize,
    ) -> Result<Option<Value>> {
        let (&Axis::Open(id), 1, Content::Rows { layer, time: Time::Steps | Time::Of(_) }) =
            (&array.axes[place], array.features(), &array.content)
        else {
            return Ok(None);
        };
        at.named(self.axes.set_role(id, Role::Time))?;
        let find = |name: &str| self.layers.iter().find(|layer| layer.name() == Some(name));
        let below = |layer: &LayerConfig| layer.common().from.first().cloned();
        let dense = |name: &str, activation: Activation| {
            let layer = find(name)?;
            let own = layer.get::<DenseLayer>()?;
            (own.activation == activation).then(|| (own.units, below(layer)))
        };
        let function = |name: &str| {
            let layer = find(name)?;
            Some((layer.get::<ActivationLayer>()?.function, below(layer)?))
        };
        // The same summand for all steps changes no share.
        let (score, shift) = match function(layer) {
            Some((ActivationFunction::Affine { alpha: 1.0, .. }, under)) => (under, Some(layer.clone())),
            _ => (layer.clone(), None),
        };
        let mut others: Vec<String> = shift.into_iter().collect();
        let under_tanh = match function(&score) {
            Some((ActivationFunction::Tanh, under)) => Some(under),
            _ => None,
        };
        let scored = under_tanh.as_ref().unwrap_or(&score);
        let of_one = |activation| dense(scored, activation).filter(|(units, _)| *units == 1)?.1;
        let is_tanh = under_tanh.is_some() || of_one(Activation::Tanh).is_some();
        let Some(from_one) = of_one(Activation::Linear).or_else(|| of_one(Activation::Tanh)) else {
            return Err(at.error(ELSEWHERE));
        };
        let (mut from, mut product) = (from_one.clone(), None);
        if is_tanh {
            product = Some(scored.clone());
            others.extend(under_tanh.is_some().then(|| score.clone()));
        } else if let Some((_, Some(under))) = dense(&from_one, Activation::Tanh) {
            (from, product) = (under, Some(from_one));
        } else if let Some((ActivationFunction::Tanh, under)) = function(&from_one)
            && let Some((_, Some(lowest))) = dense(&under, Activation::Linear)
        {
            others.push(from_one);
            (from, product) = (lowest, Some(under));
        }
        let score = scored.clone();
        let is_masked = self.is_masked(at, 0, |number| number <= f64::from(f32::MIN));
        let name = self.unique("", "shares");
        self.shares.insert(name.clone(), Shares { from, score, product, others, is_masked });
        let content = Content::Rows { layer: name, time: Time::Steps };
        Ok(Some(Value::Array(Array { content, ..array.clone() })))
    }

    /// The shares that an array is.
    fn shares_in(&self, array: &Array) -> Option<String> {
        match &array.content {
            Content::Rows { layer, .. } if self.shares.contains_key(layer) => Some(layer.clone()),
            _ => None,
        }
    }

    /// Refuses shares where a layer reads rows.
    pub(super) fn expect_no_shares(&self, at: At<'_>, layer: &str) -> Result<()> {
        if self.is_of_shares(layer) { Err(at.error(ELSEWHERE)) } else { Ok(()) }
    }

    /// Whether what stands for a layer is shares, or steps times shares.
    pub(super) fn is_of_shares(&self, layer: &str) -> bool {
        self.shares.contains_key(layer) || self.weighted.contains_key(layer)
    }

    /// Shares times the steps that they are of; None of any other product.
    pub(super) fn steps_by_shares(&mut self, at: At<'_>, values: &[Value]) -> Result<Option<Value>> {
        let [Value::Array(first), Value::Array(second)] = values else { return Ok(None) };
        let (shares, of, steps) = match (self.shares_in(first), self.shares_in(second)) {
            (Some(name), None) => (name, first, second),
            (None, Some(name)) => (name, second, first),
            _ => return Ok(None),
        };
        if of.axes.len() != steps.axes.len() {
            return Err(at.error(ELSEWHERE));
        }
        for (a, b) in of.axes.iter().zip(&steps.axes) {
            match (a, b) {
                (&Axis::Open(a), &Axis::Open(b)) => at.named(self.axes.unite(a, b))?,
                (Axis::One | Axis::Factor(_), Axis::One | Axis::Factor(_)) => {}
                _ => return Err(at.error(ELSEWHERE)),
            }
        }
        let steps = self.steps_of(at, &shares, steps.clone())?;
        let name = self.unique("", "weighted");
        self.weighted.insert(name.clone(), shares);
        let content = Content::Rows { layer: name, time: Time::Steps };
        Ok(Some(Value::Array(Array { content, ..steps })))
    }

    /// The steps that shares are of. Error: others.
    fn steps_of(&mut self, at: At<'_>, shares: &str, steps: Array) -> Result<Array> {
        let mut steps = self.rows(at, steps)?;
        let from = self.steps(at, &mut steps)?;
        match self.shares.get(shares) {
            Some(own) if own.from == from => Ok(steps),
            _ => Err(
                at.error("it weighs other steps than those that the scores are of, which no layer here does")
            ),
        }
    }

    /// The sum over an axis of steps times their shares; None of any other array.
    pub(super) fn attended(
        &mut self,
        at: At<'_>,
        array: &Array,
        place: usize,
        keeps_axis: bool,
    ) -> Result<Option<Value>> {
        let Content::Rows { layer, .. } = &array.content else { return Ok(None) };
        let Some(shares) = self.weighted.get(layer).cloned() else { return Ok(None) };
        match array.axes[place] {
            Axis::Open(id) if self.axes.role(id) == Some(Role::Time) => {}
            _ => return Err(at.error(ELSEWHERE)),
        }
        let mut axes = array.axes.clone();
        match keeps_axis {
            true => axes[place] = Axis::One,
            false => drop(axes.remove(place)),
        }
        let layer = self.attention(at, &shares)?;
        let content = Content::Rows { layer, time: Time::Once };
        Ok(Some(Value::Array(Array { content, axes, factors: array.factors.clone() })))
    }

    /// The product of shares `[N, 1, T]` and steps `[N, T, F]`, or of `[N, F, T]` and `[N, T, 1]`; None of any other.
    pub(super) fn product_by_shares(&mut self, at: At<'_>) -> Result<Option<Value>> {
        let (Value::Array(first), Value::Array(second)) = (self.input(at, 0)?, self.input(at, 1)?) else {
            return Ok(None);
        };
        let (shares, of, steps, is_first) = match (self.shares_in(&first), self.shares_in(&second)) {
            (Some(name), None) => (name, first, second, true),
            (None, Some(name)) => (name, second, first, false),
            _ => return Ok(None),
        };
        let ([of_n, of_rows, of_columns], [n, rows, columns]) = (&of.axes[..], &steps.axes[..]) else {
            return Err(at.error(ELSEWHERE));
        };
        let (one, over, time, features) = match is_first {
            true => (of_rows, of_columns, rows, columns),
            false => (of_columns, of_rows, columns, rows),
        };
        let (&Axis::Open(a), &Axis::Open(b), &Axis::Open(c), &Axis::Open(d)) = (of_n, n, over, time) else {
            return Err(at.error(ELSEWHERE));
        };
        if !matches!(one, Axis::One | Axis::Factor(_)) || !matches!(features, Axis::One | Axis::Factor(_)) {
            return Err(at.error(ELSEWHERE));
        }
        at.named(self.axes.unite(a, b))?;
        at.named(self.axes.unite(c, d))?;
        let mut axes = vec![n.clone(), Axis::One, features.clone()];
        if !is_first {
            axes.swap(1, 2);
        }
        let factors = steps.factors.clone();
        self.steps_of(at, &shares, steps)?;
        let layer = self.attention(at, &shares)?;
        let content = Content::Rows { layer, time: Time::Once };
        Ok(Some(Value::Array(Array { content, axes, factors })))
    }

    /// The layer that shares and what they weigh are.
    fn attention(&mut self, at: At<'_>, shares: &str) -> Result<String> {
        let Some(Shares { from, score, product, others, is_masked }) = self.shares.get(shares).cloned()
        else {
            return Err(at.error(ELSEWHERE));
        };
        let layers: Vec<&String> = others.iter().chain([&score]).chain(&product).collect();
        let is_tanh = product.as_ref() == Some(&score);
        if !is_masked {
            self.mixes_steps.get_or_insert_with(|| at.described());
        }
        let is_read = |name: &String| {
            let reads = |layer: &LayerConfig| layer.common().from.contains(name);
            self.layers
                .iter()
                .any(|layer| reads(layer) && !layers.iter().any(|own| layer.name() == Some(own.as_str())))
        };
        if layers.iter().any(|layer| is_read(layer)) {
            return Err(at.error("another node reads the scores of an attention, which no layer here gives"));
        }
        self.layers.retain(|layer| !layers.iter().any(|own| layer.name() == Some(own.as_str())));
        let mut take = |layer: &str, leaf: &str| {
            let name = format!("{layer}.{leaf}");
            let place = self.weights.iter().position(|tensor| tensor.name == name)?;
            Some(self.weights.remove(place))
        };
        let missing = || at.error(ELSEWHERE);
        let numbers = |tensor: NamedTensor| tensor.values;
        let context = match is_tanh {
            true => vec![1.0],
            false => take(&score, "weight").map(numbers).ok_or_else(missing)?,
        };
        if !is_tanh {
            take(&score, "bias");
        }
        let Some(product) = product else {
            // Shares of q · x are attention by a query that is the same for every sequence.
            let features = context.len();
            self.spend(at, features.saturating_mul(features))?;
            let last = self.add(at, PoolLayer::new(Pool::Last), vec![from.clone()]);
            let query = self.add(at, DenseLayer::new(features).trainable(false), vec![last]);
            self.weight(&query, "weight", &[features, features], vec![0.0; features * features]);
            self.weight(&query, "bias", &[features], context);
            return Ok(self.add(at, CrossAttentionLayer::dot(), vec![query, from]));
        };
        let weight = take(&product, "weight").ok_or_else(missing)?;
        let units = context.len();
        let bias = take(&product, "bias").map_or_else(|| vec![0.0; units], numbers);
        let layer = self.add(at, AttentionLayer::new(units), vec![from]);
        let features = weight.values.len() / units.max(1);
        self.weight(&layer, "weight", &[units, features], weight.values);
        self.weight(&layer, "bias", &[units], bias);
        self.weight(&layer, "context", &[units], context);
        Ok(layer)
    }
}
