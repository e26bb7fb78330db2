//! All layers and directions, forward and backward.

use std::sync::Arc;

use super::arrangement::Output;
use super::by_step::StateGradients;
use super::cache::{LayerCache, StackCache};
use super::calls::Stack;
use super::cells::{At, Cells, Columns, DirectionCall, Keep};
use super::masks::{mask_input, noise_of};
use super::merge;
use super::ranked::Ranked;
use crate::layout::expect_memory;
use crate::nn::{InputGradient, Layer};
use crate::state::{RecurrentState, StateShape};
use crate::{Error, Layout, Parameters, Result, Rows};

/// What a forward pass returns: the output, the final states, and what was to be kept of each layer.
type Passed<T> = (Rows, RecurrentState, Vec<LayerCache<T>>);

impl<C: Cells> Stack<C> {
    /// Runs the stack from its first layer to its last.
    pub(in crate::nn) fn run(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        keep: Keep,
    ) -> Result<Passed<C::Tape>> {
        let all = self.cells.arrangement();
        let layout = x.layout.clone();
        x.expect_shape(C::INPUT, layout.rows(), all.input)?;
        let shape = all.state_shape();
        if let Some(state) = initial {
            shape.check("the initial states", &layout, state)?;
        }
        let (width, directions) = (all.widths[0], all.directions());
        let widest = (directions * width).max(all.widest);
        expect_memory(layout.rows(), widest)?;
        expect_memory(layout.sequences(), shape.count.saturating_mul(widest))?;
        let mut work = self.cells.begin(parameters, None)?;
        let path = self.cells.path().unwrap_or(parameters.path());
        let reads_outputs = self.cells.reads_outputs(keep);
        let keeps = !matches!(keep, Keep::Nothing);
        let mut state = shape.zeros(&layout);
        let mut kept = Vec::new();
        let mut x = Arc::new(x);
        for layer in 0..all.layers {
            let top = layer + 1 == all.layers;
            let features = all.layer_input(layer);
            if let Some(noise) = keep.noise().filter(|_| all.input_dropout > 0.0) {
                let noise = noise_of(noise, layer * directions);
                let mut data = Arc::unwrap_or_clone(x).into_data();
                mask_input(path, &mut data, features, &layout, all.input_dropout, noise);
                x = Arc::new(Rows::new(data, features, layout.clone())?);
            }
            let unread = top && all.output == Output::Last && !reads_outputs;
            let stride = directions * width;
            let mut both = vec![0.0; if unread { 0 } else { layout.rows() * stride }];
            let mut tapes = Vec::new();
            for direction in 0..directions {
                let index = layer * directions + direction;
                let at = At { layer, direction, index, layout: &layout, keep };
                let start = rank(shape, &layout, initial, index);
                let out = (!unread).then(|| Columns {
                    values: both.get_mut(direction * width..).unwrap_or(&mut []),
                    stride,
                });
                let (end, tape) = self.cells.forward(&mut work, &at, parameters, &x, start, out)?;
                shape.unrank(&layout, end.all(), index, &mut state);
                tapes.push(tape);
            }
            if unread {
                if keeps {
                    kept.push(LayerCache { x: x.clone(), both: None, tapes, dropout: None });
                }
                continue;
            }
            let both = Arc::new(Rows::new(both, stride, layout.clone())?);
            let mut out = match all.merges() {
                true => {
                    let merged = merge::forward(all.merge, &both.data, width);
                    Arc::new(Rows::new(merged, width, layout.clone())?)
                }
                false => both.clone(),
            };
            if keeps {
                let both = (all.merges() || reads_outputs).then_some(both);
                let mut dropout = None;
                if let Some(noise) = keep.noise()
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
        self.cells.end(work);
        if let Some(initial) = initial {
            shape.pass_by(&layout, initial, &mut state);
        }
        if all.output == Output::Last {
            let mut last = shape.top(&layout, directions, &state);
            if all.merges() {
                last = merge::forward(all.merge, &last, width);
            }
            x = Arc::new(Rows::one_step(last, all.output_features(), layout.sequences())?);
        }
        Ok((Arc::unwrap_or_clone(x), state, kept))
    }

    /// Runs the stack backwards: the gradients of its input, where it is wanted, and of its initial states. Those of the
    /// states after every step are added to `by_step`, the last layer's first.
    pub(super) fn back(
        &self,
        parameters: &mut Parameters,
        cache: StackCache<C::Tape>,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
        mut by_step: Option<&mut Vec<StateGradients>>,
    ) -> Result<(Option<Rows>, RecurrentState)> {
        let all = self.cells.arrangement();
        let (shape, directions, width) = (all.state_shape(), all.directions(), all.widths[0]);
        let layout = self.check_cache(parameters, &cache)?;
        match all.output {
            Output::Sequence => d_out.expect_like(C::D_OUT, &layout, all.output_features())?,
            Output::Last => d_out.expect_shape(C::D_OUT, layout.sequences(), all.output_features())?,
        }
        if let Some(state) = d_state {
            shape.check("the gradient of the final states", &layout, state)?;
        }
        let mut work = self.cells.begin(parameters, Some(wanted))?;
        let path = self.cells.path().unwrap_or(parameters.path());
        let mut d_initial = shape.zeros(&layout);
        let (mut d_rows, d_state) = match all.output {
            Output::Sequence => (Some(d_out), d_state.cloned()),
            Output::Last => {
                let mut d_last = d_out.into_data();
                if all.merges() {
                    let last = shape.top(&layout, directions, &cache.last);
                    d_last = merge::backward(all.merge, &last, &d_last, width);
                }
                let mut d_state = d_state.cloned().unwrap_or_else(|| shape.zeros(&layout));
                shape.add_to_top(&layout, directions, &d_last, &mut d_state);
                (None, Some(d_state))
            }
        };
        let keep = Keep::Training(cache.noise);
        for (layer, kept) in cache.layers.into_iter().enumerate().rev() {
            let LayerCache { x, both, tapes, dropout } = kept;
            if let Some(dropout) = dropout {
                let d = d_rows.take().expect("a layer below another has an output gradient");
                d_rows = self.between.backward(parameters, dropout, d, InputGradient::Needed)?;
            }
            if all.merges()
                && let (Some(d), Some(both)) = (&d_rows, &both)
            {
                let d = merge::backward(all.merge, &both.data, &d.data, width);
                d_rows = Some(Rows::new(d, directions * width, layout.clone())?);
            }
            let features = all.layer_input(layer);
            let mut d_x = (layer > 0 || wanted == InputGradient::Needed)
                .then(|| vec![0.0f32; layout.rows() * features]);
            for (direction, tape) in tapes.into_iter().enumerate() {
                let index = layer * directions + direction;
                let at = At { layer, direction, index, layout: &layout, keep };
                let mut states = by_step.is_some().then(|| Ranked::zeros(all.widths, layout.rows()));
                let call = DirectionCall {
                    x: &x,
                    both: both.as_deref(),
                    d_rows: d_rows.as_ref(),
                    d_end: rank(shape, &layout, d_state.as_ref(), index),
                    d_x: d_x.as_deref_mut(),
                    by_step: states.as_mut(),
                };
                let d_start = self.cells.backward(&mut work, &at, parameters, tape, call)?;
                shape.unrank(&layout, d_start.all(), index, &mut d_initial);
                if let (Some(by_step), Some(states)) = (by_step.as_deref_mut(), states) {
                    by_step.push(StateGradients::new(layer, direction, states, &layout)?);
                }
            }
            if let Some(d_x) = d_x.as_mut().filter(|_| all.input_dropout > 0.0) {
                let noise = noise_of(cache.noise, layer * directions);
                mask_input(path, d_x, features, &layout, all.input_dropout, noise);
            }
            d_rows = d_x.map(|d_x| Rows::new(d_x, features, layout.clone())).transpose()?;
        }
        self.cells.end(work);
        // A sequence without steps passes its initial state on.
        if let Some(d_state) = &d_state {
            shape.pass_by(&layout, d_state, &mut d_initial);
        }
        Ok((d_rows, d_initial))
    }

    /// Refuses a cache of other parameters or of another stack, and returns the layout of its rows.
    fn check_cache(&self, parameters: &Parameters, cache: &StackCache<C::Tape>) -> Result<Arc<Layout>> {
        if cache.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        let (all, keep) = (self.cells.arrangement(), Keep::Training(cache.noise));
        let directions = all.directions();
        let fits = |(layer, kept): (usize, &LayerCache<C::Tape>)| {
            kept.tapes.len() == directions
                && kept.x.features == all.layer_input(layer)
                && kept.tapes.iter().enumerate().all(|(direction, tape)| {
                    let index = layer * directions + direction;
                    let at = At { layer, direction, index, layout: &kept.x.layout, keep };
                    self.cells.is_of(&at, tape)
                })
        };
        if cache.layers.len() != all.layers || !cache.layers.iter().enumerate().all(fits) {
            return Err(sumun_kernels::Error::Cache.into());
        }
        Ok(cache.layers[0].x.layout.clone())
    }
}

/// One layer's and direction's state of the sequences that have steps, by rank.
fn rank(shape: StateShape, layout: &Layout, state: Option<&RecurrentState>, index: usize) -> Option<Ranked> {
    Some(Ranked::new(shape.rank(layout, state?, index), [shape.hidden, shape.cell]))
}
