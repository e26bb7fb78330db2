//! The weights of a conditional random field as slices.

/// The weights, for K tags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores<'a> {
    /// K.
    pub(super) tags: usize,
    /// `[from, to]`.
    pub(super) transitions: &'a [f32],
    /// `[K]`.
    pub(super) start: &'a [f32],
    /// `[K]`.
    pub(super) end: &'a [f32],
}
