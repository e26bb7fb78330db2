//! Rows of a table by number: what an embedding looks up, and adds its gradients to.

use std::mem::MaybeUninit;

use crate::drivers::threads::{PARALLEL_FLOATS, for_each_of};
use crate::words::Error;
use crate::words::error::length;
use crate::words::sizes::{array, numbers};

/// Rows that one task copies.
const ROWS_OF_TASK: usize = 512;

/// The rows `ids` of a table of rows of `width` numbers, one after another: `[ids, width]`. A table that is no whole rows, and
/// an id beyond them, are errors.
pub fn look_up(table: &[f32], width: usize, ids: &[u32]) -> Result<Vec<f32>, Error> {
    check(table, width, ids)?;
    let floats = numbers("the rows looked up", [ids.len(), width])?;
    let mut found: Vec<f32> = array(floats)?;
    let to = &mut found.spare_capacity_mut()[..floats];
    let of_task = ROWS_OF_TASK.saturating_mul(width);
    let tasks: Vec<_> = to.chunks_mut(of_task).zip(ids.chunks(ROWS_OF_TASK)).collect();
    for_each_of(tasks, floats >= PARALLEL_FLOATS, |(to, ids): (&mut [MaybeUninit<f32>], &[u32])| {
        for (to, &id) in to.chunks_exact_mut(width).zip(ids) {
            to.write_copy_of_slice(&table[id as usize * width..][..width]);
        }
    });
    // SAFETY: every task has written its whole rows, and together they are all of them.
    unsafe { found.set_len(floats) };
    Ok(found)
}

/// Adds the rows `d`, `[ids, width]`, to rows `ids` of a table, in their order; those of the id `skipped` are left out.
pub fn add_rows(
    table: &mut [f32],
    width: usize,
    ids: &[u32],
    skipped: Option<u32>,
    d: &[f32],
) -> Result<(), Error> {
    let rows = check(table, width, ids)?;
    length("the rows to be added", numbers("the rows to be added", [ids.len(), width])?, d.len())?;
    let parallel = d.len() >= PARALLEL_FLOATS;
    let mut parts = Vec::new();
    let (mut rest, mut first) = (table, 0);
    for end in bounds(ids, if parallel { rayon::current_num_threads() } else { 1 }, rows) {
        let (part, after) = std::mem::take(&mut rest).split_at_mut((end - first) * width);
        parts.push((first, end, part));
        (rest, first) = (after, end);
    }
    // Each part reads all ids, so that each of its rows is added to in order.
    for_each_of(parts, parallel, |(first, end, part)| {
        for (&id, d) in ids.iter().zip(d.chunks_exact(width)) {
            if (first..end).contains(&(id as usize)) && skipped != Some(id) {
                let row = &mut part[(id as usize - first) * width..][..width];
                row.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
        }
    });
    Ok(())
}

/// Rows of the table, all ids being below.
fn check(table: &[f32], width: usize, ids: &[u32]) -> Result<usize, Error> {
    if width == 0 {
        return Err(Error::Zero { what: "the width of a table" });
    }
    let rows = table.len() / width;
    length("a table of whole rows", rows * width, table.len())?;
    match ids.iter().max() {
        Some(&most) if most as usize >= rows => {
            let expected = (most as usize).saturating_add(1);
            Err(Error::Length { what: "the rows of a table", expected, found: rows })
        }
        _ => Ok(rows),
    }
}

/// Where parts of a table's rows end to which about equally many ids belong, estimated from a sample.
fn bounds(ids: &[u32], parts: usize, rows: usize) -> Vec<usize> {
    const SAMPLE: usize = 256;
    let mut sample: Vec<u32> = ids.iter().copied().step_by(ids.len().div_ceil(SAMPLE).max(1)).collect();
    sample.sort_unstable();
    let inner = (1..parts).filter_map(|part| sample.get(part * sample.len() / parts));
    let mut bounds: Vec<usize> = inner.map(|&id| id as usize).collect();
    bounds.push(rows);
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
    }

    /// Many rows of few and of many ids, some far more often than others.
    #[test]
    fn any_number_of_threads_gives_the_bits_of_the_plain_loop() {
        for (rows, width) in [(1, 33), (5, 40), (3000, 21), (400, 64)] {
            let count = PARALLEL_FLOATS / width + 777;
            let number = |k: usize| ((k * 7919) % 1009) as f32 / 504.5 - 1.0;
            let ids: Vec<u32> = (0..count).map(|k| ((k * k * 31 + k) % rows / (1 + k % 3)) as u32).collect();
            let table: Vec<f32> = (0..rows * width).map(number).collect();
            let d: Vec<f32> = (0..count * width).map(|k| number(k + 5)).collect();
            let mut sums = table.clone();
            let mut copies = Vec::new();
            for (&id, d) in ids.iter().zip(d.chunks_exact(width)) {
                let row = id as usize * width..(id as usize + 1) * width;
                copies.extend_from_slice(&table[row.clone()]);
                if id != 3 {
                    sums[row].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
            }
            for threads in [1, 2, 7] {
                let found = on(threads, || look_up(&table, width, &ids).unwrap());
                assert!(found == copies, "{rows} of {width} on {threads}");
                let mut found = table.clone();
                on(threads, || add_rows(&mut found, width, &ids, Some(3), &d).unwrap());
                assert!(found == sums, "{rows} of {width} on {threads}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        // Any width will do where there is no row; 512 rows of some of these are 0 numbers once they wrap.
        for width in [3, 1 << 55, 1 << 63, usize::MAX] {
            assert_eq!(look_up(&[], width, &[]), Ok(Vec::new()));
            assert_eq!(add_rows(&mut [], width, &[], None, &[]), Ok(()));
            assert!(look_up(&[], width, &[0]).is_err() && look_up(&[0.0; 2], width, &[]).is_err());
            assert!(add_rows(&mut [0.0], width, &[0, 0], None, &[]).is_err());
        }
        let error = look_up(&[0.0; 6], 3, &[1, 2]).unwrap_err().to_string();
        assert_eq!(error, "the rows of a table: expected 3 values, found 2");
        assert!(look_up(&[0.0; 7], 3, &[1]).is_err() && look_up(&[0.0; 6], 0, &[]).is_err());
        let mut table = [0.0; 6];
        assert!(add_rows(&mut table, 3, &[0, 2], None, &[1.0; 6]).is_err());
        assert!(add_rows(&mut table, 3, &[0, 1], None, &[1.0; 5]).is_err());
        assert_eq!(table, [0.0; 6]);
    }
}
