//! The states of one layer and direction within a pass, by rank.

use sumun_kernels::{State, StateMut};

/// States of one layer and direction by rank, or rows of states: so many of h and of c.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// h.
    pub hidden: Vec<f32>,
    /// c; empty where the cell has none.
    pub cell: Vec<f32>,
    /// The widths of h and of c; that of c is 0 where the cell has none.
    widths: [usize; 2],
}

impl Ranked {
    /// From the values of h and c and their widths.
    pub(in crate::nn) fn new([hidden, cell]: [Vec<f32>; 2], widths: [usize; 2]) -> Self {
        Self { hidden, cell, widths }
    }

    /// So many of zeros, of these widths.
    pub(in crate::nn) fn zeros(widths: [usize; 2], count: usize) -> Self {
        let [hidden, cell] = widths.map(|width| vec![0.0; count * width]);
        Self { hidden, cell, widths }
    }

    /// The widths of h and of c.
    pub(in crate::nn) fn widths(&self) -> [usize; 2] {
        self.widths
    }

    /// All of them.
    pub(in crate::nn) fn all(&self) -> State<'_, f32> {
        State { hidden: &self.hidden, cell: &self.cell }
    }

    /// The first `n` of them.
    pub(in crate::nn) fn view(&self, n: usize) -> State<'_, f32> {
        let [hidden, cell] = self.widths.map(|width| n * width);
        State { hidden: &self.hidden[..hidden], cell: &self.cell[..cell] }
    }

    /// As [`view`](Self::view), to write.
    pub(in crate::nn) fn view_mut(&mut self, n: usize) -> StateMut<'_, f32> {
        self.rows_mut(0..n)
    }

    /// A range of them, to write.
    pub(in crate::nn) fn rows_mut(&mut self, rows: std::ops::Range<usize>) -> StateMut<'_, f32> {
        let [hidden, cell] = self.widths.map(|width| rows.start * width..rows.end * width);
        StateMut { hidden: &mut self.hidden[hidden], cell: &mut self.cell[cell] }
    }

    /// The first `n` of them as states of their own.
    pub(in crate::nn) fn first(&self, n: usize) -> Self {
        let State { hidden, cell } = self.view(n);
        Self { hidden: hidden.to_vec(), cell: cell.to_vec(), widths: self.widths }
    }

    /// Sets the first `n` of them to zeros.
    pub(in crate::nn) fn clear(&mut self, n: usize) {
        let StateMut { hidden, cell } = self.view_mut(n);
        hidden.fill(0.0);
        cell.fill(0.0);
    }
}
