//! Entries that are several ids each, such as a word that is its letters' n-grams.

use crate::{Error, Result};

/// Several ids for each of many entries, in the order of the entries: the rows of an embedding that make one vector together
/// ([`Embedding`](crate::nn::Embedding) says how). A word that was never seen in training is then what its parts are
/// (Bojanowski, Grave, Joulin & Mikolov, *Enriching Word Vectors with Subword Information*, TACL 2017).
///
/// ```
/// use sumun_nn::Bags;
/// let bags = Bags::new([vec![], vec![7, 3], vec![2]])?;
/// assert_eq!((bags.len(), bags.of(1)), (3, &[7, 3][..]));
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bags {
    /// Where each entry's ids end.
    ends: Vec<u32>,
    ids: Vec<u32>,
}

impl Bags {
    /// The ids of each entry, which may be none. Error: more of them than 32 bits count.
    pub fn new<E: AsRef<[u32]>>(entries: impl IntoIterator<Item = E>) -> Result<Self> {
        let mut bags = Self::default();
        for entry in entries {
            bags.push(entry.as_ref())?;
        }
        Ok(bags)
    }

    /// Adds an entry behind the others, and says which it is. Error: more ids or entries than 32 bits count.
    pub fn push(&mut self, ids: &[u32]) -> Result<u32> {
        let end = u32::try_from(self.ids.len() + ids.len());
        let (Ok(entry), Ok(end)) = (u32::try_from(self.ends.len()), end) else {
            return Err(Error::Invalid(format!(
                "{} entries of {} ids and one more of {}; both must fit 32 bits",
                self.ends.len(),
                self.ids.len(),
                ids.len()
            )));
        };
        self.ids.extend_from_slice(ids);
        self.ends.push(end);
        Ok(entry)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The ids of an entry; none of one that is not there.
    pub fn of(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        let Some(&end) = self.ends.get(entry) else { return &[] };
        let start = entry.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start as usize..end as usize]
    }
}
