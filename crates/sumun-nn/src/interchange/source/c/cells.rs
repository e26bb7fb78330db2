//! The weights of a cell as its C function reads them.

use super::super::link::{Cells, Equations};

/// Weights of a cell in the order in which its function reads them.
pub(super) struct PackedCells {
    pub(super) function: &'static str,
    pub(super) w: Vec<f32>,
    pub(super) u: Vec<f32>,
    /// Of a GRU with the reset before the product: U of the candidate.
    pub(super) v: Option<Vec<f32>>,
    pub(super) b: Vec<f32>,
    /// Buffers of H numbers that a step needs.
    pub(super) gates: usize,
}

impl PackedCells {
    pub(super) fn of(inputs: usize, units: usize, cells: &Cells) -> Self {
        let block = |gate: usize| gate * units..(gate + 1) * units;
        let blocks = |gates: &[usize]| gates.iter().flat_map(|&gate| block(gate)).collect::<Vec<usize>>();
        // The other reading of z is its pre-activation negated.
        let turned = |row: usize, value: f32| {
            if cells.inverted && block(1).contains(&row) { -value } else { value }
        };
        let matrix = |weight: &[f32], columns: usize, rows: &[usize]| {
            let weight: Vec<f32> =
                weight.iter().enumerate().map(|(at, &value)| turned(at / columns, value)).collect();
            transposed(&weight, columns, rows)
        };
        let of = |bias: Option<&[f32]>, row: usize| bias.map_or(0.0, |bias| turned(row, bias[row]));
        let sum = |row: usize| 0.0 + of(cells.bias_ih, row) + of(cells.bias_hh, row);
        let (w, u) = (
            |gates: &[usize]| matrix(cells.weight_ih, inputs, &blocks(gates)),
            |gates: &[usize]| matrix(cells.weight_hh, units, &blocks(gates)),
        );
        let sums = |gates: &[usize]| blocks(gates).into_iter().map(sum).collect::<Vec<f32>>();
        match cells.cell {
            Equations::Lstm => {
                let all = [0, 1, 2, 3];
                Self { function: "lstm", w: w(&all), u: u(&all), v: None, b: sums(&all), gates: 4 }
            }
            Equations::Gru => {
                let mut b: Vec<f32> = block(2).map(|row| of(cells.bias_ih, row)).collect();
                b.extend(sums(&[0, 1]));
                b.extend(block(2).map(|row| of(cells.bias_hh, row)));
                Self { function: "gru", w: w(&[2, 0, 1]), u: u(&[0, 1, 2]), v: None, b, gates: 4 }
            }
            Equations::GruResetBefore => Self {
                function: "gru_reset_before",
                w: w(&[2, 0, 1]),
                u: u(&[0, 1]),
                v: Some(u(&[2])),
                b: sums(&[2, 0, 1]),
                gates: 5,
            },
            Equations::Rnn | Equations::RnnRelu => {
                let function = if cells.cell == Equations::RnnRelu { "rnn_relu" } else { "rnn" };
                Self { function, w: w(&[0]), u: u(&[0]), v: None, b: sums(&[0]), gates: 1 }
            }
        }
    }
}

/// Some rows of `weight`, which has so many columns, as columns.
pub(super) fn transposed(weight: &[f32], columns: usize, rows: &[usize]) -> Vec<f32> {
    (0..columns).flat_map(|column| rows.iter().map(move |row| weight[row * columns + column])).collect()
}
