//! The layouts of weights: Keras' `[in, out]` with its order of gates, and PyTorch's, which are those here.

use sumun_formats::Tensor;

use crate::nn::CellKind;
use crate::{Error, Result};

/// How the gates of a cell are ordered: the places of PyTorch's blocks among Keras', which are their own inverse.
fn blocks(cell: CellKind) -> &'static [usize] {
    match cell.gates() {
        // r z n and z r h.
        3 => &[1, 0, 2],
        // i f g o and i f c o.
        4 => &[0, 1, 2, 3],
        _ => &[0],
    }
}

/// The transposed of `[rows, columns]`.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

/// The values of `[a, b, c]` as `[c, b, a]`: the weight of a convolution `[O, I, K]` as Keras' kernel `[K, I, O]`, and back.
pub(super) fn turned(values: &[f32], [a, b, c]: [usize; 3]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for z in 0..c {
        for y in 0..b {
            out.extend((0..a).map(|x| values[(x * b + y) * c + z]));
        }
    }
    out
}

/// Blocks of `values` in the other order.
fn reordered(cell: CellKind, values: &[f32]) -> Vec<f32> {
    let blocks = blocks(cell);
    let block = values.len() / blocks.len();
    blocks.iter().flat_map(|&at| &values[at * block..(at + 1) * block]).copied().collect()
}

/// The values of an array of that shape. Error: another shape, or integers.
pub(super) fn expect(layer: &str, what: &str, tensor: &Tensor, shape: &[usize]) -> Result<Vec<f32>> {
    if tensor.shape() != shape {
        return Err(Error::Shape {
            what: format!("the weight {what} of {layer}"),
            expected: format!("{shape:?}"),
            found: format!("{:?}", tensor.shape()),
        });
    }
    tensor.to_f32().map_err(|error| Error::Model(format!("the weight {what} of {layer}: {error}")))
}

/// A kernel `[in, G·H]` as `weight_ih` or `weight_hh` `[G·H, in]`.
pub(super) fn kernel_in(cell: CellKind, values: &[f32], inputs: usize) -> Vec<f32> {
    let columns = values.len() / inputs.max(1);
    reordered(cell, &transposed(values, inputs, columns))
}

/// `weight_ih` or `weight_hh` `[G·H, in]` as a kernel `[in, G·H]`.
pub(super) fn kernel_out(cell: CellKind, values: &[f32], inputs: usize) -> Vec<f32> {
    let rows = values.len() / inputs.max(1);
    transposed(&reordered(cell, values), rows, inputs)
}

/// A bias `[G·H]`, in either direction.
pub(super) fn bias(cell: CellKind, values: &[f32]) -> Vec<f32> {
    reordered(cell, values)
}

/// `bias_ih` and `bias_hh` as the one bias of a cell of Keras: both, `[2, G·H]`, where the cell needs both, else their sum.
pub(super) fn biases_out(cell: CellKind, input: &[f32], hidden: &[f32]) -> Result<Tensor> {
    let (input, hidden) = (bias(cell, input), bias(cell, hidden));
    Ok(match cell.spec().biases_differ() {
        true => Tensor::f32(vec![2, input.len()], [input, hidden].concat())?,
        false => Tensor::f32(vec![input.len()], input.iter().zip(&hidden).map(|(a, b)| a + b).collect())?,
    })
}

/// A kernel of CuDNN's layers `[in, G·H]` as `weight_ih`: of each gate, the numbers of its `[in, H]` are those of `[H, in]`.
pub(super) fn cudnn_kernel(cell: CellKind, values: &[f32], inputs: usize, units: usize) -> Vec<f32> {
    let gates = blocks(cell).len();
    let mut out = Vec::with_capacity(values.len());
    for gate in 0..gates {
        let rows = values.chunks_exact(gates * units).take(inputs);
        out.extend(rows.flat_map(|row| &row[gate * units..(gate + 1) * units]));
    }
    reordered(cell, &out)
}
