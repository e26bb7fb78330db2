//! A model with products over fewer bits: bf16, and weights of 8 bits.

use std::collections::HashSet;

use sumun_kernels::Precision;
use sumun_kernels::precision::round_rows;

use super::graph::named;
use super::network::Model;
use crate::{Error, Result};

impl Model {
    /// How many bits the numbers of products have, and with 8 bits also tables.
    pub fn precision(&self) -> Precision {
        self.config().precision
    }

    /// The same model for inference, with weights of 8 bits: each row of a matrix of a recurrent or dense layer and of an
    /// embedding's table is whole numbers from −127 to 127 with a scale (see [`sumun_kernels::precision`]), and recurrent and
    /// dense layers multiply those with rows that are rounded likewise. Biases and all other weights stay as they are. A model
    /// file takes a quarter of the bytes.
    ///
    /// The rounded weights are also the model's [`parameters`](Self::parameters), as floats of the same values. It is not
    /// trained any more: [`forward_train`](Self::forward_train) is an error. Layers whose cells only the reference path computes,
    /// and those with layer normalisation, have the rounded weights in products of floats.
    ///
    /// ```
    /// use sumun_nn::Precision;
    /// use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
    /// let model = Model::builder(Input::numbers(1)).layer(RecurrentLayer::gru(8)).dense(1).build(7)?;
    /// let x = ndarray::Array3::from_elem((1, 5, 1), 0.5);
    /// let before = model.forward(&Batch::numbers(x.view()))?.data[0];
    /// let model = model.quantized()?;
    /// let after = model.forward(&Batch::numbers(x.view()))?.data[0];
    /// assert!(model.precision() == Precision::Int8 && (after - before).abs() < 0.02);
    /// # Ok::<(), sumun_nn::Error>(())
    /// ```
    pub fn quantized(mut self) -> Result<Self> {
        self.graph.config.precision = Precision::Int8;
        self.compute_in(Precision::Int8)?;
        self.round_weights()?;
        Ok(self)
    }

    /// The same model with the products of recurrent and dense layers over numbers of a precision: of [`Precision::Bf16`], in
    /// training and inference, with the weights as they are; of [`Precision::Int8`], [`quantized`](Self::quantized). The products of
    /// other layers, and what [`sumun_kernels::Prepared::with_precision`] names, stay those of floats.
    ///
    /// ```
    /// use sumun_nn::Precision;
    /// use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
    /// let model = Model::builder(Input::numbers(1)).layer(RecurrentLayer::gru(8)).dense(1).build(7)?;
    /// let x = ndarray::Array3::from_elem((1, 5, 1), 0.5);
    /// let before = model.forward(&Batch::numbers(x.view()))?.data[0];
    /// let model = model.with_precision(Precision::Bf16)?;
    /// let after = model.forward(&Batch::numbers(x.view()))?.data[0];
    /// assert!(model.precision() == Precision::Bf16 && (after - before).abs() < 0.02);
    /// # Ok::<(), sumun_nn::Error>(())
    /// ```
    pub fn with_precision(mut self, precision: Precision) -> Result<Self> {
        if precision == Precision::Int8 {
            return self.quantized();
        }
        self.graph.config.precision = precision;
        self.compute_in(precision)?;
        Ok(self)
    }

    /// The names of the weights that have 8 bits; none of a model of floats.
    pub fn int8_weights(&self) -> HashSet<&str> {
        match self.precision() {
            Precision::F32 | Precision::Bf16 => HashSet::new(),
            Precision::Int8 => self.graph.plan.rounded().map(|weight| weight.name.as_str()).collect(),
        }
    }

    /// Has the layers compute with a precision; weights of 8 bits are to be rounded.
    pub(super) fn compute_in(&mut self, precision: Precision) -> Result<()> {
        for (layer, planned) in self.graph.layers.iter_mut().zip(&self.graph.plan.layers) {
            layer.set_precision(precision).map_err(named(&planned.name))?;
        }
        Ok(())
    }

    /// Rounds the weights that have 8 bits. Those that are rounded already stay as they are. Error: a weight that is not finite,
    /// or too large for the scale of its row to be rounded up.
    pub(super) fn round_weights(&mut self) -> Result<()> {
        for weight in self.graph.plan.rounded() {
            if let (Some(id), Some(&width)) = (self.parameters.find(&weight.name), weight.shape.last()) {
                let values = self.parameters.value_mut(id);
                let fits = |value: &f32| value.is_finite() && value.abs() <= f32::MAX / 2.0;
                if let Some(value) = values.iter().find(|value| !fits(value)) {
                    return Err(Error::Invalid(format!(
                        "{}: its weight of {value} cannot be rounded to 8 bits",
                        weight.name
                    )));
                }
                round_rows(values, width);
            }
        }
        Ok(())
    }
}
