//! Rows whose axes Keras may have in another order.

use super::flow::{Flow, Shape};

/// An axis of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
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
    pub(super) flow: Flow,
    pub(super) axes: Vec<Axis>,
}

impl Laid {
    pub(super) fn of(flow: Flow) -> Self {
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

    pub(super) fn features(&self) -> usize {
        match self.flow.shape {
            Shape::Steps { features, .. } | Shape::Flat { features, .. } | Shape::Once { features } => {
                features
            }
            Shape::Open(features) => features.unwrap_or(0),
        }
    }

    /// The steps, where there are any: how many, if that is known.
    pub(super) fn steps(&self) -> Option<Option<usize>> {
        match self.flow.shape {
            Shape::Steps { time, .. } => Some(time),
            _ => None,
        }
    }

    /// The length of an axis; None of those that differ from batch to batch.
    pub(super) fn length(&self, axis: Axis) -> Option<usize> {
        match axis {
            Axis::Sequences => None,
            Axis::Steps => self.steps().flatten(),
            Axis::Features => Some(self.features()),
            Axis::One => Some(1),
            Axis::Row => self.steps().flatten()?.checked_mul(self.features()),
        }
    }

    /// Its shape, as messages have it.
    pub(super) fn described(&self) -> String {
        let axis = |&axis: &Axis| match (axis, self.length(axis)) {
            (Axis::Sequences, _) => "N".to_owned(),
            (_, Some(length)) => length.to_string(),
            (_, None) => "T".to_owned(),
        };
        format!("[{}]", self.axes.iter().map(axis).collect::<Vec<_>>().join(", "))
    }

    /// A row `[N, 1, F]`, or `[N, F, 1]`.
    pub(super) fn row_beside_one(row: Flow, is_first: bool) -> Self {
        use Axis::{Features, One, Sequences};
        let axes = if is_first { vec![Sequences, One, Features] } else { vec![Sequences, Features, One] };
        Self { flow: row, axes }
    }

    /// Its rows with so many features.
    pub(super) fn with_features(&self, features: usize) -> Shape {
        match self.flow.shape {
            Shape::Steps { time, .. } => Shape::Steps { time, features },
            _ => Shape::Once { features },
        }
    }
}
