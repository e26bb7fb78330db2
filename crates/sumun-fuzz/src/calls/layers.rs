//! Layers by themselves: made, forwards, backwards, with rows and gradients that may be of others.

use std::sync::Arc;

use ndarray::Array3;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sumun_kernels::Path;
use sumun_nn::nn::{
    Activate, Attention, AttentionConfig, BatchNorm, BatchNormConfig, CellKind, Collect, Combine,
    CombineInput, Conv1d, Conv1dConfig, Crf, CrfConfig, Crop, CrossAttention, CrossAttentionConfig, Dense,
    DenseConfig, Distribute, Dropout, Elementwise, Embedding, EmbeddingConfig, InputGradient, Layer,
    LayerNorm, LayerNormConfig, Pad, PadMode, Padding, Pool, Recurrent, RecurrentConfig, Softmax, TagRules,
    Unflatten,
};
use sumun_nn::noise::Noise;
use sumun_nn::{Fill, Ids, Layout, Parameters, Rows};

use super::choice::Choice;

pub(super) type Said = Result<(), String>;

pub(super) fn said<T>(result: Result<T, sumun_nn::Error>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

pub(super) fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

pub(super) const NOISE: Noise = Noise { seed: 7, step: u64::MAX, layer: u32::MAX };

/// A layout that mostly is one: full, ragged or masked.
pub(super) fn layout(choice: &mut Choice<'_>) -> Result<Arc<Layout>, String> {
    let (sequences, time) = (choice.count(12), choice.count(12));
    let few = sequences.min(40);
    said(match choice.below(4) {
        0 => Layout::full(sequences, time),
        1 | 2 => {
            let lengths: Vec<usize> = (0..choice.length(few)).map(|_| choice.count(40).min(time)).collect();
            Layout::ragged(&lengths, time)
        }
        _ => {
            let cells = choice.length(sequences.saturating_mul(time));
            let mask: Vec<bool> = (0..cells).map(|_| !choice.one_in(4)).collect();
            Layout::masked(&mask, sequences, time, choice.of(&[Fill::Zero, Fill::Repeat]))
        }
    })
}

/// Rows of a layout, mostly as many as it has.
pub(super) fn rows(choice: &mut Choice<'_>, layout: &Arc<Layout>, features: usize) -> Result<Rows, String> {
    let values = choice.values(layout.rows().saturating_mul(features));
    said(Rows::new(values, features, Arc::clone(layout)))
}

fn features(choice: &mut Choice<'_>, right: usize) -> usize {
    if choice.one_in(20) { choice.size(3) } else { right }
}

/// One layer of any kind.
pub(super) fn run(choice: &mut Choice<'_>) -> Said {
    let (input, output) = (choice.size(16), choice.size(16));
    let mut parameters = Parameters::new();
    let own = &mut parameters;
    let same = |_: usize| input;
    match choice.below(10) {
        0 => {
            let layer = said(Dense::new(
                DenseConfig::new(input, output).bias(choice.one_in(2)),
                own,
                "d",
                &mut rng(),
            ))?;
            whole(choice, layer, parameters, input, |_| output)
        }
        1 => {
            let mut config = Conv1dConfig::new(input, output, choice.size(10));
            config.padding = choice.of(&[Padding::Valid, Padding::Same, Padding::Causal]);
            if choice.one_in(3) {
                (config.stride, config.dilation, config.groups) =
                    (choice.size(4), choice.size(4), choice.size(4));
            }
            let _ = (config.weight_shape(), config.output_length(choice.size(3)));
            let layer = said(Conv1d::new(config, own, "c", &mut rng()))?;
            whole(choice, layer, parameters, input, |_| output)
        }
        2 => {
            let config =
                LayerNormConfig { epsilon: choice.of(&[1e-5, 0.0, f64::NAN]), ..LayerNormConfig::new(input) };
            let layer = said(LayerNorm::new(config, own, "n"))?;
            whole(choice, layer, parameters, input, same)
        }
        3 => {
            let config =
                BatchNormConfig { momentum: choice.of(&[0.1, 1.0, -1.0]), ..BatchNormConfig::new(input) };
            let layer = said(BatchNorm::new(config, own, "n"))?;
            whole(choice, layer, parameters, input, same)
        }
        4 => {
            let layer = said(Attention::new(AttentionConfig { input, units: output }, own, "a", &mut rng()))?;
            whole(choice, layer, parameters, input, same)
        }
        5 => {
            let layer = said(Dropout::new(choice.of(&[0.0, 0.5, 1.0, -1.0, f32::NAN])))?;
            whole(choice, layer, parameters, input, same)
        }
        6 => whole(choice, choice_of_pool(input), parameters, input, same),
        7 => whole(choice, Softmax::new().on_path(Path::best()), parameters, input, same),
        8 => {
            let function = choice
                .of(&[sumun_kernels::ActivationFunction::Tanh, sumun_kernels::ActivationFunction::Relu]);
            whole(choice, said(Activate::new(function))?, parameters, input, same)
        }
        _ => recurrent(choice, parameters, input, output),
    }
}

fn choice_of_pool(input: usize) -> Pool {
    [Pool::Last, Pool::Max, Pool::Mean][input % 3]
}

fn recurrent(choice: &mut Choice<'_>, mut parameters: Parameters, input: usize, hidden: usize) -> Said {
    let kinds = [
        CellKind::Lstm,
        CellKind::Gru,
        CellKind::RnnTanh,
        CellKind::MinGru,
        CellKind::MinLstm,
        CellKind::SLstm,
        CellKind::IndRnn,
    ];
    let mut config = RecurrentConfig::new(choice.of(&kinds), input, hidden);
    (config.layers, config.bidirectional) = (choice.of(&[1, 1, 2, 3, 0, usize::MAX]), choice.one_in(2));
    (config.dropout, config.recurrent_dropout) =
        (choice.of(&[0.0, 0.2, 1.0, f32::NAN]), choice.of(&[0.0, 0.0, 0.2]));
    config.truncate = choice.of(&[None, Some(1), Some(0), Some(usize::MAX)]);
    let width = hidden.saturating_mul(config.directions());
    let layer = said(Recurrent::new(config, &mut parameters, "r", &mut rng()))?;
    let layer = if choice.one_in(3) { said(layer.on_path(choice.of(&Path::ALL)))? } else { layer };
    whole(choice, layer, parameters, input, |_| width)
}

/// Forwards, and backwards with a gradient that may not fit.
fn whole<L: Layer>(
    choice: &mut Choice<'_>,
    layer: L,
    mut parameters: Parameters,
    input: usize,
    output: impl Fn(usize) -> usize,
) -> Said {
    let layout = layout(choice)?;
    let width = features(choice, input);
    let x = rows(choice, &layout, width)?;
    let other = Parameters::new();
    if choice.one_in(8) {
        let _ = layer.forward(&other, x.clone());
    }
    let y = said(layer.forward(&parameters, x.clone()))?;
    let (trained, cache) = said(layer.forward_train(&parameters, x, NOISE))?;
    assert_eq!((y.layout.rows(), y.features), (trained.layout.rows(), trained.features));
    let (d_width, of_output) = (features(choice, output(input)), !choice.one_in(16));
    let d_layout = if of_output { Arc::clone(&trained.layout) } else { layout };
    let d_width = if d_width == output(input) { trained.features } else { d_width };
    let d = rows(choice, &d_layout, d_width)?;
    let wanted = choice.of(&[InputGradient::Needed, InputGradient::Skip]);
    said(layer.backward(&mut parameters, cache, d, wanted)).map(drop)
}

/// An embedding, and attention over it.
pub(super) fn embedding(choice: &mut Choice<'_>) -> Said {
    let config = EmbeddingConfig {
        vocabulary: choice.size(12),
        features: choice.size(12),
        padding_id: choice.of(&[None, Some(0), Some(u32::MAX)]),
    };
    let (vocabulary, features) = (config.vocabulary, config.features);
    let mut parameters = Parameters::new();
    let table = said(Embedding::new(config, &mut parameters, "e", &mut rng()))?;
    let of = layout(choice)?;
    let ids = choice.places(of.rows(), vocabulary);
    let ids = said(Ids::new(ids, Arc::clone(&of)))?;
    said(table.forward(&parameters, &ids))?;
    let (rows_of, cache) = said(table.forward_train(&parameters, ids))?;
    let d = rows(choice, &of, features)?;
    said(table.backward(&mut parameters, cache, d))?;

    let width = choice.size(8);
    let config = CrossAttentionConfig {
        units: choice.of(&[None, Some(3), Some(0), Some(usize::MAX)]),
        ..CrossAttentionConfig::dot(width, features)
    };
    let attention = said(CrossAttention::new(config, &mut parameters, "x", &mut rng()))?;
    let queries = layout(choice)?;
    let queries = rows(choice, &queries, width)?;
    said(attention.forward(&parameters, queries.clone(), rows_of.clone()))?;
    let _: Array3<f32> = said(attention.weights(&parameters, &queries, &rows_of))?;
    let (y, cache) = said(attention.forward_train(&parameters, queries, rows_of))?;
    let d = rows(choice, &y.layout, y.features)?;
    said(attention.backward(&mut parameters, cache, d, [InputGradient::Needed; 2])).map(drop)
}

/// Sums and the like of several inputs, and rows laid out as steps.
pub(super) fn combine(choice: &mut Choice<'_>) -> Said {
    let (of, width) = (layout(choice)?, choice.size(8));
    let how = choice.of(&[Combine::Add, Combine::Multiply, Combine::Concat]);
    let mut inputs = Vec::new();
    for _ in 0..choice.below(4) {
        let of = if choice.one_in(12) { layout(choice)? } else { Arc::clone(&of) };
        let width = features(choice, width);
        inputs.push(CombineInput { rows: rows(choice, &of, width)?, once: choice.one_in(6) });
    }
    let _ = how.features(&[choice.size(2), choice.size(2)]);
    let count = inputs.len();
    let (y, cache) = said(how.forward_train(inputs))?;
    let d = rows(choice, &y.layout, y.features)?;
    said(how.backward(cache, d, &vec![InputGradient::Needed; choice.length(count)]))?;

    let unflatten = said(Unflatten::new(choice.size(4)))?;
    let _ = unflatten.features(choice.size(2));
    whole(choice, unflatten, Parameters::new(), y.features, |width| width)
}

/// Steps that are moved, distributed and collected, and functions of every number.
pub(super) fn moved(choice: &mut Choice<'_>) -> Said {
    let width = choice.size(4);
    let pad = Pad::new(
        choice.count(3),
        choice.count(3),
        choice.of(&[PadMode::Constant, PadMode::Edge, PadMode::Reflect]),
        choice.of(&[0.0, 0.5, f32::NAN]),
    );
    whole(choice, said(pad)?, Parameters::new(), width, |width| width)?;
    let crop = Crop::new(choice.size(3), choice.size(3));
    whole(choice, crop, Parameters::new(), width, |width| width)?;
    let function =
        choice.of(&[Elementwise::Abs, Elementwise::Sqrt, Elementwise::Power { exponent: f64::NAN }]);
    whole(choice, function, Parameters::new(), width, |width| width)?;
    let distribute = said(Distribute::new(choice.size(3)))?;
    let _ = distribute.features(choice.size(2));
    let of = layout(choice)?;
    let inner = rows(choice, &of, width)?;
    let outer = if choice.one_in(3) { layout(choice)? } else { of };
    let _ = Collect.forward(inner, &outer);
    whole(choice, distribute, Parameters::new(), width, |width| width)?;
    tagged(choice)
}

/// Tags that are chosen together: their loss, their probabilities and the best of them.
fn tagged(choice: &mut Choice<'_>) -> Said {
    let (mut parameters, tags) = (Parameters::new(), choice.size(12));
    let crf = said(Crf::new(CrfConfig { tags }, &mut parameters, "t"))?;
    let crf = if choice.one_in(3) { crf.on_path(Path::Reference) } else { crf };
    let weights = choice.values(parameters.len());
    if weights.len() == parameters.len() {
        parameters.values_mut().copy_from_slice(&weights);
    }
    let forbidden = choice.of(&[0, 1, 2, 3]);
    let rules = TagRules::new(choice.of(&[tags, tags, tags, tags.wrapping_add(1), 0]), |from, to| {
        forbidden == 0 || from.unwrap_or(0).wrapping_add(to.unwrap_or(1)) % 4 != forbidden
    });
    let rules = if choice.one_in(2) { Some(said(rules)?) } else { None };
    let of = layout(choice)?;
    let width = features(choice, tags);
    let x = rows(choice, &of, width)?;
    let targets = choice.places(of.rows(), tags);
    let found = crf.loss_and_gradient(&mut parameters, &x, &targets, rules.as_ref());
    if let Ok(found) = &found {
        assert_eq!(found.d_emissions.layout.rows(), of.rows());
    }
    let decoded = said(crf.decode(&parameters, &x, rules.as_ref()))?;
    assert!(decoded.len() == of.rows() && decoded.iter().all(|&tag| (tag as usize) < tags));
    said(crf.marginals(&parameters, &x, rules.as_ref()))?;
    said(found)?;
    whole(choice, crf, parameters, tags, |tags| tags)
}
