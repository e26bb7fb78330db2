//! Every cell that there is, as a layer of a model: read from TOML, trained, saved and loaded.

use ndarray::Array3;
use sumun_kernels::Path;
use sumun_nn::model::{Batch, Input, Model, ModelConfig, RecurrentLayer};
use sumun_nn::nn::CellKind;

/// The weights of a layer of H units on I features, counted by hand: one direction, as many biases as the cell has.
fn parameters(cell: CellKind, input: usize, hidden: usize) -> usize {
    match cell.spec().kind {
        "rnn" | "rnn_relu" => hidden * (input + hidden + 2),
        "lstm" => 4 * hidden * (input + hidden + 2),
        "gru" | "gru_reset_before" => 3 * hidden * (input + hidden + 2),
        "ind_rnn" => hidden * (input + 2),
        "min_gru" => 2 * hidden * (input + 1),
        "min_lstm" => 3 * hidden * (input + 1),
        "slstm" => 4 * hidden * (input + hidden + 1),
        other => panic!("how many weights has {other}?"),
    }
}

#[test]
fn every_cell_is_a_layer_of_a_model() {
    let x = Array3::from_shape_fn((3, 6, 2), |(n, t, f)| ((n * 7 + t * 3 + f * 5) % 11) as f32 / 5.0 - 1.0);
    let batch = Batch::numbers(x.view()).lengths(&[6, 2, 4]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for &cell in CellKind::ALL {
        let kind = cell.spec().kind;
        let text = format!(
            "[input]\nkind = \"numbers\"\nfeatures = 2\n\n[[layers]]\nkind = \"{kind}\"\nunits = 5\nlayers = 2\nbidirectional = true\n"
        );
        let config = ModelConfig::from_toml(&text).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(ModelConfig::from_toml(&config.to_toml().unwrap()).unwrap(), config, "{kind}");
        let model = config.build(3).unwrap();
        let count = 2 * (parameters(cell, 2, 5) + parameters(cell, 10, 5));
        assert_eq!(model.parameters().values().len(), count, "{kind}");
        let name = format!("{}.weight_ih_l1_reverse", cell.spec().layer);
        assert!(model.parameters().find(&name).is_some(), "{kind}: {name}");

        let out = model.forward(&batch).unwrap().unpack();
        assert!(out.iter().all(|v| v.is_finite()) && out.iter().any(|&v| v != 0.0), "{kind}: {out:?}");
        let path = folder.path().join(kind);
        model.save(&path).unwrap();
        let loaded = Model::load(&path).unwrap();
        assert_eq!(loaded.forward(&batch).unwrap().unpack(), out, "{kind}");
        assert!(
            Path::best().computes(sumun_kernels::Dims::new(cell, 2, 5)),
            "{kind} runs on the fused paths"
        );
    }
}

/// Keras' first weights suit every cell. Where a unit reads its own hidden state alone, an orthogonal weight is 1 or −1.
#[test]
fn every_cell_takes_keras_first_weights() {
    for &cell in CellKind::ALL {
        let kind = cell.spec().kind;
        let layer = RecurrentLayer::new(cell, 5).keras();
        let model = Model::builder(Input::numbers(3)).layer(layer).build(3);
        let model = model.unwrap_or_else(|error| panic!("{kind}: {error}"));
        let parameters = model.parameters();
        let weight = |name: &str| {
            let id = parameters.find(&format!("{}.{name}_l0", cell.spec().layer));
            id.map(|id| (parameters.entry(id).shape.clone(), parameters.value(id)))
        };
        let (shape, values) = weight("weight_ih").unwrap();
        let bound = (6.0 / (shape[0] + shape[1]) as f32).sqrt();
        assert!(
            values.iter().all(|v| v.abs() <= bound) && values.iter().any(|v| v.abs() > 0.5 * bound),
            "{kind}"
        );
        match weight("weight_hh") {
            None => assert!(!cell.spec().kind.contains("rnn"), "{kind} has no recurrent weights"),
            Some((shape, values)) if shape.len() == 1 => {
                assert_eq!(kind, "ind_rnn");
                assert!(values.iter().all(|v| v.abs() == 1.0), "{values:?}");
            }
            Some((shape, values)) => {
                // Orthonormal columns: [G·H, H] has as many.
                for column in 0..shape[1] {
                    let squares = (0..shape[0]).map(|row| values[row * shape[1] + column].powi(2));
                    assert!((squares.sum::<f32>() - 1.0).abs() < 1e-5, "{kind}, column {column}");
                }
            }
        }
    }
}
