//! Many short texts in one buffer: a table of millions of cells is no heap of millions of allocations.

/// Texts one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cells {
    text: String,
    /// Where each ends; it begins where the one before it ends.
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    pub(super) fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[place]]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.range(0..self.len())
    }

    pub(super) fn range(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = &str> {
        places.map(|place| self.get(place))
    }

    /// Gives back what was reserved beyond what is held.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_was_put_in() {
        let mut cells = Cells::default();
        for cell in ["", "수문", "", "1.5"] {
            cells.push(cell);
        }
        assert_eq!(cells.iter().collect::<Vec<_>>(), ["", "수문", "", "1.5"]);
        assert_eq!(cells.range(1..3).collect::<Vec<_>>(), ["수문", ""]);
        assert_eq!((cells.len(), cells.get(3)), (4, "1.5"));
    }
}
