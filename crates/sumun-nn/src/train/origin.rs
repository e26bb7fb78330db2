//! Where a training went off: the gradient or weight that is not finite, by the names of its parameter and gate.

use crate::origin::{Origin, Place};
use crate::parameters::{Entry, Parameters};

/// The part of an entry that has the number at `index` of its own.
fn place(entry: &Entry, index: usize) -> Place {
    let block = entry.range.len() / entry.gates.len().max(1);
    let gate = entry.gates.get(index / block.max(1)).copied();
    Place { parameter: entry.name.clone(), gate }
}

/// The gradient with which it began, if one is not finite.
pub(super) fn of_gradients(parameters: &Parameters) -> Option<Origin> {
    let found = |entry: &Entry| {
        let index = parameters.gradients()[entry.range.clone()].iter().position(|v| !v.is_finite())?;
        Some(Origin::Gradient(place(entry, index)))
    };
    let entries = parameters.entries().iter().rev();
    entries.filter(|entry| entry.is_optimized()).find_map(found)
}

/// The first weight that is not finite, or the trained one that is farthest from 0; None without weights. A running statistic may
/// be large and well.
pub(super) fn of_weights(parameters: &Parameters) -> Option<Origin> {
    let mut largest: Option<(f32, &Entry, usize)> = None;
    for entry in parameters.entries() {
        for (index, &value) in parameters.values()[entry.range.clone()].iter().enumerate() {
            if !value.is_finite() {
                return Some(Origin::Weight(place(entry, index)));
            }
            if entry.is_optimized() && largest.is_none_or(|(weight, ..)| value.abs() > weight) {
                largest = Some((value.abs(), entry, index));
            }
        }
    }
    largest.map(|(weight, entry, index)| Origin::Largest { weight, place: place(entry, index) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 6 numbers of two gates, then a bias, then a head.
    fn parameters() -> Parameters {
        let mut parameters = Parameters::new();
        let weight = parameters.add("rnn.weight", &[2, 3], vec![0.0; 6]).unwrap();
        parameters.set_gates(weight, vec!["i", "f"]);
        parameters.add("rnn.bias", &[2], vec![0.0; 2]).unwrap();
        parameters.add("head.weight", &[2], vec![0.5, -2.0]).unwrap();
        parameters
    }

    #[test]
    fn a_gradient_begins_in_the_layer_nearest_to_the_outputs() {
        let mut parameters = parameters();
        assert_eq!(of_gradients(&parameters), None);
        parameters.gradients_mut()[1] = f32::NAN;
        parameters.gradients_mut()[4] = f32::INFINITY;
        let said = of_gradients(&parameters).unwrap().to_string();
        assert_eq!(said, "beginning with the gradient of gate i of rnn.weight");
        parameters.gradients_mut()[1] = 0.0;
        let said = of_gradients(&parameters).unwrap().to_string();
        assert_eq!(said, "beginning with the gradient of gate f of rnn.weight");
        parameters.gradients_mut()[9] = f32::NAN;
        let said = of_gradients(&parameters).unwrap().to_string();
        assert_eq!(said, "beginning with the gradient of head.weight");
    }

    #[test]
    fn weights_are_not_finite_or_the_largest_is_said() {
        let mut parameters = parameters();
        let said = of_weights(&parameters).unwrap().to_string();
        assert_eq!(said, "the weight farthest from 0 is 2.000e0, in head.weight");
        parameters.values_mut()[5] = f32::NAN;
        let said = of_weights(&parameters).unwrap().to_string();
        assert_eq!(said, "the first weight that is not finite is in gate f of rnn.weight");
        assert_eq!(of_weights(&Parameters::new()), None);
    }
}
