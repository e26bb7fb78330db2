//! Rows in tiles.

/// The tiles that [`tiles`] gives: `(start, count)` each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    start: usize,
    rows: usize,
    tiles: usize,
}

/// Splits `rows` evenly into tiles of at most `most` rows: 32 rows by at most 6 are 6, 6, 5, 5, 5, 5.
#[inline(always)]
pub(crate) fn tiles(rows: usize, most: usize) -> Tiles {
    Tiles { start: 0, rows, tiles: rows.div_ceil(most) }
}

impl Iterator for Tiles {
    type Item = (usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        if self.rows == 0 {
            return None;
        }
        let (start, count) = (self.start, self.rows.div_ceil(self.tiles));
        self.start += count;
        self.rows -= count;
        self.tiles -= 1;
        Some((start, count))
    }
}
