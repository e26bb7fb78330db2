//! Matrices that are made here and are not in a file.

/// `[width, width]` with `value` on its diagonal.
pub(super) fn diagonal(width: usize, value: f32) -> Vec<f32> {
    let mut matrix = vec![0.0; width * width];
    matrix.iter_mut().step_by(width + 1).for_each(|place| *place = value);
    matrix
}
