//! What a model is given: ids or numbers, and which steps are there.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayView3, Axis};

use crate::layer::{Signal, Value};
use crate::nn::Valid;
use crate::{Bags, Error, Fill, Ids, Layout, Result, Rows};

/// A batch of sequences for a [`Model`](super::Model): ids `[N, T]` or numbers `[N, T, F]`, with lengths or a mask.
///
/// ```
/// use ndarray::array;
/// use sumun_nn::model::Batch;
/// let ids = array![[5, 2, 9], [7, 0, 0]];
/// let batch = Batch::ids(ids.view()).lengths(&[3, 1])?;
/// assert_eq!(batch.sequences(), 2);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<'a> {
    values: Values<'a>,
    sequences: usize,
    time: usize,
    present: Present<'a>,
    fill: Fill,
    finite_only: bool,
    /// Whether the caller's arrays begin with time; kept for its masks.
    time_major: bool,
    /// Whether there is one row a sequence, and no time axis.
    once: bool,
    /// What the ids are entries of, where they are.
    bags: Option<Arc<Bags>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Values<'a> {
    Ids(Cow<'a, [u32]>),
    Numbers(Cow<'a, [f32]>, usize),
}

#[derive(Debug, Clone, PartialEq)]
enum Present<'a> {
    All,
    Lengths(Cow<'a, [usize]>),
    Mask(Vec<bool>),
}

impl<'a> Batch<'a> {
    /// Ids, `[N, T]`.
    pub fn ids(ids: ArrayView2<'a, u32>) -> Self {
        let (sequences, time) = ids.dim();
        let values = Values::Ids(match ids.to_slice() {
            Some(ids) => Cow::Borrowed(ids),
            None => ids.iter().copied().collect(),
        });
        Self {
            values,
            sequences,
            time,
            present: Present::All,
            fill: Fill::Zero,
            finite_only: false,
            time_major: false,
            once: false,
            bags: None,
        }
    }

    /// Numbers, `[N, T, F]`.
    pub fn numbers(x: ArrayView3<'a, f32>) -> Self {
        let (sequences, time, features) = x.dim();
        let x = match x.to_slice() {
            Some(x) => Cow::Borrowed(x),
            None => x.iter().copied().collect(),
        };
        Self {
            values: Values::Numbers(x, features),
            sequences,
            time,
            present: Present::All,
            fill: Fill::Zero,
            finite_only: false,
            time_major: false,
            once: false,
            bags: None,
        }
    }

    /// One row of numbers a sequence, `[N, F]`, in the order of the sequences of a model's other inputs.
    pub fn row(x: ArrayView2<'a, f32>) -> Self {
        Self { once: true, ..Self::numbers(x.insert_axis(Axis(1))) }
    }

    /// Ids, `[T, N]`: time first, as are the axes of a mask for it then. Outputs are rows either way;
    /// [`Rows::unpack_time_major`] makes them an array `[T, N, F]`.
    pub fn ids_time_major(ids: ArrayView2<'a, u32>) -> Self {
        Self { time_major: true, ..Self::ids(ids.reversed_axes()) }
    }

    /// Numbers, `[T, N, F]`; otherwise as [`ids_time_major`](Self::ids_time_major).
    pub fn numbers_time_major(x: ArrayView3<'a, f32>) -> Self {
        Self { time_major: true, ..Self::numbers(x.permuted_axes([1, 0, 2])) }
    }

    /// The sequences' true lengths, in any order, at most T each; 0 is allowed. They replace an earlier mask.
    pub fn lengths(mut self, lengths: &'a [usize]) -> Result<Self> {
        if lengths.len() != self.sequences {
            return Err(Error::Shape {
                what: "lengths".into(),
                expected: format!("one for each of {} sequences", self.sequences),
                found: lengths.len().to_string(),
            });
        }
        self.present = Present::Lengths(Cow::Borrowed(lengths));
        Ok(self)
    }

    /// Which steps are there, `[N, T]`, or `[T, N]` of a time-major batch. Holes, late beginnings and hidden sequences are
    /// allowed. It replaces earlier lengths.
    pub fn mask(mut self, mask: ArrayView2<bool>) -> Result<Self> {
        let (sequences, time) = (self.sequences, self.time);
        let expected = if self.time_major { [time, sequences] } else { [sequences, time] };
        if mask.shape() != expected {
            return Err(Error::Shape {
                what: "mask".into(),
                expected: format!("{expected:?}"),
                found: format!("{:?}", mask.shape()),
            });
        }
        let mask = if self.time_major { mask.reversed_axes() } else { mask };
        self.present = Present::Mask(mask.iter().copied().collect());
        Ok(self)
    }

    /// Which steps are there, as layers outside a model are given them: all, [`lengths`](Self::lengths) or a [`mask`](Self::mask).
    pub fn valid(self, valid: Valid<'a>) -> Result<Self> {
        match valid {
            Valid::All => Ok(Self { present: Present::All, ..self }),
            Valid::Lengths(lengths) => self.lengths(lengths),
            Valid::Mask(mask) => self.mask(mask),
        }
    }

    /// The ids as entries of bags: each step is several ids, whose vectors an embedding makes one of. What a padding id means
    /// for masks, it means of entries then. Of numbers, nothing changes.
    pub fn bags(self, bags: Arc<Bags>) -> Self {
        Self { bags: Some(bags), ..self }
    }

    /// Whether a number that is NaN or infinite, at a step that is there, is an error; else the model computes with it.
    pub fn finite_only(self, finite_only: bool) -> Self {
        Self { finite_only, ..self }
    }

    /// What an output at every step shows where there is no step; zeros, unless Keras' repetition is asked for. Keras'
    /// layers go on computing there: [`Model::masked_row`](super::Model::masked_row) is what comes of it.
    pub fn fill(self, fill: Fill) -> Self {
        Self { fill, ..self }
    }

    /// N: how many sequences there are.
    pub fn sequences(&self) -> usize {
        self.sequences
    }

    /// T: the length of the time axis.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Whether what came before is repeated where there is no step.
    pub(super) fn repeats(&self) -> bool {
        self.fill == Fill::Repeat
    }

    /// What it is, as messages write it, and whether it is that for an input of `wanted`.
    pub(super) fn fits(&self, wanted: Signal) -> Result<(), String> {
        let (found, fits) = match self.values {
            Values::Ids(_) => ("ids [N, T]".to_owned(), matches!(wanted, Signal::Ids(_))),
            Values::Numbers(_, features) if self.once => {
                (format!("numbers [N, {features}]"), wanted == Signal::Once(features))
            }
            Values::Numbers(_, features) => {
                (format!("numbers [N, T, {features}]"), wanted == Signal::Steps(features))
            }
        };
        if fits { Ok(()) } else { Err(found) }
    }

    /// The rows that are there. Steps of the id `padding` are not.
    pub(super) fn pack(&self, padding: Option<u32>) -> Result<Value> {
        if self.sequences == 0 || self.time == 0 {
            return Err(Error::Shape {
                what: "the model's input".into(),
                expected: "at least one sequence of one step".into(),
                found: format!("[{}, {}]", self.sequences, self.time),
            });
        }
        let layout = self.layout(padding)?;
        Ok(match &self.values {
            Values::Ids(ids) => {
                let ids = Ids::pack(ids, layout)?;
                Value::Ids(match &self.bags {
                    Some(bags) => ids.of_bags(Arc::clone(bags))?,
                    None => ids,
                })
            }
            Values::Numbers(x, features) => {
                let rows = Rows::pack(x, *features, layout)?;
                if self.finite_only {
                    expect_finite(&rows)?;
                }
                Value::Rows(rows)
            }
        })
    }

    fn layout(&self, padding: Option<u32>) -> Result<Arc<Layout>> {
        let Self { sequences, time, .. } = *self;
        let padding = match &self.values {
            Values::Ids(ids) => padding.map(|padding| (padding, ids)),
            Values::Numbers(..) => None,
        };
        if padding.is_none() && self.fill == Fill::Zero {
            match &self.present {
                Present::All => return Layout::full(sequences, time),
                Present::Lengths(lengths) => return Layout::ragged(lengths, time),
                Present::Mask(_) => {}
            }
        }
        let mut mask = match &self.present {
            Present::All => vec![true; sequences * time],
            Present::Mask(mask) => mask.clone(),
            Present::Lengths(lengths) => {
                // Refuses lengths beyond the array.
                Layout::ragged(lengths, time)?;
                lengths.iter().flat_map(|&length| (0..time).map(move |t| t < length)).collect()
            }
        };
        if let Some((padding, ids)) = padding {
            mask.iter_mut().zip(ids.iter()).for_each(|(there, &id)| *there &= id != padding);
        }
        Layout::masked(&mask, sequences, time, self.fill)
    }
}

fn expect_finite(rows: &Rows) -> Result<()> {
    let Some(at) = rows.data.iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let (row, feature) = (at / rows.features, at % rows.features);
    let mut place = (0, 0);
    rows.layout.for_each_row(|r, n, t| {
        if r == row {
            place = (n, t);
        }
    });
    Err(Error::Invalid(format!(
        "the model's input: {} at sequence {}, step {}, feature {feature}; mask the step or fill the value in",
        rows.data[at], place.0, place.1
    )))
}
