//! Checkpoints save the memory that they promise, counted by the allocator.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_nn::nn::{CellKind, Checkpoints, InputGradient, Layer, Output, Recurrent, RecurrentConfig};
use sumun_nn::noise::Noise;
use sumun_nn::{Layout, Parameters, Rows};

const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

/// What one training step of a new stack needs at most beyond its parameters and its input, in bytes, and the
/// gradients that it finds.
fn peak(config: &RecurrentConfig, steps: usize) -> (usize, Vec<f32>) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let stack = Recurrent::new(config.clone(), &mut parameters, "", &mut rng).unwrap();
    let x = (0..steps * config.input).map(|k| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993).collect();
    let x = Rows::new(x, config.input, Layout::full(1, steps).unwrap()).unwrap();
    let allocated = allocation_counter::measure(|| {
        let (out, cache) = stack.forward_train(&parameters, x, NOISE).unwrap();
        let d_out = Rows::new(vec![1.0; out.data.len()], out.features, out.layout.clone()).unwrap();
        drop(out);
        stack.backward(&mut parameters, cache, d_out, InputGradient::Skip).unwrap();
    });
    (allocated.bytes_max as usize, parameters.gradients().to_vec())
}

#[test]
fn ten_thousand_steps_train_in_the_memory_of_a_few_hundred() {
    for cell in [CellKind::RnnTanh, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore] {
        let all = RecurrentConfig { output: Output::Last, ..RecurrentConfig::new(cell, 2, 64) };
        let config = RecurrentConfig { checkpoints: Checkpoints::Sqrt, ..all.clone() };
        let ((whole, want), (saved, found)) = (peak(&all, 10_000), peak(&config, 10_000));
        assert_eq!(found, want, "{cell:?}");
        assert!(saved * 12 < whole, "{cell:?}: {whole} bytes, {saved} with checkpoints");

        // Beyond what does not depend on T, a hundred times the steps take some ten times the memory.
        let [fixed, short] = [1, 100].map(|steps| peak(&config, steps).0);
        let (saved, short) = (saved - fixed, short - fixed);
        assert!(saved < 15 * short, "{cell:?}: {short} bytes for 100 steps, {saved} for 10,000");
    }

    // Of two layers and directions what flows between them is kept, as long as the sequence.
    let all =
        RecurrentConfig { layers: 2, bidirectional: true, ..RecurrentConfig::new(CellKind::Lstm, 2, 32) };
    let config = RecurrentConfig { checkpoints: Checkpoints::Sqrt, ..all.clone() };
    let ((whole, want), (saved, found)) = (peak(&all, 10_000), peak(&config, 10_000));
    assert_eq!(found, want);
    assert!(saved * 3 < whole, "{whole} bytes, {saved} with checkpoints");
}
