//! Axes that are moved, added, left out, put together or reduced.

use sumun_formats::keras::Value;

use super::super::flow::Shape;
use super::super::laid::{Axis, Laid};
use super::operator::Operator;
use super::parts::Part;
use crate::Result;
use crate::nn::{DenseLayer, Pool, PoolLayer, UnflattenLayer};

impl Operator<'_, '_> {
    pub(super) fn transposed(&self, mut laid: Laid) -> Result<Laid> {
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

    pub(super) fn squeezed(&mut self, laid: Laid) -> Result<Laid> {
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

    pub(super) fn expanded(&self, mut laid: Laid) -> Result<Laid> {
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
    pub(super) fn reshaped(&mut self, laid: Laid) -> Result<Laid> {
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

    pub(super) fn reduced(&mut self, class: &str, laid: Laid) -> Result<Laid> {
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
                let one = laid.with_features(1);
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
}
