//! Models as source code: C is compiled and run beside the model, NumPy is looked at.

mod c;
mod numpy;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_nn::model::{Input, LayerConfig, Model, ModelConfig, RecurrentLayer};

fn model(input: Input, layers: Vec<LayerConfig>) -> Model {
    let mut config = ModelConfig::new(input);
    config.layers = layers;
    let mut model = config.build(5).unwrap();
    // Others than the zeros and ones that biases and statistics begin with, none of them symmetric around 0.
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    model.parameters_mut().values_mut().iter_mut().for_each(|v| *v = *v * 1.3 + rng.random_range(-0.2..0.3));
    model
}

fn numbers(features: usize, layers: Vec<LayerConfig>) -> Model {
    model(Input::numbers(features), layers)
}

fn steps(layer: RecurrentLayer) -> LayerConfig {
    layer.return_sequences(true).into()
}
