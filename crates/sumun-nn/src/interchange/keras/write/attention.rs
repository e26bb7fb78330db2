//! Attention as layers of Keras.

use sumun_formats::Tensor;
use sumun_formats::keras::{Call, Settings, Source};

use super::super::super::layouts::transposed;
use super::writer::{Writer, refused};
use crate::Result;
use crate::layer::Signal;
use crate::model::{LayerConfig, PlannedCall};
use crate::nn::{CrossAttentionLayer, Score};

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
        let ([query, memory], &[Signal::Steps(width), Signal::Steps(features)]) =
            (sources.as_slice(), at.inputs.as_slice())
        else {
            return Err(refused(layer, name, "its queries are steps, not one row a sequence"));
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
        Ok(self.push(class, name, settings, Call::of(read), parts, at.output))
    }
}
