//! The state of a recurrence, and where one is written.

/// The state of N sequences in rank order (longest first), or the gradient of one.
#[derive(Debug, Clone, Copy)]
pub struct State<'a, F> {
    /// h, `[N, H]`, or `[N, P]` with a projection.
    pub hidden: &'a [F],
    /// c, `[N, H]` for an LSTM; empty otherwise.
    pub cell: &'a [F],
}

/// Where a state, or the gradient of one, is written.
#[derive(Debug)]
pub struct StateMut<'a, F> {
    /// h, `[N, H]`, or `[N, P]` with a projection.
    pub hidden: &'a mut [F],
    /// c, `[N, H]` for an LSTM; empty otherwise.
    pub cell: &'a mut [F],
}

impl<F> StateMut<'_, F> {
    /// The state as it is now.
    pub(crate) fn view(&self) -> State<'_, F> {
        State { hidden: self.hidden, cell: self.cell }
    }

    /// Becomes `from`, or zeros.
    pub(crate) fn start(&mut self, from: Option<State<'_, F>>)
    where
        F: Copy + Default,
    {
        match from {
            Some(from) => {
                self.hidden.copy_from_slice(from.hidden);
                self.cell.copy_from_slice(from.cell);
            }
            None => {
                self.hidden.fill(F::default());
                self.cell.fill(F::default());
            }
        }
    }
}
