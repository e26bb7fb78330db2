//! Which tags may stand where.

use crate::parameters::MOST_PARAMETERS;
use crate::{Error, Result};

/// Which tags may begin a sequence, follow each other and end it: what a scheme such as BIO says of tags by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRules {
    tags: usize,
    first: Vec<bool>,
    last: Vec<bool>,
    /// `[from, to]`.
    next: Vec<bool>,
}

impl TagRules {
    /// Rules for K tags from whether one, or the beginning, may be followed by another, or the end. Error: no tags, or more than a
    /// model can have weights for.
    ///
    /// ```
    /// use sumun_nn::nn::TagRules;
    /// // Of O, B and I, an I only follows a B or an I.
    /// let rules = TagRules::new(3, |from, to| to != Some(2) || matches!(from, Some(1 | 2)))?;
    /// assert!(rules.allow(&[0, 1, 2, 2]) && !rules.allow(&[0, 2]) && !rules.allow(&[2]));
    /// # Ok::<(), sumun_nn::Error>(())
    /// ```
    pub fn new(tags: usize, may: impl Fn(Option<usize>, Option<usize>) -> bool) -> Result<Self> {
        if tags == 0 || tags.checked_mul(tags).is_none_or(|pairs| pairs > MOST_PARAMETERS) {
            return Err(Error::Invalid(format!(
                "rules for {tags} tags; there must be at least 1, and at most {MOST_PARAMETERS} pairs of tags"
            )));
        }
        let first = (0..tags).map(|to| may(None, Some(to))).collect();
        let last = (0..tags).map(|from| may(Some(from), None)).collect();
        let pairs = (0..tags).flat_map(|from| (0..tags).map(move |to| (from, to)));
        let next = pairs.map(|(from, to)| may(Some(from), Some(to))).collect();
        Ok(Self { tags, first, last, next })
    }

    /// K: how many tags they are for.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// Whether a sequence of tags keeps to them. A tag of K or more does not; an empty sequence does.
    pub fn allow(&self, sequence: &[u32]) -> bool {
        let known = sequence.iter().all(|&tag| (tag as usize) < self.tags);
        let (Some(&first), Some(&last)) = (sequence.first(), sequence.last()) else { return true };
        known
            && self.first[first as usize]
            && self.last[last as usize]
            && sequence.windows(2).all(|pair| self.next[pair[0] as usize * self.tags + pair[1] as usize])
    }

    /// Whether a tag, or the beginning, may be followed by another, or the end. A tag of K or more may not.
    pub fn may(&self, from: Option<usize>, to: Option<usize>) -> bool {
        let known = |tag: Option<usize>| tag.is_none_or(|tag| tag < self.tags);
        known(from)
            && known(to)
            && match (from, to) {
                (Some(from), Some(to)) => self.next[from * self.tags + to],
                (None, Some(to)) => self.first[to],
                (Some(from), None) => self.last[from],
                (None, None) => true,
            }
    }

    /// Which tags may come first, `[K]`.
    pub(super) fn first(&self) -> &[bool] {
        &self.first
    }

    /// Which tags may come last, `[K]`.
    pub(super) fn last(&self) -> &[bool] {
        &self.last
    }

    /// Which tags may follow which, `[from, to]`.
    pub(super) fn next(&self) -> &[bool] {
        &self.next
    }
}
