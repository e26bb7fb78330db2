//! The two products that attention is made of, each number one chain of multiply-adds in a fixed order.

use sumun_kernels::linear::{self, LinearDims, Packed};
use sumun_kernels::{InputGradient, Path, RowsMut, RowsRef};

use crate::Result;

/// `out[i][j]` = `a[i]` · `b[j]`: `a` is `[A, width]`, `b` `[B, width]`, `out` `[A, B]` (overwritten).
///
/// A product does not change when its factors change places, so whichever has fewer rows is packed without changing a bit:
/// a row of `a` by itself gives the bits that it gives among others.
pub(super) fn rows_by_rows(path: Path, width: usize, a: &[f32], b: &[f32], out: &mut [f32]) -> Result<()> {
    let (rows, columns) = (a.len() / width, b.len() / width);
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let product = |x: &[f32], count: usize, weight: &[f32], of: usize, to: &mut [f32]| -> Result<()> {
        let packed = Packed::new(path, width, of, weight, InputGradient::Skip)?;
        Ok(packed.forward(count, &[], RowsRef::dense(x, width), RowsMut::dense(to, of))?)
    };
    if columns < rows {
        return product(a, rows, b, columns, out);
    }
    if rows == 1 {
        // One column is one row.
        return product(b, columns, a, 1, out);
    }
    let mut turned = vec![0.0; rows * columns];
    product(b, columns, a, rows, &mut turned)?;
    transpose(&turned, rows, out);
    Ok(())
}

/// `out[i]` += Σ_j `weights[i][j]` `b[j]`, the last j first: `weights` is `[A, B]`, `b` `[B, width]`, `out` `[A, width]`.
pub(super) fn add_weighted(
    path: Path,
    width: usize,
    weights: &[f32],
    b: &[f32],
    out: &mut [f32],
) -> Result<()> {
    let (rows, terms) = (out.len() / width, b.len() / width);
    if rows == 0 || terms == 0 {
        return Ok(());
    }
    if rows == 1 {
        return add_weighted_turned(path, width, weights, b, out);
    }
    let mut turned = vec![0.0; weights.len()];
    transpose(weights, terms, &mut turned);
    add_weighted_turned(path, width, &turned, b, out)
}

/// As [`add_weighted`], of weights `[B, A]`.
pub(super) fn add_weighted_turned(
    path: Path,
    width: usize,
    weights: &[f32],
    b: &[f32],
    out: &mut [f32],
) -> Result<()> {
    let dims = LinearDims { rows: b.len() / width, input: width, output: out.len() / width };
    if dims.rows == 0 || dims.output == 0 {
        return Ok(());
    }
    let (b, weights) = (RowsRef::dense(b, width), RowsRef::dense(weights, dims.output));
    Ok(linear::backward_weight(path, dims, b, weights, out, &mut [])?)
}

/// `from` is `[rows, columns]`, `to` `[columns, rows]`.
fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
    let rows = from.len() / columns;
    for (row, values) in from.chunks_exact(columns).enumerate() {
        for (column, &value) in values.iter().enumerate() {
            to[column * rows + row] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|k| ((k * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn close(found: f32, exact: f64, path: Path) {
        assert!(
            (f64::from(found) - exact).abs() < 1e-6 * (10.0 + exact.abs()),
            "{path}: {found} for {exact}"
        );
    }

    /// A row alone has the bits that it has among others, whichever side is packed, and the numbers are those of the
    /// definition.
    #[test]
    fn a_row_alone_and_among_others_is_the_same_bits() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            for (rows, columns, width) in [(1, 1, 1), (3, 40, 17), (40, 3, 65), (9, 9, 8), (33, 70, 130)] {
                let (a, b) = (numbers(rows * width, 1), numbers(columns * width, 2));
                let weights = numbers(rows * columns, 3);
                let (mut scores, mut sums) = (vec![9.0; rows * columns], vec![0.0; rows * width]);
                rows_by_rows(path, width, &a, &b, &mut scores).unwrap();
                add_weighted(path, width, &weights, &b, &mut sums).unwrap();
                for row in 0..rows {
                    let (mut score, mut sum) = (vec![9.0; columns], vec![0.0; width]);
                    let at = row * width..(row + 1) * width;
                    rows_by_rows(path, width, &a[at.clone()], &b, &mut score).unwrap();
                    let of = row * columns..(row + 1) * columns;
                    add_weighted(path, width, &weights[of.clone()], &b, &mut sum).unwrap();
                    assert!(score == scores[of.clone()] && sum == sums[at.clone()], "{path} row {row}");
                    for (j, found) in score.iter().enumerate() {
                        let pairs = a[at.clone()].iter().zip(&b[j * width..]);
                        let exact: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                        close(*found, exact, path);
                    }
                    for (k, found) in sum.iter().enumerate() {
                        let terms = weights[of.clone()].iter().enumerate();
                        let exact: f64 =
                            terms.map(|(j, w)| f64::from(*w) * f64::from(b[j * width + k])).sum();
                        close(*found, exact, path);
                    }
                }
            }
        }
    }
}
