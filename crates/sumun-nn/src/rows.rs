//! Packed rows, the currency between layers.

use std::ops::Deref;
use std::sync::Arc;

use crate::layout::expect_memory;
pub use crate::layout::{Fill, Layout};
use crate::{Bags, Error, Result};

/// Packed rows `[R, F]` and the layout that says which `(n, t)` each row is. Its parts, [`RowsParts`], are read as fields:
/// `rows.data`, `rows.features`, `rows.layout`. Only [`new`](Self::new) puts them together, so they always fit.
#[derive(Debug, Clone)]
pub struct Rows(RowsParts);

/// The parts of [`Rows`].
#[derive(Debug, Clone)]
pub struct RowsParts {
    /// `[R, features]`, row-major; shared, so that a layer may keep what it passes on.
    pub data: Arc<Vec<f32>>,
    /// F: features of a row.
    pub features: usize,
    /// Which sequence and step each row is.
    pub layout: Arc<Layout>,
}

impl Deref for Rows {
    type Target = RowsParts;

    fn deref(&self) -> &RowsParts {
        &self.0
    }
}

impl Rows {
    /// Rows from their values, `[R, features]`.
    pub fn new(data: Vec<f32>, features: usize, layout: Arc<Layout>) -> Result<Self> {
        Self::of_shared(Arc::new(data), features, layout)
    }

    /// As [`new`](Self::new), of values that others have too.
    pub fn of_shared(data: Arc<Vec<f32>>, features: usize, layout: Arc<Layout>) -> Result<Self> {
        if Some(data.len()) != layout.rows().checked_mul(features) {
            return Err(Error::Shape {
                what: "packed rows".into(),
                expected: format!("[{}, {features}]", layout.rows()),
                found: format!("{} values", data.len()),
            });
        }
        // The caller's array may be longer than the rows, and must be one that there can be.
        expect_memory(layout.cells(), features)?;
        Ok(Self(RowsParts { data, features, layout }))
    }

    /// The values, `[R, F]`, to be changed; copied first where something else holds them too.
    pub fn data_mut(&mut self) -> &mut [f32] {
        Arc::make_mut(&mut self.0.data).as_mut_slice()
    }

    /// Its parts, taken apart.
    pub fn into_parts(self) -> RowsParts {
        self.0
    }

    /// One row a sequence, in the caller's order: what a layer with one output a sequence returns.
    pub fn one_step(data: Vec<f32>, features: usize, sequences: usize) -> Result<Self> {
        Self::new(data, features, Layout::full(sequences, 1)?)
    }

    /// Packs a caller's `[N, T, F]` array.
    pub fn pack(values: &[f32], features: usize, layout: Arc<Layout>) -> Result<Self> {
        layout.expect_cells(values.len(), features)?;
        let mut data = Vec::with_capacity(layout.rows() * features);
        let cell = |n: usize, t: usize| n * layout.time() + t;
        match features {
            // A copy of one number takes longer to call than to do.
            1 => layout.for_each_row(|_, n, t| data.push(values[cell(n, t)])),
            _ => layout.for_each_row(|_, n, t| {
                data.extend_from_slice(&values[cell(n, t) * features..][..features]);
            }),
        }
        Self::new(data, features, layout)
    }

    /// The gradient of what [`unpack`](Self::unpack) returns becomes the gradient of the rows: a row that several
    /// cells of the caller's `[N, T, F]` array show gets the sum of theirs, added in the order of the steps.
    pub fn pack_gradient(values: &[f32], features: usize, layout: Arc<Layout>) -> Result<Self> {
        if layout.fill == Fill::Zero {
            return Self::pack(values, features, layout);
        }
        layout.expect_cells(values.len(), features)?;
        let mut data = vec![0.0; layout.rows() * features];
        layout.for_each_shown(|cell, row| {
            let from = &values[cell * features..(cell + 1) * features];
            data[row * features..(row + 1) * features].iter_mut().zip(from).for_each(|(to, v)| *to += v);
        });
        Self::new(data, features, layout)
    }

    /// The caller's `[N, T, F]` array; where there is no row, what the layout's [`Fill`] says.
    pub fn unpack(&self) -> Vec<f32> {
        let (n, time, features) = (self.layout.sequences(), self.layout.time(), self.features);
        if self.layout.rows() == n * time {
            // Without padding, ranks are the caller's order and no cell stays blank.
            let mut out = Vec::with_capacity(self.data.len());
            for rank in 0..n {
                for row in (0..time).map(|t| t * n + rank) {
                    out.extend_from_slice(&self.data[row * features..(row + 1) * features]);
                }
            }
            return out;
        }
        let mut out = vec![0.0; n * time * features];
        let mut copy = |cell: usize, row: usize| {
            let from = &self.data[row * features..(row + 1) * features];
            out[cell * features..(cell + 1) * features].copy_from_slice(from);
        };
        match self.layout.fill {
            Fill::Zero => self.layout.for_each_row(|row, n, t| copy(n * time + t, row)),
            Fill::Repeat => self.layout.for_each_shown(copy),
        }
        out
    }

    /// As [`unpack`](Self::unpack), `[T, N, F]`: the time axis first.
    pub fn unpack_time_major(&self) -> Vec<f32> {
        let (n, t, features) = (self.layout.sequences(), self.layout.time(), self.features);
        if self.layout.rows() == n * t {
            // Without padding, packed rows are the time-major array.
            return self.data.to_vec();
        }
        let batch_first = self.unpack();
        let cells = (0..t).flat_map(|t| (0..n).map(move |n| (n, t)));
        cells.flat_map(|(n, step)| &batch_first[(n * t + step) * features..][..features]).copied().collect()
    }

    /// As [`unpack`](Self::unpack), with the values `blank`, `[F]`, where `unpack` has zeros because there is nothing to
    /// show: padding, masked steps, and with [`Fill::Repeat`] those before the first that is not masked.
    pub fn unpack_over(&self, blank: &[f32]) -> Result<Vec<f32>> {
        let features = self.features;
        if blank.len() != features {
            return Err(Error::Shape {
                what: "the row for steps that show nothing".into(),
                expected: format!("[{features}]"),
                found: format!("[{}]", blank.len()),
            });
        }
        let mut out = blank.repeat(self.layout.sequences() * self.layout.time());
        self.layout.for_each_shown(|cell, row| {
            let from = &self.data[row * features..(row + 1) * features];
            out[cell * features..(cell + 1) * features].copy_from_slice(from);
        });
        Ok(out)
    }

    /// The same rows on the time axis turned round (see [`Layout::turned`]), each sequence from its own last step.
    pub(crate) fn turned(&self) -> Result<Self> {
        let features = self.features;
        let from = self.layout.reversed().as_slice();
        let row = |&row: &u32| &self.data[row as usize * features..][..features];
        let data = from.iter().flat_map(row).copied().collect();
        Self::new(data, features, self.layout.turned())
    }

    /// Refuses rows of another shape than `[rows, features]`; `what` names them in the message.
    pub(crate) fn expect_shape(&self, what: &str, rows: usize, features: usize) -> Result<()> {
        if self.layout.rows() == rows && self.features == features {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!("[{rows}, {features}]"),
            found: format!("[{}, {}]", self.layout.rows(), self.features),
        })
    }

    /// Refuses rows of another layout than `layout`, or of another width; `what` names them in the message.
    pub(crate) fn expect_like(&self, what: &str, layout: &Layout, features: usize) -> Result<()> {
        self.expect_shape(what, layout.rows(), features)?;
        if self.layout.is_like(layout) {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: "rows of the layout that went in".into(),
            found: "rows of other sequences or steps".into(),
        })
    }

    /// The values, taken out without a copy where nothing else holds them.
    pub fn into_data(self) -> Vec<f32> {
        Arc::try_unwrap(self.0.data).unwrap_or_else(|shared| shared.as_ref().clone())
    }
}

/// Packed ids `[R]`, such as words or characters: what an embedding turns into [`Rows`]. Its parts, [`IdsParts`], are read as
/// fields. With [`Bags`], a row is an entry of them, which is several ids.
#[derive(Debug, Clone)]
pub struct Ids(IdsParts);

/// The parts of [`Ids`].
#[derive(Debug, Clone)]
pub struct IdsParts {
    /// `[R]`, one id a row.
    pub data: Arc<Vec<u32>>,
    /// Which sequence and step each row is.
    pub layout: Arc<Layout>,
    /// The ids of each entry, where the rows are entries.
    pub bags: Option<Arc<Bags>>,
}

impl Deref for Ids {
    type Target = IdsParts;

    fn deref(&self) -> &IdsParts {
        &self.0
    }
}

impl Ids {
    /// Ids in row order, `[R]`.
    pub fn new(data: Vec<u32>, layout: Arc<Layout>) -> Result<Self> {
        if data.len() != layout.rows() {
            return Err(Error::Shape {
                what: "packed ids".into(),
                expected: format!("[{}]", layout.rows()),
                found: format!("{} ids", data.len()),
            });
        }
        Ok(Self(IdsParts { data: Arc::new(data), layout, bags: None }))
    }

    /// The same rows as entries of bags. Error: an entry that they do not have.
    pub fn of_bags(self, bags: Arc<Bags>) -> Result<Self> {
        match self.data.iter().find(|&&entry| entry as usize >= bags.len()) {
            Some(entry) => {
                Err(Error::Invalid(format!("entry {entry} is not below the {} of the bags", bags.len())))
            }
            None => Ok(Self(IdsParts { bags: Some(bags), ..self.0 })),
        }
    }

    /// Packs a caller's `[N, T]` array. What is past a sequence's length is never read.
    pub fn pack(ids: &[u32], layout: Arc<Layout>) -> Result<Self> {
        let (sequences, time) = (layout.sequences(), layout.time());
        if ids.len() != sequences * time {
            return Err(Error::Shape {
                what: "input ids".into(),
                expected: format!("[{sequences}, {time}]"),
                found: format!("{} ids", ids.len()),
            });
        }
        let mut data = Vec::with_capacity(layout.rows());
        layout.for_each_row(|_, n, t| data.push(ids[n * time + t]));
        Self::new(data, layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_longest_first_and_unpacks_to_the_callers_order() {
        let layout = Layout::ragged(&[1, 3, 0, 2], 3).unwrap();
        assert_eq!(layout.steps().batch_sizes(), [3, 2, 1]);
        assert_eq!(layout.order(), [1, 3, 0, 2]);
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let rows = Rows::pack(&values, 1, layout).unwrap();
        assert_eq!(*rows.data, [3.0, 9.0, 0.0, 4.0, 10.0, 5.0]);
        assert_eq!(rows.unpack(), [0.0, 0.0, 0.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0, 9.0, 10.0, 0.0]);
        assert_eq!(rows.layout.reversed().as_slice(), [5, 4, 2, 3, 1, 0]);
    }

    #[test]
    fn time_can_be_turned_and_come_first() {
        let (yes, no) = (true, false);
        let mask = [no, yes, no, yes, no, no, no, no, yes, yes, no, yes];
        let values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let turned = |values: &[f32]| -> Vec<f32> {
            values.chunks(8).flat_map(|sequence| sequence.rchunks(2).flatten()).copied().collect()
        };
        for fill in [Fill::Zero, Fill::Repeat] {
            let backwards: Vec<bool> = mask.chunks(4).flat_map(|m| m.iter().rev()).copied().collect();
            for (layout, expected) in [
                (Layout::masked(&mask, 3, 4, fill), Layout::masked(&backwards, 3, 4, fill)),
                (Layout::ragged(&[4, 0, 2], 4), {
                    let mask = [yes, yes, yes, yes, no, no, no, no, no, no, yes, yes];
                    Layout::masked(&mask, 3, 4, Fill::Zero)
                }),
                (Layout::full(3, 4), Layout::full(3, 4)),
            ] {
                let rows = Rows::pack(&values, 2, layout.unwrap()).unwrap();
                let found = rows.turned().unwrap();
                let expected = Rows::pack(&turned(&values), 2, expected.unwrap()).unwrap();
                assert_eq!((&found.data, found.unpack()), (&expected.data, expected.unpack()));
                let again = found.turned().unwrap();
                assert_eq!((&again.data, again.unpack()), (&rows.data, rows.unpack()));

                let (batch, time) = (rows.unpack(), rows.unpack_time_major());
                for (n, t) in (0..3).flat_map(|n| (0..4).map(move |t| (n, t))) {
                    assert_eq!(time[(t * 3 + n) * 2..][..2], batch[(n * 4 + t) * 2..][..2]);
                }
                assert_eq!(rows.unpack_over(&[0.0; 2]).unwrap(), batch);
            }
        }
        let rows = Rows::pack(&values, 2, Layout::masked(&mask, 3, 4, Fill::Repeat).unwrap()).unwrap();
        let over = rows.unpack_over(&[7.0, 8.0]).unwrap();
        assert_eq!(over[..8], [7.0, 8.0, 2.0, 3.0, 2.0, 3.0, 6.0, 7.0]);
        assert_eq!(over[8..16], [7.0, 8.0, 7.0, 8.0, 7.0, 8.0, 7.0, 8.0]);
        let error = rows.unpack_over(&[1.0]).unwrap_err().to_string();
        assert_eq!(error, "the row for steps that show nothing: expected [2], found [1]");
    }

    #[test]
    fn ids_pack_as_rows_do() {
        let layout = Layout::ragged(&[1, 3, 0, 2], 3).unwrap();
        let ids = Ids::pack(&(0..12).collect::<Vec<u32>>(), layout.clone()).unwrap();
        assert_eq!(*ids.data, [3, 9, 0, 4, 10, 5]);
        let error = Ids::pack(&[1, 2], layout).unwrap_err().to_string();
        assert_eq!(error, "input ids: expected [4, 3], found 2 ids");
    }

    #[test]
    fn masks_have_holes_begin_late_and_hide_whole_sequences() {
        let (yes, no) = (true, false);
        let mask = [no, yes, no, yes, no, no, no, no, yes, no, yes, yes];
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let packed = |fill| Rows::pack(&values, 1, Layout::masked(&mask, 3, 4, fill).unwrap()).unwrap();
        let rows = packed(Fill::Zero);
        assert_eq!(rows.layout.order(), [2, 0, 1]);
        assert_eq!(*rows.data, [8.0, 1.0, 10.0, 3.0, 11.0]);
        assert_eq!(rows.unpack(), [0.0, 1.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0, 10.0, 11.0]);
        let rows = packed(Fill::Repeat);
        assert_eq!(rows.unpack(), [0.0, 1.0, 1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 10.0, 11.0]);
        // Every cell gives its gradient to the row that it shows; cells before the first row have none to give to.
        let d = Rows::pack_gradient(&values, 1, rows.layout.clone()).unwrap();
        assert_eq!(*d.data, [8.0 + 9.0, 1.0 + 2.0, 10.0, 3.0, 11.0]);
    }

    #[test]
    fn a_length_over_the_array_is_an_error() {
        let error = Layout::ragged(&[2, 4], 3).unwrap_err().to_string();
        assert_eq!(error, "length 4 of sequence 1 is over the 3 steps of the array");
    }
}
