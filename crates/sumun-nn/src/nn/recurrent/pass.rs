//! All layers and directions, forward and back.

use std::sync::Arc;

use sumun_kernels::Gradients;

use super::by_step::StateGradients;
use super::cache::{LayerCache, RecurrentCache};
use super::config::{Checkpoints, Merge, Output};
use super::direction::{Call, Direction, Keep};
use super::masks::{mask_input, noise_of};
use super::merge;
use super::stack::Recurrent;
use super::state::Ranked;
use crate::nn::{InputGradient, Layer};
use crate::rows::expect_memory;
use crate::state::RecurrentState;
use crate::{Error, Layout, Parameters, Result, Rows};

impl Recurrent {
    /// Runs the stack: its output, the final states and what was to be kept.
    pub(super) fn run(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        keep: Keep,
    ) -> Result<(Rows, RecurrentState, Vec<LayerCache>)> {
        let noise = match keep {
            Keep::Nothing | Keep::Insides => None,
            Keep::Training(noise) => Some(noise),
        };
        let keeps = !matches!(keep, Keep::Nothing);
        let layout = x.layout.clone();
        x.expect_shape("the input of a recurrent layer", layout.rows(), self.config.input)?;
        if let Some(state) = initial {
            self.check_state("the initial states", &layout, state)?;
        }
        let (width, directions) = (self.config.state_features(), self.config.directions());
        let widest = (directions * width).max(self.config.hidden).max(self.config.input);
        expect_memory(layout.rows(), widest)?;
        expect_memory(layout.sequences(), self.ids.len().saturating_mul(widest))?;
        let prepared = self.prepared(parameters, None)?;
        let again = noise.is_some() && self.config.checkpoints != Checkpoints::Off;
        let mut state = self.shape().zeros(&layout);
        let mut kept = Vec::new();
        let (mut x, mut buffers) = (Arc::new(x), self.take_buffers());
        for layer in 0..self.config.layers {
            let top = layer + 1 == self.config.layers;
            let features = self.config.layer_input(layer);
            if let Some(noise) = noise.filter(|_| self.config.input_dropout > 0.0) {
                let noise = noise_of(noise, layer * directions);
                let mut data = Arc::unwrap_or_clone(x).into_data();
                mask_input(self.path, &mut data, features, &layout, self.config.input_dropout, noise);
                x = Arc::new(Rows::new(data, features, layout.clone())?);
            }
            // The rows of a stack that returns its last states alone are read by backward, if at all.
            let unread = again && top && self.config.output == Output::Last;
            let stride = directions * width;
            let mut both = vec![0.0; if unread { 0 } else { layout.rows() * stride }];
            let mut tapes = Vec::new();
            for direction in 0..directions {
                let index = layer * directions + direction;
                let out = (!unread).then(|| (both.get_mut(direction * width..).unwrap_or(&mut []), stride));
                let one = Direction {
                    config: &self.config,
                    prepared: &prepared[index],
                    layout: &layout,
                    layer,
                    direction,
                    noise,
                };
                let start = self.rank(&layout, initial, index);
                let (end, tape) = one.forward(&x, start, out, keep, &mut buffers)?;
                self.shape().unrank(&layout, end.all(), index, &mut state);
                tapes.push(tape);
            }
            if unread {
                kept.push(LayerCache { x: x.clone(), both: None, tapes, dropout: None });
                continue;
            }
            let both = Arc::new(Rows::new(both, stride, layout.clone())?);
            let mut out = match self.merges() {
                true => {
                    let merged = merge::forward(self.config.merge, &both.data, width);
                    Arc::new(Rows::new(merged, width, layout.clone())?)
                }
                false => both.clone(),
            };
            if keeps {
                let both = (self.merges() || !again).then_some(both);
                let mut dropout = None;
                if let Some(noise) = noise
                    && !top
                    && self.between.p() > 0.0
                {
                    let noise = noise.within(layer as u32);
                    let whole = Arc::unwrap_or_clone(out);
                    let (dropped, mask) = self.between.forward_train(parameters, whole, noise)?;
                    (out, dropout) = (Arc::new(dropped), Some(mask));
                }
                kept.push(LayerCache { x, both, tapes, dropout });
            }
            x = out;
        }
        self.put_back(buffers);
        if let Some(initial) = initial {
            self.shape().pass_by(&layout, initial, &mut state);
        }
        if self.config.output == Output::Last {
            let mut last = self.shape().top(&layout, directions, &state);
            if self.merges() {
                last = merge::forward(self.config.merge, &last, width);
            }
            x = Arc::new(Rows::one_step(last, self.config.output_features(), layout.sequences())?);
        }
        Ok((Arc::unwrap_or_clone(x), state, kept))
    }

    /// Runs the stack backwards: the gradients of its input, where it is wanted, and of its initial states. Those of the
    /// states after every step are added to `by_step`, the last layer's first.
    pub(super) fn back(
        &self,
        parameters: &mut Parameters,
        cache: RecurrentCache,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
        mut by_step: Option<&mut Vec<StateGradients>>,
    ) -> Result<(Option<Rows>, RecurrentState)> {
        if cache.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        let directions = self.config.directions();
        let fits = |(layer, kept): (usize, &LayerCache)| {
            kept.tapes.len() == directions && kept.x.features == self.config.layer_input(layer)
        };
        if cache.layers.len() != self.config.layers || !cache.layers.iter().enumerate().all(fits) {
            return Err(sumun_kernels::Error::Cache.into());
        }
        let layout = cache.layers[0].x.layout.clone();
        self.check_d_out(&layout, &d_out)?;
        if let Some(state) = d_state {
            self.check_state("the gradient of the final states", &layout, state)?;
        }
        let prepared = self.prepared(parameters, Some(wanted))?;
        let width = self.config.state_features();
        let mut d_initial = self.shape().zeros(&layout);
        let (mut d_rows, d_state) = match self.config.output {
            Output::Sequence => (Some(d_out), d_state.cloned()),
            Output::Last => {
                let mut d_last = d_out.into_data();
                if self.merges() {
                    let last = self.shape().top(&layout, directions, &cache.last);
                    d_last = merge::backward(self.config.merge, &last, &d_last, width);
                }
                let mut d_state = d_state.cloned().unwrap_or_else(|| self.shape().zeros(&layout));
                self.shape().add_to_top(&layout, directions, &d_last, &mut d_state);
                (None, Some(d_state))
            }
        };
        let mut buffers = self.take_buffers();
        for (layer, kept) in cache.layers.into_iter().enumerate().rev() {
            let LayerCache { x, both, tapes, dropout } = kept;
            if let Some(dropout) = dropout {
                let d = d_rows.take().expect("a layer below another has an output gradient");
                d_rows = self.between.backward(parameters, dropout, d, InputGradient::Needed)?;
            }
            if self.merges()
                && let (Some(d), Some(both)) = (&d_rows, &both)
            {
                let d = merge::backward(self.config.merge, &both.data, &d.data, width);
                d_rows = Some(Rows::new(d, directions * width, layout.clone())?);
            }
            let features = self.config.layer_input(layer);
            let mut d_x = (layer > 0 || wanted == InputGradient::Needed)
                .then(|| vec![0.0f32; layout.rows() * features]);
            for (direction, tape) in tapes.into_iter().enumerate() {
                let index = layer * directions + direction;
                let one = Direction {
                    config: &self.config,
                    prepared: &prepared[index],
                    layout: &layout,
                    layer,
                    direction,
                    noise: Some(cache.noise),
                };
                self.turn_gradients(parameters, index);
                let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
                    parameters.gradients_of(self.ids[index]);
                let mut states =
                    by_step.is_some().then(|| Ranked::zeros(prepared[index].dims(), layout.rows()));
                let into = Gradients {
                    input,
                    hidden,
                    bias_input,
                    bias_hidden,
                    projection,
                    peepholes,
                    norm_gain,
                    norm_bias,
                };
                let call = Call {
                    x: &x,
                    both: both.as_deref(),
                    d_rows: d_rows.as_ref(),
                    d_end: self.rank(&layout, d_state.as_ref(), index),
                    d_x: d_x.as_deref_mut(),
                    into,
                    by_step: states.as_mut(),
                };
                let ran = one.backward(tape, call, &mut buffers);
                self.turn_gradients(parameters, index);
                let d_start = ran?;
                self.shape().unrank(&layout, d_start.all(), index, &mut d_initial);
                if let (Some(by_step), Some(states)) = (by_step.as_deref_mut(), states) {
                    by_step.push(StateGradients::new(layer, direction, states, &layout)?);
                }
            }
            if let Some(d_x) = d_x.as_mut().filter(|_| self.config.input_dropout > 0.0) {
                let noise = noise_of(cache.noise, layer * directions);
                mask_input(self.path, d_x, features, &layout, self.config.input_dropout, noise);
            }
            d_rows = d_x.map(|d_x| Rows::new(d_x, features, layout.clone())).transpose()?;
        }
        self.put_back(buffers);
        // A sequence without steps passes its initial state on.
        if let Some(d_state) = &d_state {
            self.shape().pass_by(&layout, d_state, &mut d_initial);
        }
        Ok((d_rows, d_initial))
    }

    /// Whether the outputs of two directions become one.
    fn merges(&self) -> bool {
        self.config.directions() == 2 && self.config.merge != Merge::Concat
    }

    fn check_d_out(&self, layout: &Layout, d_out: &Rows) -> Result<()> {
        let (what, features) = ("the output gradient of a recurrent layer", self.config.output_features());
        match self.config.output {
            Output::Sequence => d_out.expect_like(what, layout, features),
            Output::Last => d_out.expect_shape(what, layout.sequences(), features),
        }
    }
}
