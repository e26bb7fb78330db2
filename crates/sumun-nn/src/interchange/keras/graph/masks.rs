//! Which steps there are: masks as Keras writes them, and who heeds them.

use sumun_formats::keras::{Call, Layer, Source, Value};

use super::super::flow::{Flow, MaskOf, Shape};
use super::super::names::refused;
use super::super::output::{Masked, Output};
use super::{Graph, Mask};
use crate::error::quoted;
use crate::nn::{ActivationFunction, ActivationLayer, EmbeddingLayer, MaskingLayer};
use crate::{Error, Result};

impl Graph {
    /// What Keras 3 writes where an embedding masks id 0, ids ≠ 0, and where a masking layer masks a number.
    pub(super) fn not_equal(&mut self, layer: &Layer, call: &Call) -> Result<()> {
        let number = (call.settings.iter().len() == 1).then(|| call.settings.get("1")?.as_number()).flatten();
        let [source] = <[Source; 1]>::try_from(call.arguments.concat())
            .map_err(|_| refused(layer, "it compares two tensors"))?;
        let masked = match (self.output(layer, &source)?, number) {
            (Output::Flow(Flow { from, shape: Shape::Open(_), .. }), Some(0.0)) => Masked::Ids(from.clone()),
            (Output::Flow(Flow { from, shape: Shape::Steps { .. }, .. }), Some(number)) => {
                Masked::Features(from.clone(), number as f32)
            }
            _ => {
                return Err(refused(
                    layer,
                    "a model here has no layer of this class, other than for ids that are not 0 and masked steps",
                ));
            }
        };
        self.put_output(0, Output::Mask(masked));
        Ok(())
    }

    /// What Keras 3 writes behind it where a masking layer masks a number: of every row, whether any feature is another.
    pub(super) fn any(&mut self, layer: &Layer, call: &Call) -> Result<()> {
        let sources = call.arguments.concat();
        let read = sources.first().map(|source| self.output(layer, source)).transpose()?;
        let axis = layer.settings.get("axis").and_then(Value::as_number);
        let keeps = layer.settings.get("keepdims") == Some(&Value::Flag(true));
        let is_of_rows = axis.is_some_and(|axis| axis == -1.0 || axis == 2.0) && !keeps && sources.len() == 1;
        let (Some(Output::Mask(Masked::Features(from, number))), true) = (read, is_of_rows) else {
            return Err(refused(
                layer,
                "a model here has no layer of this class, other than for masked steps",
            ));
        };
        let masked = Masked::Rows(from.clone(), *number);
        self.put_output(0, Output::Mask(masked));
        Ok(())
    }

    /// A use without its masks, which must be those that what it reads has anyway.
    pub(super) fn without_masks(&self, layer: &Layer, call: &Call) -> Result<Call> {
        let mut call = call.clone();
        let reads = call.arguments.concat();
        let read: Vec<&Output> =
            reads.iter().map(|source| self.output(layer, source)).collect::<Result<_>>()?;
        let has_mask = |masked: &Masked| {
            let of = |output: &&Output| match output {
                Output::Flow(flow) => {
                    let known = flow.mask.filter(|mask| !mask.is_forgotten);
                    known.is_some_and(|of| self.masks[of.mask].by == *masked)
                }
                _ => false,
            };
            read.iter().any(of)
        };
        for (_, sources) in call.named.iter().filter(|(name, _)| name == "mask") {
            for source in sources {
                match self.output(layer, source)? {
                    Output::Mask(masked) if has_mask(masked) => {}
                    _ => return Err(refused(layer, "its mask is none of what it reads")),
                }
            }
        }
        call.named.retain(|(name, _)| name != "mask");
        Ok(call)
    }

    /// Begins a mask at the layer just appended: an embedding, or a masking layer.
    pub(in super::super) fn begin_mask(&mut self, by: Masked) -> MaskOf {
        let layer = self.config.layers.len() - 1;
        self.masks.push(Mask { layer, by, is_heeded: false, crossed: None });
        MaskOf { mask: self.masks.len() - 1, is_forgotten: false }
    }

    /// Notes that an input of ids is read without a mask.
    pub(in super::super) fn unmasked(&mut self, input: &str) {
        self.unmasked.insert(input.into());
    }

    /// Notes that a layer heeds the mask of what it reads, where Keras still has it.
    pub(in super::super) fn heed(&mut self, layer: &Layer, flow: &Flow) {
        match flow.mask {
            Some(MaskOf { mask, is_forgotten: false }) => self.masks[mask].is_heeded = true,
            Some(_) => self.cross(layer, flow),
            None => {}
        }
    }

    /// Notes that a layer computes with all steps, masked or not.
    pub(in super::super) fn cross(&mut self, layer: &Layer, flow: &Flow) {
        if let Some(MaskOf { mask, .. }) = flow.mask {
            let name = format!("{} ({})", quoted(&layer.name), layer.class);
            self.masks[mask].crossed.get_or_insert(name);
        }
    }

    /// Masks that a layer heeds are those of the layer that makes them; those that none heeds are none.
    pub(super) fn settle_masks(&mut self, returns_steps: bool) -> Result<()> {
        let masks = std::mem::take(&mut self.masks);
        for mask in masks.iter().filter(|mask| mask.is_heeded) {
            let name = self.config.layers[mask.layer].name().unwrap_or_default().to_owned();
            if let Some(crossed) = &mask.crossed {
                return Err(Error::Model(format!(
                    "the layer {crossed} computes with steps that {} masks and another layer leaves out; here a masked step \
                     is none for all layers",
                    quoted(&name)
                )));
            }
            // The mask of an embedding is that of its input, that of a masking layer is for what reads it alone.
            let Masked::Ids(input) = &mask.by else { continue };
            let shared = masks.iter().any(|other| other.by == mask.by && !other.is_heeded);
            if shared || self.unmasked.contains(input) {
                return Err(Error::Model(format!(
                    "the embedding {} masks steps of the input {}, which another layer reads without a mask; here a masked \
                     step is none for all layers",
                    quoted(&name),
                    quoted(input)
                )));
            }
            if let Some(embedding) = self.config.layers[mask.layer].get_mut::<EmbeddingLayer>() {
                embedding.mask_zero = true;
            }
        }
        for mask in masks.iter().filter(|mask| !mask.is_heeded) {
            self.leave_out(mask)?;
        }
        if returns_steps && masks.iter().any(|mask| mask.is_heeded) {
            self.note("at masked steps, where Keras goes on computing, the output is 0");
        }
        Ok(())
    }

    /// A mask that no layer heeds. A masking layer then only makes zeros of steps that are its value.
    pub(super) fn leave_out(&mut self, mask: &Mask) -> Result<()> {
        let layer = &mut self.config.layers[mask.layer];
        let Some(masking) = layer.get::<MaskingLayer>() else {
            self.note("the mask of an embedding is left out, as no layer heeds it");
            return Ok(());
        };
        let name = masking.common.name.clone().unwrap_or_default();
        if masking.value != 0.0 {
            return Err(Error::Model(format!(
                "the layer {} (Masking) makes 0 of steps that are {}, and no layer leaves them out; no layer here does that",
                quoted(&name),
                masking.value
            )));
        }
        let common = masking.common.clone();
        *layer = ActivationLayer { common, ..ActivationLayer::new(ActivationFunction::Linear) }.into();
        self.note(format!("the mask of {name} is left out, as no layer heeds it"));
        Ok(())
    }
}
