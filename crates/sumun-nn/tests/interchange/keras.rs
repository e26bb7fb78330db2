//! Models of Keras in and out.

use sumun_formats::Tensors;
use sumun_formats::keras;
use sumun_formats::safetensors;
use sumun_nn::interchange::{Import, apply, of_keras, to_keras, to_keras_h5};
use sumun_nn::model::Model;
use sumun_testing::assert_close;

const MODELS: [&str; 4] =
    ["model_bidirectional_masked", "model_gru_sequence_labels", "model_simple_rnn", "model_stacked_lstm"];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(sumun_testing::golden_dir().join("keras_models").join(name)).unwrap()
}

fn import(bytes: &[u8]) -> Import {
    of_keras(&keras::read(bytes).unwrap()).unwrap()
}

fn floats(tensors: &Tensors, name: &str) -> Vec<f32> {
    tensors.get(name).unwrap().to_f32().unwrap()
}

/// What a model answers to the input of a golden file.
fn answer(model: &Model, expected: &Tensors) -> Tensors {
    let mut inputs = Tensors::new();
    inputs.insert("input".into(), expected.get("input").unwrap().clone(), "test").unwrap();
    apply(model, &inputs, &Tensors::new()).unwrap()
}

#[test]
fn models_of_keras_answer_as_in_keras() {
    for name in MODELS {
        let expected = safetensors::read(&golden(&format!("{name}.expected.safetensors"))).unwrap().tensors;
        for form in ["keras", "h5"] {
            let Import { model, notes } = import(&golden(&format!("{name}.{form}")));
            assert!(notes.is_empty(), "{name}.{form}: {notes:?}");
            let answer = answer(&model, &expected);
            let want = floats(&expected, "output");
            assert_close(&format!("{name}.{form}"), &floats(&answer, "output"), &want, 1e-5, 1e-4);
            assert_eq!(
                answer.get("output").unwrap().shape(),
                expected.get("output").unwrap().shape(),
                "{name}.{form}"
            );
            // Out and in again.
            for bytes in [to_keras(&model).unwrap(), to_keras_h5(&model).unwrap()] {
                let Import { model: again, notes } = import(&bytes);
                assert!(notes.is_empty(), "{name}.{form}: {notes:?}");
                assert_eq!(again.config(), model.config(), "{name}.{form}");
                assert_eq!(again.parameters().values(), model.parameters().values(), "{name}.{form}");
            }
        }
    }
}
