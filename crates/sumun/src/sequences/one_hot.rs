//! One-hot vectors: an id becomes a vector of zeros with a single 1.

use ndarray::{Array, ArrayView, AsArray, Dimension};

use super::pad::filled;
use crate::{Error, Ids, Result, Rows};

/// One-hot vectors of ids `[…]`, `[…, classes]`, as PyTorch's `one_hot` but in `f32`, ready to be an input.
///
/// Without `classes`, there are as many as the largest id needs, as in PyTorch: right for a whole data set, wrong for
/// a batch, which may lack the largest. Errors: an id that is not below `classes`; neither ids nor `classes`.
///
/// ```
/// use ndarray::array;
/// let x = sumun::sequences::one_hot(&array![[0, 2], [1, 1]], Some(3))?;
/// assert_eq!(x, array![[[1., 0., 0.], [0., 0., 1.]], [[0., 1., 0.], [0., 1., 0.]]]);
/// # Ok::<(), sumun::Error>(())
/// ```
pub fn one_hot<'a, D: Dimension>(
    ids: impl AsArray<'a, u32, D>,
    classes: Option<usize>,
) -> Result<Array<f32, D::Larger>> {
    let ids: ArrayView<'a, u32, D> = ids.into();
    let classes = match (classes, ids.iter().max()) {
        (Some(classes), _) => classes,
        (None, Some(&largest)) => largest as usize + 1,
        (None, None) => {
            return Err(Error::Invalid(
                "there is no id to count classes by; give the number of classes".into(),
            ));
        }
    };
    let mut shape = D::Larger::zeros(ids.ndim() + 1);
    shape.slice_mut()[..ids.ndim()].copy_from_slice(ids.shape());
    shape[ids.ndim()] = classes;
    let mut out = filled(shape, &0.0_f32)?;
    // The new array is in standard order, as is the iterator over ids: vectors and ids go side by side.
    let values = out.as_slice_mut().unwrap_or_default();
    mark(ids.iter(), values, classes)?;
    Ok(out)
}

/// One-hot vectors `[R, classes]` of packed ids. Error: an id that is not below `classes`.
pub fn one_hot_rows(ids: &Ids, classes: usize) -> Result<Rows> {
    let mut data =
        filled(ndarray::Ix1(ids.data.len().saturating_mul(classes)), &0.0)?.into_raw_vec_and_offset().0;
    mark(ids.data.iter(), &mut data, classes)?;
    Rows::new(data, classes, ids.layout.clone())
}

fn mark<'a>(ids: impl Iterator<Item = &'a u32>, values: &mut [f32], classes: usize) -> Result<()> {
    for (place, &id) in ids.enumerate() {
        if id as usize >= classes {
            return Err(Error::Invalid(format!(
                "id {id} at place {place} is not below {classes} classes; ids count from 0"
            )));
        }
        values[place * classes + id as usize] = 1.0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use ndarray::array;

    /// The examples of PyTorch's `one_hot` page: `arange(0, 5) % 3` with 3 and with 5 classes.
    #[test]
    fn the_examples_of_pytorch() {
        let ids = [0, 1, 2, 0, 1];
        for (classes, width) in [(None, 3), (Some(5), 5)] {
            let vectors = one_hot(&ids, classes).unwrap();
            assert_eq!(vectors.dim(), (5, width));
            for (vector, &id) in vectors.rows().into_iter().zip(&ids) {
                let expected: Vec<f32> = (0..width).map(|k| (k == id as usize) as u8 as f32).collect();
                assert_eq!(vector.to_vec(), expected);
            }
        }
    }

    #[test]
    fn ids_in_any_memory_order_keep_their_places() {
        let ids = array![[0, 2], [1, 0], [2, 1]];
        let vectors = one_hot(ids.t(), Some(3)).unwrap();
        assert_eq!(vectors.dim(), (2, 3, 3));
        assert_eq!(vectors[[0, 2, 2]], 1.0);
        assert_eq!(vectors[[1, 0, 2]], 1.0);
        assert_eq!(vectors.sum(), 6.0);
        assert_eq!(one_hot(ndarray::arr0(1).view(), None).unwrap(), array![0.0, 1.0]);
    }

    #[test]
    fn packed_ids_become_packed_rows() {
        let ids = Ids::pack(&[2, 9, 0, 1], Layout::ragged(&[1, 2], 2).unwrap()).unwrap();
        let rows = one_hot_rows(&ids, 3).unwrap();
        assert_eq!(*rows.data, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn an_id_outside_the_classes_is_named() {
        let none: [u32; 0] = [];
        for (error, expected) in [
            (
                one_hot(&[0, 3], Some(3)).unwrap_err(),
                "id 3 at place 1 is not below 3 classes; ids count from 0",
            ),
            (one_hot(&[0], Some(0)).unwrap_err(), "id 0 at place 0 is not below 0 classes; ids count from 0"),
            (
                one_hot(&none, None).unwrap_err(),
                "there is no id to count classes by; give the number of classes",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
        assert!(one_hot(&[0], Some(usize::MAX)).is_err());
    }
}
