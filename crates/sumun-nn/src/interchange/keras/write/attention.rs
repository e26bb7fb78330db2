//! Attention as layers of Keras.

use sumun_formats::Tensor;
use sumun_formats::keras::{Call, Settings, Source, Value};

use super::super::super::layouts::transposed;
use super::items::{all, item};
use super::writer::{Writer, refused};
use crate::Result;
use crate::layer::Signal;
use crate::model::{LayerConfig, PlannedCall};
use crate::nn::{AttentionLayer, CrossAttentionLayer, Score};

impl Writer<'_> {
    /// Attention whose queries and keys are dense layers of what it reads, where it has weights for them.
    pub(super) fn attention(
        &mut self,
        layer: &LayerConfig,
        own: &CrossAttentionLayer,
        at: &PlannedCall,
        sources: Vec<Source>,
    ) -> Result<Source> {
        let name = at.name.as_str();
        let ([query, memory], &[signal, Signal::Steps(features)]) =
            (sources.as_slice(), at.inputs.as_slice())
        else {
            return Err(refused(layer, name, "it reads other than queries and steps"));
        };
        let width = signal.features().unwrap_or(0);
        // One query a sequence is one step there.
        let is_row = matches!(signal, Signal::Once(_));
        let query = &match is_row {
            true => {
                let own = self.fresh(&format!("{name}_row"));
                let shape: Vec<Value> = vec![1.into(), width.into()];
                let settings = Settings::from([("target_shape", shape.into())]);
                self.push(
                    "Reshape",
                    &own,
                    settings,
                    Call::of([query.clone()]),
                    Vec::new(),
                    Signal::Steps(width),
                )
            }
            false => query.clone(),
        };
        let trainable = own.common.trainable;
        let mut map =
            |of: &Source, inputs: usize, weight: &str, shift: Option<&str>, part: &str| -> Result<Source> {
                let values = self.values(name, weight)?;
                let units = values.len() / inputs.max(1);
                let mut arrays =
                    vec![("kernel", Tensor::f32(vec![inputs, units], transposed(&values, units, inputs))?)];
                if let Some(shift) = shift {
                    arrays.push(("bias", Tensor::f32(vec![units], self.values(name, shift)?)?));
                }
                let settings = Settings::from([
                    ("units", units.into()),
                    ("use_bias", shift.is_some().into()),
                    ("trainable", trainable.into()),
                ]);
                let own = self.fresh(&format!("{name}_{part}"));
                let output = Signal::Steps(units);
                Ok(self.push("Dense", &own, settings, Call::of([of.clone()]), vec![("", arrays)], output))
            };
        let (mut query, mut key) = (query.clone(), memory.clone());
        let shift = (own.score == Score::Additive).then_some("bias");
        if own.score == Score::Additive || own.units.is_some() {
            query = map(&query, width, "weight_query", shift, "query")?;
        }
        if own.score != Score::Dot || own.units.is_some() {
            key = map(&key, features, "weight_memory", None, "key")?;
        }
        let mut read = vec![query, memory.clone()];
        if key != *memory {
            read.push(key);
        }
        let scale = match own.score {
            Score::Additive => {
                let context = self.values(name, "context")?;
                Some(Tensor::f32(vec![context.len()], context)?)
            }
            _ if own.scaled => {
                let width = own.units.unwrap_or(width) as f64;
                Some(Tensor::f32(Vec::new(), vec![(1.0 / width.sqrt()) as f32])?)
            }
            _ => None,
        };
        let class = if own.score == Score::Additive { "AdditiveAttention" } else { "Attention" };
        let settings =
            Settings::from([("use_scale", scale.is_some().into()), ("trainable", trainable.into())]);
        let parts = scale.map(|scale| ("", vec![("scale", scale)])).into_iter().collect();
        if !is_row {
            return Ok(self.push(class, name, settings, Call::of(read), parts, at.output));
        }
        let own = self.fresh(&format!("{name}_steps"));
        let steps = self.push(class, &own, settings, Call::of(read), parts, Signal::Steps(features));
        let call = item(Call::of([steps]), vec![all(), (-1).into()]);
        Ok(self.push("ops.GetItem", name, Settings::default(), call, Vec::new(), at.output))
    }

    /// Attention over time: scores of two dense layers, their softmax over the steps, and the sum of the steps by these shares.
    pub(super) fn attention_over_time(
        &mut self,
        layer: &LayerConfig,
        own: &AttentionLayer,
        at: &PlannedCall,
        source: Source,
    ) -> Result<Source> {
        let name = at.name.as_str();
        let Some(&Signal::Steps(features)) = at.inputs.first() else {
            return Err(refused(layer, name, "it reads no steps"));
        };
        if self.is_masked() {
            return Err(refused(
                layer,
                name,
                "its shares there are of all steps, masked or not; leave out what masks them",
            ));
        }
        let units = own.units;
        let trainable = ("trainable", own.common.trainable.into());
        let kernel = transposed(&self.values(name, "weight")?, units, features);
        let hidden = vec![
            ("kernel", Tensor::f32(vec![features, units], kernel)?),
            ("bias", Tensor::f32(vec![units], self.values(name, "bias")?)?),
        ];
        let context = vec![("kernel", Tensor::f32(vec![units, 1], self.values(name, "context")?)?)];
        let mut below = source.clone();
        for (part, units, function, arrays) in
            [("hidden", units, "tanh", hidden), ("score", 1, "linear", context)]
        {
            let settings = Settings::from([
                ("units", units.into()),
                ("activation", function.into()),
                ("use_bias", (arrays.len() == 2).into()),
                trainable.clone(),
            ]);
            let own = self.fresh(&format!("{name}_{part}"));
            let parts = vec![("", arrays)];
            below = self.push("Dense", &own, settings, Call::of([below]), parts, Signal::Steps(units));
        }
        let settings = || Settings::from([("axis", Value::Integer(1))]);
        let own = self.fresh(&format!("{name}_shares"));
        let shares = self.push("Softmax", &own, settings(), Call::of([below]), Vec::new(), Signal::Steps(1));
        let own = self.fresh(&format!("{name}_weighted"));
        let call = Call::of([source, shares]);
        let weighted =
            self.push("Multiply", &own, Settings::default(), call, Vec::new(), Signal::Steps(features));
        Ok(self.push("ops.Sum", name, settings(), Call::of([weighted]), Vec::new(), at.output))
    }
}
