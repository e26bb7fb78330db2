//! The gradient of the loss with respect to the state after every step.

use std::sync::Arc;

use super::arrangement::in_callers_order;
use super::ranked::Ranked;
use crate::{Layout, Result, Rows};

/// How much the loss changes with the state after each step, in one direction of one layer. Every row is at the
/// caller's sequence and step, in the reverse direction too: what precedes a step there is the step after it.
///
/// h and c count as two variables, as they do in an initial state: `hidden` is dL/dh through the layer's output at that
/// step and through everything that the direction computes afterwards, `cell` is dL/dc through what it computes
/// afterwards. What c does to h of its own step is not in it: that is dL/dh ⊙ o ⊙ (1 − tanh²(c)) for a plain LSTM.
#[derive(Debug, Clone)]
pub struct StateGradients {
    /// The layer, from 0.
    pub layer: usize,
    /// 0 forward, 1 reverse.
    pub direction: usize,
    /// dL/dh after each step, `[R, H]`, or `[R, P]` with a projection.
    pub hidden: Rows,
    /// dL/dc after each step, `[R, H]`; None where the cell has none.
    pub cell: Option<Rows>,
}

impl StateGradients {
    /// ‖dL/dh‖₂ over all sequences, 0, 1, 2 … steps before the last that the direction reads of each: how the gradient
    /// vanishes or explodes with the distance in time.
    pub fn norms(&self) -> Vec<f64> {
        let (layout, width) = (&self.hidden.layout, self.hidden.features);
        let mut squares = vec![0.0; layout.steps().len()];
        for (step, &batch) in layout.steps().batch_sizes().iter().enumerate() {
            for (rank, &length) in layout.lengths()[..batch].iter().enumerate() {
                let distance = if self.direction == 0 { length - 1 - step } else { step };
                let row = &self.hidden.data[(layout.steps().offset(step) + rank) * width..][..width];
                squares[distance] += row.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
            }
        }
        squares.into_iter().map(f64::sqrt).collect()
    }

    /// From rows in the order in which the direction reads.
    pub(super) fn new(layer: usize, direction: usize, states: Ranked, layout: &Arc<Layout>) -> Result<Self> {
        let [hidden, cell] = states.widths();
        let hidden = in_callers_order(states.hidden, hidden, direction, layout)?;
        let cell = match cell {
            0 => None,
            width => Some(in_callers_order(states.cell, width, direction, layout)?),
        };
        Ok(Self { layer, direction, hidden, cell })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use sumun_testing::Random;

    use super::*;
    use crate::nn::{CellKind, CellOptions, InputGradient, Recurrent, RecurrentConfig, RecurrentState};
    use crate::noise::Noise;
    use crate::{Fill, Parameters};

    const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

    fn stack(config: &RecurrentConfig) -> (Recurrent, Parameters) {
        let (mut parameters, mut rng) = (Parameters::new(), ChaCha8Rng::seed_from_u64(11));
        (Recurrent::new(config.clone(), &mut parameters, "", &mut rng).unwrap(), parameters)
    }

    /// Gradients by step and of the initial state.
    fn gradients(
        config: &RecurrentConfig,
        initial: Option<&RecurrentState>,
        [x, d_out]: [Rows; 2],
    ) -> (Vec<StateGradients>, RecurrentState) {
        let (stack, mut parameters) = stack(config);
        let (_, _, cache) = stack.forward_train_with_state(&parameters, x, initial, NOISE).unwrap();
        let wanted = InputGradient::Skip;
        let (_, d_initial, by_step) =
            stack.backward_by_step(&mut parameters, cache, d_out, None, wanted).unwrap();
        (by_step, d_initial)
    }

    /// A sequence cut after step t, the rest started from the state there: the gradient of that state is what is written
    /// of step t, in every layer for c, and for h of the last layer but for the output's own gradient.
    #[test]
    fn they_are_the_gradients_of_the_states_where_a_sequence_is_cut() {
        let (n, steps, hidden) = (3, 7, 21);
        for &cell in CellKind::ALL {
            for projection in [None, (cell == CellKind::Lstm).then_some(5)] {
                let options = CellOptions { projection, ..CellOptions::default() };
                let config = RecurrentConfig { layers: 2, options, ..RecurrentConfig::new(cell, 3, hidden) };
                let (width, cells) = (config.state_features(), config.cell_features());
                let mut random = Random::new(5);
                let (x, d) = (random.normals(n * steps * 3, 1.0), random.normals(n * steps * width, 1.0));
                let rows = |from: usize, to: usize| {
                    let part = |values: &[f32], width: usize| {
                        let values = values[from * n * width..to * n * width].to_vec();
                        Rows::new(values, width, Layout::full(n, to - from).unwrap()).unwrap()
                    };
                    [part(&x, 3), part(&d, width)]
                };
                let (by_step, _) = gradients(&config, None, rows(0, steps));
                assert_eq!(
                    by_step.iter().map(|g| (g.layer, g.direction)).collect::<Vec<_>>(),
                    [(0, 0), (1, 0)]
                );
                for t in 0..steps - 1 {
                    let (stack, parameters) = stack(&config);
                    let [x, _] = rows(0, t + 1);
                    let (_, state) = stack.forward_with_state(&parameters, x, None).unwrap();
                    let (_, d_state) = gradients(&config, Some(&state), rows(t + 1, steps));
                    let of_top: Vec<f32> = d_state.hidden[n * width..]
                        .iter()
                        .zip(&rows(t, t + 1)[1].data[..])
                        .map(|(after, own)| after + own)
                        .collect();
                    let at = t * n * width;
                    assert_eq!(by_step[1].hidden.data[at..at + n * width], of_top, "{cell:?}, step {t}");
                    let of_cells: Vec<f32> = by_step
                        .iter()
                        .filter_map(|g| g.cell.as_ref())
                        .flat_map(|rows| rows.data[t * n * cells..(t + 1) * n * cells].to_vec())
                        .collect();
                    assert_eq!(of_cells, d_state.cell, "{cell:?}, step {t}");
                }
                let last = (steps - 1) * n;
                assert_eq!(by_step[1].hidden.data[last * width..], d[last * width..]);
                assert!(
                    by_step
                        .iter()
                        .filter_map(|g| g.cell.as_ref())
                        .all(|rows| { rows.data[last * cells..].iter().all(|&v| v == 0.0) })
                );
            }
        }
    }

    /// h = u·h before, for ever: the gradient of the last state falls by u with every step, in both directions and in
    /// every length.
    #[test]
    fn norms_fall_with_the_distance_in_time() {
        let linear = CellOptions {
            candidate_activation: Some(crate::nn::ActivationFunction::Linear),
            ..CellOptions::default()
        };
        let config = RecurrentConfig {
            bidirectional: true,
            options: linear,
            output: crate::nn::Output::Last,
            ..RecurrentConfig::new(CellKind::RnnTanh, 1, 1)
        };
        let (stack, mut parameters) = stack(&config);
        for name in ["weight_hh_l0", "weight_hh_l0_reverse"] {
            let id = parameters.find(name).unwrap();
            parameters.value_mut(id)[0] = 0.5;
        }
        let layout = Layout::ragged(&[2, 4, 0], 4).unwrap();
        let x = Rows::new(vec![1.0; 6], 1, layout).unwrap();
        let (_, _, cache) = stack.forward_train_with_state(&parameters, x, None, NOISE).unwrap();
        let d = Rows::one_step(vec![3.0, 3.0, 4.0, 4.0, 9.0, 9.0], 2, 3).unwrap();
        let wanted = InputGradient::Skip;
        let (_, _, by_step) = stack.backward_by_step(&mut parameters, cache, d, None, wanted).unwrap();
        for gradients in by_step {
            assert_eq!(gradients.norms(), [5.0, 2.5, 1.0, 0.5], "direction {}", gradients.direction);
        }
    }

    /// The reverse direction of a batch with lengths and holes is a forward layer on turned sequences.
    #[test]
    fn the_reverse_direction_is_told_in_the_callers_order() {
        let mask: Vec<bool> = (0..4 * 9).map(|cell| cell % 9 != 4 && !(9..13).contains(&cell)).collect();
        let layout = Layout::masked(&mask, 4, 9, Fill::Zero).unwrap();
        let both = RecurrentConfig { bidirectional: true, ..RecurrentConfig::new(CellKind::Lstm, 3, 5) };
        let one = RecurrentConfig { bidirectional: false, ..both.clone() };
        let mut random = Random::new(5);
        let x = Rows::new(random.normals(layout.rows() * 3, 1.0), 3, layout.clone()).unwrap();
        let d = Rows::new(random.normals(layout.rows() * 10, 1.0), 10, layout.clone()).unwrap();
        let (by_step, _) = gradients(&both, None, [x.clone(), d.clone()]);

        let turn = |rows: &Rows, columns: std::ops::Range<usize>| {
            let map = layout.reversed().as_slice();
            let row = |&row: &u32| &rows.data[row as usize * rows.features..][columns.clone()];
            Rows::new(map.iter().flat_map(row).copied().collect(), columns.len(), layout.clone()).unwrap()
        };
        let (stack_of_both, all) = stack(&both);
        assert_eq!(stack_of_both.config(), &both);
        let (alone, mut parameters) = stack(&one);
        for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
            let from = all.find(&format!("{name}_l0_reverse")).unwrap();
            let to = parameters.find(&format!("{name}_l0")).unwrap();
            parameters.value_mut(to).copy_from_slice(all.value(from));
        }
        let (_, _, cache) = alone.forward_train_with_state(&parameters, turn(&x, 0..3), None, NOISE).unwrap();
        let wanted = InputGradient::Skip;
        let (_, _, want) =
            alone.backward_by_step(&mut parameters, cache, turn(&d, 5..10), None, wanted).unwrap();
        assert_eq!(by_step[1].hidden.data, turn(&want[0].hidden, 0..5).data);
        let cells = [by_step[1].cell.as_ref(), want[0].cell.as_ref()].map(Option::unwrap);
        assert_eq!(cells[0].data, turn(cells[1], 0..5).data);
        assert!(cells[0].data.iter().any(|&v| v != 0.0));
    }
}
