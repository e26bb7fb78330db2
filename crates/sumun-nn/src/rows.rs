//! Packed rows, the currency between layers, and the index map between them and a caller's array.

use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use sumun_kernels::{MOST_ROWS, RowMap, Steps};

use crate::{Bags, Error, Result};

/// What a caller's array shows at a step that is masked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// Zeros: PyTorch's padding, Keras' `zero_output_for_mask`, ONNX.
    #[default]
    Zero,
    /// What the last step before it that is not masked shows, zeros before the first: Keras' recurrent layers.
    Repeat,
}

/// The index map between a caller's `[N, T]` array and packed rows.
///
/// Sequences are ranked longest first (equal lengths keep the caller's order); the row of rank `k` at
/// step `t` is `steps.offset(t) + k`. Padding is never a row, so it costs nothing and changes nothing.
#[derive(Debug)]
pub struct Layout {
    steps: Steps,
    /// N: the caller's sequences, those of length 0 included.
    sequences: usize,
    /// T: the length of the caller's time axis.
    time: usize,
    /// `order[rank]` is the caller's sequence; sequences of length 0 come last.
    order: Vec<usize>,
    /// `lengths[rank]`.
    lengths: Vec<usize>,
    /// The caller's step of each row, where a mask makes it another than the row's own step.
    times: Option<Vec<u32>>,
    fill: Fill,
    reversed: OnceLock<RowMap>,
    shown: OnceLock<Vec<u32>>,
}

/// The caller's cell shows no row.
const NOTHING: u32 = u32::MAX;

impl Layout {
    /// A layout of `sequences` full sequences of `time` steps. More cells than can be numbered are an error.
    pub fn full(sequences: usize, time: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::of_full(sequences, time)?))
    }

    fn of_full(sequences: usize, time: usize) -> Result<Self> {
        check_cells(sequences, time)?;
        expect_layout(sequences.max(time))?;
        Ok(Self {
            steps: Steps::uniform(time, sequences)?,
            sequences,
            time,
            order: (0..sequences).collect(),
            lengths: vec![time; sequences],
            times: None,
            fill: Fill::Zero,
            reversed: OnceLock::new(),
            shown: OnceLock::new(),
        })
    }

    /// A layout of step `t` alone of `sequences` sequences.
    pub(crate) fn one_step_at(sequences: usize, t: usize) -> Result<Arc<Self>> {
        check_cells(sequences, t.saturating_add(1))?;
        let times = Some(vec![t as u32; sequences]);
        Ok(Arc::new(Self { time: t + 1, times, ..Self::of_full(sequences, 1)? }))
    }

    /// A layout of sequences whose true lengths are `lengths`, in an array of `time` steps. A length may be
    /// 0; a length over `time` is an error.
    pub fn ragged(lengths: &[usize], time: usize) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::of_lengths(lengths, time)?))
    }

    fn of_lengths(lengths: &[usize], time: usize) -> Result<Self> {
        check_cells(lengths.len(), time)?;
        if let Some((n, &length)) = lengths.iter().enumerate().find(|&(_, &l)| l > time) {
            return Err(Error::Invalid(format!(
                "length {length} of sequence {n} is over the {time} steps of the array"
            )));
        }
        expect_layout(lengths.iter().copied().max().unwrap_or(0))?;
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&n| std::cmp::Reverse(lengths[n]));
        let ranked: Vec<usize> = order.iter().map(|&n| lengths[n]).collect();
        let longest = ranked.first().copied().unwrap_or(0);
        let mut batch_sizes = Vec::with_capacity(longest);
        let mut alive = ranked.len();
        for t in 0..longest {
            while ranked[alive - 1] <= t {
                alive -= 1;
            }
            batch_sizes.push(alive);
        }
        Ok(Self {
            steps: Steps::new(batch_sizes)?,
            sequences: lengths.len(),
            time,
            order,
            lengths: ranked,
            times: None,
            fill: Fill::Zero,
            reversed: OnceLock::new(),
            shown: OnceLock::new(),
        })
    }

    /// A layout of the steps whose mask is true; `mask` is `[N, time]`. The mask may have holes, begin late and
    /// hide whole sequences. A masked step is no row: states pass it by unchanged. `fill` says what it shows.
    pub fn masked(mask: &[bool], sequences: usize, time: usize, fill: Fill) -> Result<Arc<Self>> {
        check_cells(sequences, time)?;
        if mask.len() != sequences * time {
            return Err(Error::Shape {
                what: "mask".into(),
                expected: format!("[{sequences}, {time}]"),
                found: format!("{} values", mask.len()),
            });
        }
        // Sequences without steps need no mask.
        expect_layout(sequences)?;
        let steps_of: Vec<Vec<u32>> = (0..sequences)
            .map(|n| (0..time as u32).filter(|&t| mask[n * time + t as usize]).collect())
            .collect();
        let lengths: Vec<usize> = steps_of.iter().map(Vec::len).collect();
        let mut layout = Self::of_lengths(&lengths, time)?;
        let mut times = Vec::with_capacity(layout.rows());
        for (step, &batch) in layout.steps.batch_sizes().iter().enumerate() {
            times.extend(layout.order[..batch].iter().map(|&n| steps_of[n][step]));
        }
        layout.times = Some(times);
        layout.fill = fill;
        Ok(Arc::new(layout))
    }

    /// The layout of the rows that `keep`, `[R]`, says are steps, and which row here each of its rows is; None where all are.
    pub(crate) fn keeping(&self, keep: &[bool]) -> Result<Option<(Arc<Self>, Vec<u32>)>> {
        if keep.iter().all(|&keep| keep) {
            return Ok(None);
        }
        // For each sequence, the caller's step and the row of each step that is left, in order.
        let mut left: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.sequences];
        self.for_each_row(|row, n, t| {
            if keep[row] {
                left[n].push((t as u32, row as u32));
            }
        });
        let lengths: Vec<usize> = left.iter().map(Vec::len).collect();
        let mut layout = Self::of_lengths(&lengths, self.time)?;
        let (mut times, mut rows) = (Vec::with_capacity(layout.rows()), Vec::with_capacity(layout.rows()));
        for (step, &batch) in layout.steps.batch_sizes().iter().enumerate() {
            for &n in &layout.order[..batch] {
                times.push(left[n][step].0);
                rows.push(left[n][step].1);
            }
        }
        let mut steps =
            (0..layout.steps.len()).flat_map(|t| std::iter::repeat_n(t, layout.steps.batch_size(t)));
        let is_own = times.iter().all(|&t| steps.next() == Some(t as usize));
        layout.times = (!is_own).then_some(times);
        layout.fill = self.fill;
        Ok(Some((Arc::new(layout), rows)))
    }

    /// The packed steps.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    /// N: the caller's sequences, those of length 0 included.
    pub fn sequences(&self) -> usize {
        self.sequences
    }

    /// T: the length of the caller's time axis.
    pub fn time(&self) -> usize {
        self.time
    }

    /// R: packed rows in all.
    pub fn rows(&self) -> usize {
        self.steps.rows()
    }

    /// `order()[rank]` is the caller's sequence of that rank.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// `lengths()[rank]` is the true length of the sequence of that rank.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Whether both have the same rows: the same steps of the same sequences in the same order.
    pub(crate) fn same_steps(&self, other: &Self) -> bool {
        let key = |layout: &Self| (layout.sequences, layout.steps.len(), layout.steps.rows());
        std::ptr::eq(self, other)
            || (key(self) == key(other)
                && self.lengths == other.lengths
                && self.order == other.order
                && self.times == other.times)
    }

    /// The same sequences with the time axis turned round: the caller's step t is now step T − 1 − t. What was padded
    /// at the end is now padded at the beginning.
    pub(crate) fn turned(&self) -> Arc<Self> {
        let mut times = vec![0; self.rows()];
        self.for_each_row(|row, _, t| times[row] = t);
        let from = self.reversed().as_slice();
        let times: Vec<u32> = from.iter().map(|&row| (self.time - 1 - times[row as usize]) as u32).collect();
        let mut steps = (0..self.steps.len()).flat_map(|t| std::iter::repeat_n(t, self.steps.batch_size(t)));
        let is_own = times.iter().all(|&t| steps.next() == Some(t as usize));
        Arc::new(Self {
            steps: self.steps.clone(),
            sequences: self.sequences,
            time: self.time,
            order: self.order.clone(),
            lengths: self.lengths.clone(),
            times: (!is_own).then_some(times),
            fill: self.fill,
            reversed: OnceLock::new(),
            shown: OnceLock::new(),
        })
    }

    /// Calls `visit(row, n, t)` for every packed row, in row order; `n` and `t` are the caller's sequence and step.
    pub fn for_each_row(&self, visit: impl FnMut(usize, usize, usize)) {
        self.for_each_row_of(0..self.steps.len(), visit);
    }

    /// As [`for_each_row`](Self::for_each_row), for the rows of a range of packed steps.
    pub(crate) fn for_each_row_of(&self, steps: Range<usize>, mut visit: impl FnMut(usize, usize, usize)) {
        let mut row = self.steps.offset(steps.start);
        for step in steps {
            for &n in &self.order[..self.steps.batch_size(step)] {
                visit(row, n, self.times.as_ref().map_or(step, |times| times[row] as usize));
                row += 1;
            }
        }
    }

    /// Calls `visit(values, n, t)` for every packed row with its values in `data`, `[R, features]`, in no certain order, on
    /// all threads if there is much to do.
    pub(crate) fn for_each_row_mut(
        &self,
        features: usize,
        data: &mut [f32],
        visit: impl Fn(&mut [f32], usize, usize) + Sync,
    ) {
        self.for_each_row_mut_of(0..self.steps.len(), features, data, &visit);
    }

    /// As [`for_each_row_mut`](Self::for_each_row_mut), for the rows of a range of packed steps, which are all of `data`.
    pub(crate) fn for_each_row_mut_of(
        &self,
        steps: Range<usize>,
        features: usize,
        data: &mut [f32],
        visit: &(impl Fn(&mut [f32], usize, usize) + Sync),
    ) {
        /// Numbers that one thread has soon done.
        const FEW: usize = 1 << 15;
        let first = self.steps.offset(steps.start);
        if data.len() <= FEW || steps.len() < 2 {
            self.for_each_row_of(steps, |row, n, t| {
                visit(&mut data[(row - first) * features..][..features], n, t);
            });
            return;
        }
        let middle = steps.start.midpoint(steps.end);
        let (left, right) = data.split_at_mut((self.steps.offset(middle) - first) * features);
        rayon::join(
            || self.for_each_row_mut_of(steps.start..middle, features, left, visit),
            || self.for_each_row_mut_of(middle..steps.end, features, right, visit),
        );
    }

    /// Calls `visit(n·T + t, row)` for every cell of the caller's array that shows a row, in increasing order.
    /// Several cells may show the same row.
    fn for_each_shown(&self, mut visit: impl FnMut(usize, usize)) {
        let shown = self.shown.get_or_init(|| {
            let mut shown = vec![NOTHING; self.sequences * self.time];
            self.for_each_row(|row, n, t| shown[n * self.time + t] = row as u32);
            if self.fill == Fill::Repeat {
                for steps in shown.chunks_exact_mut(self.time.max(1)) {
                    let mut last = NOTHING;
                    for row in steps {
                        if *row == NOTHING {
                            *row = last;
                        }
                        last = *row;
                    }
                }
            }
            shown
        });
        for (cell, &row) in shown.iter().enumerate().filter(|&(_, &row)| row != NOTHING) {
            visit(cell, row as usize);
        }
    }

    /// N·T: cells of the caller's array.
    fn cells(&self) -> usize {
        self.sequences * self.time
    }

    /// Whether each row is the same sequence and step as in another layout.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || self.steps == other.steps && self.order == other.order && self.times == other.times
    }

    fn expect_cells(&self, found: usize, features: usize) -> Result<()> {
        if self.cells().checked_mul(features) == Some(found) {
            return Ok(());
        }
        Err(Error::Shape {
            what: "input".into(),
            expected: format!("[{}, {}, {features}]", self.sequences, self.time),
            found: format!("{found} values"),
        })
    }

    /// For each row, the row that holds the same sequence at the mirrored step `length − 1 − t`. The map is
    /// its own inverse, and the reversed rows have the same [`Steps`].
    pub fn reversed(&self) -> &RowMap {
        self.reversed.get_or_init(|| {
            let mut map = Vec::with_capacity(self.rows());
            for (t, &batch) in self.steps.batch_sizes().iter().enumerate() {
                for (rank, &length) in self.lengths[..batch].iter().enumerate() {
                    map.push((self.steps.offset(length - 1 - t) + rank) as u32);
                }
            }
            RowMap::new(map).expect("mirrored steps are a permutation")
        })
    }
}

/// Refuses more sequences, steps or cells of an array `[N, T]` than there can be rows.
fn check_cells(sequences: usize, time: usize) -> Result<()> {
    let cells = sequences as u128 * time as u128;
    match cells.max(sequences as u128).max(time as u128) <= MOST_ROWS as u128 {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "an array of {sequences} sequences and {time} steps is more than the {MOST_ROWS} cells there can be; split it"
        ))),
    }
}

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

/// Refuses arrays that cannot be addressed, and large ones that there is no memory for: to be asked before the first of
/// several is allocated, as an allocation that fails would end the process.
pub(crate) fn expect_memory(rows: usize, width: usize) -> Result<()> {
    /// Numbers of four gigabytes; what is smaller is not asked for ahead of time.
    const LARGE: usize = 1 << 30;
    let count = rows.checked_mul(width);
    match count {
        Some(count) if count < LARGE || Vec::<f32>::new().try_reserve_exact(count).is_ok() => Ok(()),
        _ => {
            let bytes = count.unwrap_or(usize::MAX).saturating_mul(size_of::<f32>());
            Err(sumun_kernels::Error::Memory { bytes }.into())
        }
    }
}

/// Refuses more sequences or steps than there is memory to note.
fn expect_layout(count: usize) -> Result<()> {
    /// Numbers, of four bytes, of a sequence or a step: its place, its length, its offset, its steps.
    const EACH: usize = 12;
    expect_memory(count, EACH)
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
