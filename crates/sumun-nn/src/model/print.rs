//! A model as PyTorch prints a module.

use std::fmt;

use super::layer_config::LayerConfig;
use super::network::Model;
use super::plan::PlannedLayer;
use crate::layer::Common;

/// As PyTorch prints a module: a layer a line, with its sizes and every option that is not the usual one.
///
/// ```text
/// Model(
///   (embedding): Embedding(10000, 64)
///   (lstm): LSTM(64, 64, bidirectional=True)
///   (dense): Dense(in_features=128, out_features=1, bias=True)
/// )
/// ```
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Model(")?;
        for (layer, planned) in self.graph.config.layers.iter().zip(&self.graph.plan.layers) {
            writeln!(f, "  ({}): {}", planned.name, line(layer, planned))?;
        }
        write!(f, ")")
    }
}

fn line(layer: &LayerConfig, planned: &PlannedLayer) -> String {
    let Some(&input) = planned.inputs.first() else { return planned.name.clone() };
    let (head, mut options) = layer.print(input);
    let Common { trainable, learning_rate, noise, .. } = layer.common();
    if !trainable {
        options.push("trainable=False".into());
    }
    if *learning_rate != 1.0 {
        options.push(format!("learning_rate={learning_rate}"));
    }
    if let Some(noise) = noise {
        options.push(format!("noise={noise}"));
    }
    format!("{head}({})", options.join(", "))
}
