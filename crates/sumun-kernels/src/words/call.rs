//! The calls of a recurrence, checked when they are made: what takes one needs no further doubt of its sizes.

use crate::words::dims::Dims;
use crate::words::error::{Error, length};
use crate::words::masks::Masks;
use crate::words::real::Real;
use crate::words::rows::{RowsMut, RowsRef};
use crate::words::state::{State, StateMut};
use crate::words::steps::Steps;
use crate::words::weights::Gradients;

/// A forward pass through all steps: what goes in, and where what comes out is written.
///
/// ```
/// use sumun_kernels::{Cell, Dims, Pass, RowsMut, RowsRef, StateMut, Steps};
///
/// let (dims, steps) = (Dims::new(Cell::Lstm, 3, 4), Steps::uniform(5, 2)?);
/// let (x, mut out, mut h, mut c) = ([0.5; 30], [0.0; 40], [0.0; 8], [0.0; 8]);
/// let last = StateMut { hidden: &mut h, cell: &mut c };
/// let (x, out) = (RowsRef::dense(&x, 3), RowsMut::dense(&mut out, 4));
/// let pass = Pass::new(dims, &steps, x, None, out, last)?;
/// # let _: Pass = pass;
/// # Ok::<(), sumun_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Pass<'a, F = f32> {
    pub(crate) dims: Dims,
    pub(crate) steps: &'a Steps,
    pub(crate) x: RowsRef<'a, F>,
    pub(crate) initial: Option<State<'a, F>>,
    pub(crate) masks: Masks<'a, F>,
    pub(crate) out: RowsMut<'a, F>,
    pub(crate) last: StateMut<'a, F>,
}

impl<'a, F: Copy> Pass<'a, F> {
    /// The recurrence that it is for.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// `x` is `[R, I]`; `initial` is the state before the first step, `[N, H]` by rank, zeros where there is none. The hidden
    /// state of every row is written to `out`, `[R, H]`, and the state of each rank at its own last step to `last`,
    /// `[N, H]`. With a projection, h is P wide in all of them.
    ///
    /// # Errors
    /// What [`Dims::check`] refuses, [`Error::TooLarge`] for rows whose arrays cannot be addressed, and [`Error::Length`] for
    /// an array that does not fit.
    pub fn new(
        dims: Dims,
        steps: &'a Steps,
        x: RowsRef<'a, F>,
        initial: Option<State<'a, F>>,
        out: RowsMut<'a, F>,
        last: StateMut<'a, F>,
    ) -> Result<Self, Error> {
        check_input(dims, steps, &x, initial)?;
        out.check("out", steps.rows(), dims.output())?;
        check_state(dims, steps, ["last.hidden", "last.cell"], last.view())?;
        Ok(Self { dims, steps, x, initial, masks: Masks::default(), out, last })
    }

    /// With the noise of recurrent dropout and zoneout, for training. Masks whose option is off are refused, and so are numbers of
    /// zoneout other than 0 and 1.
    pub fn masks(self, masks: Masks<'a, F>) -> Result<Self, Error>
    where
        F: Real,
    {
        masks.check(self.dims, self.steps)?;
        Ok(Self { masks, ..self })
    }
}

/// Whether a gradient replaces what is there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It replaces what is there.
    Overwrite,
    /// It is added to what is there.
    Add,
}

/// A backward pass through all steps: what forward was given and returned, the gradients that come from outside, and where
/// gradients are written. Gradients from outside are zeros until they are given.
#[derive(Debug)]
pub struct Adjoint<'a, F = f32> {
    pub(crate) dims: Dims,
    pub(crate) steps: &'a Steps,
    pub(crate) x: RowsRef<'a, F>,
    pub(crate) initial: Option<State<'a, F>>,
    pub(crate) masks: Masks<'a, F>,
    pub(crate) out: RowsRef<'a, F>,
    pub(crate) d_out: Option<RowsRef<'a, F>>,
    pub(crate) d_last: Option<State<'a, F>>,
    pub(crate) d_x: Option<(RowsMut<'a, F>, Write)>,
    pub(crate) d_initial: StateMut<'a, F>,
    pub(crate) into: Gradients<'a, F>,
    pub(crate) by_step: Option<StateMut<'a, F>>,
}

impl<'a, F: Copy> Adjoint<'a, F> {
    /// The recurrence that it is for.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// `x` and `initial` are forward's, `out` what it wrote. The gradient of the initial state, `[N, H]`, is written to
    /// `d_initial`, also where that state was zeros. Those of the weights are added to `into`, the last row first: a sequence
    /// in pieces, each with the state before it, gives the bits of the whole when the last piece goes first; over bf16, where the
    /// pieces are of multiples of 256 rows. An empty bias there is left out.
    ///
    /// # Errors
    /// As [`Pass::new`].
    pub fn new(
        dims: Dims,
        steps: &'a Steps,
        x: RowsRef<'a, F>,
        initial: Option<State<'a, F>>,
        out: RowsRef<'a, F>,
        d_initial: StateMut<'a, F>,
        into: Gradients<'a, F>,
    ) -> Result<Self, Error> {
        check_input(dims, steps, &x, initial)?;
        out.check("out", steps.rows(), dims.output())?;
        check_state(dims, steps, ["d_initial.hidden", "d_initial.cell"], d_initial.view())?;
        into.check(dims)?;
        let (masks, d_out, d_last, d_x, by_step) = (Masks::default(), None, None, None, None);
        Ok(Self { dims, steps, x, initial, masks, out, d_out, d_last, d_x, d_initial, into, by_step })
    }

    /// Forward's masks.
    pub fn masks(self, masks: Masks<'a, F>) -> Result<Self, Error>
    where
        F: Real,
    {
        masks.check(self.dims, self.steps)?;
        Ok(Self { masks, ..self })
    }

    /// The gradient of the output, `[R, H]`.
    pub fn d_out(self, d_out: impl Into<Option<RowsRef<'a, F>>>) -> Result<Self, Error> {
        let d_out = d_out.into();
        if let Some(d_out) = &d_out {
            d_out.check("d_out", self.steps.rows(), self.dims.output())?;
        }
        Ok(Self { d_out, ..self })
    }

    /// The gradient of the last state, `[N, H]`.
    pub fn d_last(self, d_last: impl Into<Option<State<'a, F>>>) -> Result<Self, Error> {
        let d_last = d_last.into();
        if let Some(d_last) = d_last {
            check_state(self.dims, self.steps, ["d_last.hidden", "d_last.cell"], d_last)?;
        }
        Ok(Self { d_last, ..self })
    }

    /// Where the gradient of the input goes, `[R, I]`; it is not computed where there is no place for it.
    pub fn d_x(self, d_x: impl Into<Option<RowsMut<'a, F>>>, write: Write) -> Result<Self, Error> {
        let d_x = d_x.into();
        if let Some(d_x) = &d_x {
            d_x.check("d_x", self.steps.rows(), self.dims.input)?;
        }
        Ok(Self { d_x: d_x.map(|d_x| (d_x, write)), ..self })
    }

    /// Where the gradient of the state after every step goes: that of h, `[R, H]` (`[R, P]` with a projection), and of c,
    /// `[R, H]`, in the order in which the maps of `x` and `out` name the rows. Where it is not wanted, it costs nothing.
    ///
    /// That of h comes from the output and from the step after it, that of c from the step after it: the gradient that an
    /// initial state of the rest of the sequence would have. The gradient of c through h of the same step is not in it.
    pub fn by_step(self, by_step: impl Into<Option<StateMut<'a, F>>>) -> Result<Self, Error> {
        let by_step = by_step.into();
        if let Some(by_step) = &by_step {
            let rows = self.steps.rows();
            length("by_step.hidden", rows * self.dims.output(), by_step.hidden.len())?;
            length("by_step.cell", rows * self.dims.cell_width(), by_step.cell.len())?;
        }
        Ok(Self { by_step, ..self })
    }
}

/// Checks what forward and backward have in common: after this, no product of rows or sequences and sizes overflows.
fn check_input<F: Copy>(
    dims: Dims,
    steps: &Steps,
    x: &RowsRef<'_, F>,
    initial: Option<State<'_, F>>,
) -> Result<(), Error> {
    dims.check()?;
    x.check("x", steps.fit(dims)?, dims.input)?;
    match initial {
        Some(initial) => check_state(dims, steps, ["initial.hidden", "initial.cell"], initial),
        None => Ok(()),
    }
}

/// Checks a state's two lengths: `[N, H]` each, `[N, P]` for a projected h, and no cell state where the cell has none.
fn check_state<F>(
    dims: Dims,
    steps: &Steps,
    names: [&'static str; 2],
    state: State<'_, F>,
) -> Result<(), Error> {
    length(names[0], steps.sequences() * dims.output(), state.hidden.len())?;
    length(names[1], steps.sequences() * dims.cell_width(), state.cell.len())
}
