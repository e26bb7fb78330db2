//! C99 source for one step of a stream.

mod arguments;
mod cells;
mod functions;
mod layers;
mod parts;

use self::parts::Parts;
use super::link::What;
use super::plan::{Plan, expect_name};
use crate::error::quoted;
use crate::model::Model;
use crate::{Error, Result};

/// The most weights: source code has about 16 bytes for each.
const MOST_WEIGHTS: usize = 1 << 22;

/// A model as one C99 header for a stream: `NAME_state` holds all that is carried from step to step, `NAME_init` begins, and
/// `NAME_step` takes a row of each input in and gives a row of each output out. Nothing is allocated, nothing is global but constant weights, and
/// activations are the polynomials of the kernels, so that there is no mathematical library beneath it but `sqrt` for layer
/// normalisation, and `fmaf` where it is asked for.
///
/// What it returns after a step is what the model returns of the steps so far, at the last of them; an input of one row a sequence
/// is given the same row at every step. On the
/// portable path of `sumun_kernels` it is the same bits where the compiler fuses no multiply-adds by itself
/// (`-ffp-contract=off`); where that path fuses them, as on AArch64, with `NAME_FUSED` defined. Two things differ: the sigmoid
/// and tanh of a [dense layer](crate::nn::Dense) by at most 4 ulp, and softplus and ELU by at most 1e-6 of the result, because
/// the library takes the system's functions there.
///
/// Errors: a name that is no identifier; a layer without a step of its own, such as a bidirectional one; layers and outputs that
/// read rows of different steps, as behind convolutions of different lengths; over four million weights.
pub fn to_c(model: &Model, name: &str) -> Result<String> {
    expect_name(name)?;
    let weights = model.parameters().len();
    if weights > MOST_WEIGHTS {
        return Err(Error::Model(format!(
            "the model has {weights} weights; C source is written of at most {MOST_WEIGHTS}"
        )));
    }
    let plan = Plan::of(model)?;
    let makes_steps = |what: &What| matches!(what, What::Unflatten { .. });
    if let Some(node) = plan.nodes.iter().find(|node| node.links.iter().any(|link| makes_steps(&link.what))) {
        return Err(Error::Model(format!(
            "the layer {} has no source code in C: it makes several steps of one row, and a stream has one at a time",
            quoted(node.name)
        )));
    }
    let mut parts = Parts::new(&plan);
    for place in 0..plan.nodes.len() {
        parts.node(&plan, place);
    }
    let text = parts.header(&plan);
    Ok(text.replace('@', name).replace('$', &name.to_ascii_uppercase()))
}
