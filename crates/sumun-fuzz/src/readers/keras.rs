//! Files of Keras, and the models made of them.

use sumun_formats::{Data, ElementType, Tensor, Tensors, keras as format};
use sumun_nn::interchange::{apply, of_keras, to_keras, to_keras_h5};
use sumun_nn::model::{Input, Model};

use super::{choices, said};

/// Sequences and steps that a model is run on.
const SIZES: [usize; 2] = [2, 3];

/// Weights and features of models that are run: larger ones are as large as their file says, and only take longer.
const MOST: usize = 1 << 16;

/// A file of Keras as a model, which is run and written again where it is small.
pub fn keras(bytes: &[u8]) -> Result<(), String> {
    let file = said(format::read(bytes))?;
    let import = said(of_keras(&file))?;
    let model = &import.model;
    if model.parameters().values().len() > MOST {
        return Ok(());
    }
    if let Some(inputs) = inputs(model)? {
        // Numbers that overflow are an error that says so.
        let _ = apply(model, &inputs, &Tensors::new());
    }
    // What Keras has no layer for is refused; what it has is read again.
    let written = if choices(bytes).below(2) == 0 { to_keras(model) } else { to_keras_h5(model) };
    match written {
        Ok(written) => said(of_keras(&said(format::read(&written))?)).map(drop),
        Err(_) => Ok(()),
    }
}

/// Small arrays for a model; None where one of them would be large.
fn inputs(model: &Model) -> Result<Option<Tensors>, String> {
    let mut tensors = Tensors::new();
    let [n, t] = SIZES;
    for (name, input) in &model.config().inputs {
        let tensor = match *input {
            Input::Ids { vocabulary } => {
                let ids = (0..n * t).map(|k| (k % vocabulary.max(1)) as i64).collect();
                Tensor::new(ElementType::I64, vec![n, t], Data::I64(ids), "fuzz")
            }
            Input::Numbers { features } | Input::Row { features } if features > MOST => return Ok(None),
            Input::Numbers { features } => Tensor::f32(vec![n, t, features], vec![0.5; n * t * features]),
            Input::Row { features } => Tensor::f32(vec![n, features], vec![0.5; n * features]),
        };
        said(tensors.insert(name.clone(), said(tensor)?, "fuzz"))?;
    }
    Ok(Some(tensors))
}

/// What a tree without a model says, which was read whole.
const NO_MODEL: &str = "has no weights where Keras puts them";

/// An HDF5 file, whether what is in it is a model or not.
pub fn hdf5(bytes: &[u8]) -> Result<(), String> {
    match format::read(bytes) {
        Err(error) if error.to_string().contains(NO_MODEL) => Ok(()),
        read => said(read).map(drop),
    }
}
