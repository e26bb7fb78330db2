//! The index map between packed rows and a caller's array.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use sumun_kernels::{MOST_ROWS, RowMap, Steps};

use crate::{Error, Result};

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
    pub(crate) fill: Fill,
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
    pub(crate) fn for_each_shown(&self, mut visit: impl FnMut(usize, usize)) {
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
    pub(crate) fn cells(&self) -> usize {
        self.sequences * self.time
    }

    /// Whether each row is the same sequence and step as in another layout.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || self.steps == other.steps && self.order == other.order && self.times == other.times
    }

    pub(crate) fn expect_cells(&self, found: usize, features: usize) -> Result<()> {
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
