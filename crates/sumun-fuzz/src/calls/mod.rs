//! Random sequences of public calls, with sizes that lie. The bytes of an input are what chooses: calls, sizes, values.
//!
//! Buffers are as long as they say and no longer, so that a memory checker sees every read and write beside them. What comes
//! back is an error, or right: a fused recurrence is compared with the reference.

mod choice;
mod layers;
mod learning;
mod parts;
mod recurrence;
mod stacks;

use choice::Choice;

/// How many calls an input makes at most.
const MOST_CALLS: usize = 12;

type Call = fn(&mut Choice<'_>) -> Result<(), String>;

/// Calls of `sumun-kernels`.
pub fn kernels(bytes: &[u8]) -> Result<(), String> {
    calls(
        bytes,
        &[
            recurrence::run,
            recurrence::run,
            recurrence::run,
            parts::linear,
            parts::packed,
            parts::table,
            parts::rows,
            parts::update,
            parts::steps,
        ],
    )
}

/// Calls of `sumun-kernels` over rounded numbers.
pub fn rounded(bytes: &[u8]) -> Result<(), String> {
    calls(bytes, &[recurrence::rounded, recurrence::rounded, parts::rounded])
}

/// Calls of `sumun-nn`.
pub fn layers(bytes: &[u8]) -> Result<(), String> {
    calls(
        bytes,
        &[
            layers::run,
            layers::run,
            layers::embedding,
            layers::combine,
            layers::moved,
            stacks::arrays,
            stacks::model,
            stacks::stream,
            learning::losses,
            learning::optimizer,
            learning::rates,
            learning::rows,
        ],
    )
}

/// Makes calls while there are bytes to choose by. Refused where all of them were.
fn calls(bytes: &[u8], all: &[Call]) -> Result<(), String> {
    let mut choice = Choice::new(bytes);
    let mut outcome = Err("no call was made".to_owned());
    for _ in 0..MOST_CALLS {
        if choice.is_empty() {
            break;
        }
        let call = all[choice.below(all.len())];
        outcome = call(&mut choice).or(outcome);
    }
    outcome
}
