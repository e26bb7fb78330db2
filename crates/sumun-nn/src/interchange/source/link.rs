//! What the layers of a model do, with their weights.

use crate::model::{EmbeddingLayer, LayerConfig, Model};
use crate::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, CellKind, CellOptions, Combine,
    CombineLayer, Conv1dConfig, Conv1dLayer, DenseLayer, LayerNormLayer, Padding, Pool, PoolLayer,
    RecurrentLayer, SliceLayer, SoftmaxLayer, UnflattenLayer,
};

/// What happens to a row.
#[derive(Debug)]
pub(super) struct Link<'a> {
    /// The layer's name.
    pub(super) name: &'a str,
    /// Features of a row before and after it.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) what: What<'a>,
}

/// One of the things that a layer does; weights have PyTorch's shapes.
#[derive(Debug)]
pub(super) enum What<'a> {
    Embedding {
        masked: Option<u32>,
        table: &'a [f32],
    },
    Cells(Cells<'a>),
    Dense {
        weight: &'a [f32],
        bias: Option<&'a [f32]>,
        activation: Activation,
    },
    Convolution {
        config: Conv1dConfig,
        weight: &'a [f32],
        bias: Option<&'a [f32]>,
    },
    Activation(ActivationFunction),
    BatchNorm {
        epsilon: f64,
        statistics: [&'a [f32]; 2],
        affine: [Option<&'a [f32]>; 2],
    },
    LayerNorm {
        epsilon: f64,
        affine: [Option<&'a [f32]>; 2],
    },
    Softmax,
    /// Of all rows so far, the last.
    Last,
    /// Some of the features, from this one on.
    Slice {
        start: usize,
    },
    /// Several rows become one.
    Combine(Combine),
    /// One row becomes so many steps.
    Unflatten {
        steps: usize,
    },
}

/// The cells that there is source code for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Equations {
    Rnn,
    RnnRelu,
    Lstm,
    Gru,
    GruResetBefore,
}

impl Equations {
    fn of(cell: CellKind) -> Option<Self> {
        let all = [
            (CellKind::RnnTanh, Self::Rnn),
            (CellKind::RnnRelu, Self::RnnRelu),
            (CellKind::Lstm, Self::Lstm),
            (CellKind::Gru, Self::Gru),
            (CellKind::GruResetBefore, Self::GruResetBefore),
        ];
        all.into_iter().find(|(known, _)| *known == cell).map(|(_, equations)| equations)
    }
}

/// One layer of a recurrent stack.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub(super) cell: Equations,
    /// Which of the stack's layers.
    pub(super) layer: usize,
    /// Of a GRU: whether z says how much of the candidate is taken.
    pub(super) inverted: bool,
    pub(super) weight_ih: &'a [f32],
    pub(super) weight_hh: &'a [f32],
    pub(super) bias_ih: Option<&'a [f32]>,
    pub(super) bias_hh: Option<&'a [f32]>,
}

impl Link<'_> {
    /// Whether it reads rows before the present one.
    pub(super) fn remembers(&self) -> bool {
        match &self.what {
            What::Cells(_) => true,
            What::Convolution { config, .. } => past_rows(config) > 0,
            _ => false,
        }
    }

    /// Steps that it takes in before the first that it passes on.
    pub(super) fn delay(&self) -> usize {
        match &self.what {
            What::Convolution { config, .. } if config.padding == Padding::Valid => past_rows(config),
            _ => 0,
        }
    }
}

/// Rows before the present one that a convolution reads.
pub(super) fn past_rows(config: &Conv1dConfig) -> usize {
    (config.kernel - 1) * config.dilation
}

/// What a layer does with rows of so many features, of each that it reads; ids of so many words. The error says why there is no
/// source for it.
pub(super) fn links<'a>(
    model: &'a Model,
    layer: &LayerConfig,
    name: &'a str,
    widths: &[usize],
) -> Result<Vec<Link<'a>>, String> {
    let features = widths.first().copied().unwrap_or(0);
    let weight = |leaf: &str| find(model, name, leaf);
    let needed = |leaf: &str| weight(leaf).ok_or_else(|| format!("it has no weight {leaf}"));
    let one = |outputs: usize, what: What<'a>| Ok(vec![Link { name, inputs: features, outputs, what }]);
    let affine = || [weight("weight"), weight("bias")];
    if let Some(combine) = layer.get::<CombineLayer>() {
        let outputs = combine.how.features(widths).map_err(|error| error.to_string())?;
        return one(outputs, What::Combine(combine.how));
    }
    if widths.len() != 1 {
        return Err(format!("it reads {} others, which no step does but to combine them", widths.len()));
    }
    if let Some(slice) = layer.get::<SliceLayer>() {
        return one(slice.features, What::Slice { start: slice.start });
    }
    if let Some(unflatten) = layer.get::<UnflattenLayer>() {
        return one(features / unflatten.steps.max(1), What::Unflatten { steps: unflatten.steps });
    }
    if let Some(recurrent) = layer.get::<RecurrentLayer>() {
        return recurrent_links(model, recurrent, name, features);
    }
    if let Some(embedding) = layer.get::<EmbeddingLayer>() {
        let masked = embedding.mask_zero.then(|| embedding.padding_id.unwrap_or(0));
        let table = needed("weight")?;
        return one(embedding.features, What::Embedding { masked, table });
    }
    if let Some(dense) = layer.get::<DenseLayer>() {
        let (weight, bias, activation) = (needed("weight")?, weight("bias"), dense.activation);
        return one(dense.units, What::Dense { weight, bias, activation });
    }
    if let Some(convolution) = layer.get::<Conv1dLayer>() {
        let config = convolution.config(features);
        if config.stride != 1 {
            return Err(format!("it has a stride of {}; a stream has one output a step", config.stride));
        }
        if config.padding == Padding::Same && config.kernel > 1 {
            return Err(
                "with the padding 'same' it reads later steps; a stream needs 'causal' or 'valid'".into()
            );
        }
        let (weight, bias) = (needed("weight")?, weight("bias"));
        return one(config.output, What::Convolution { config, weight, bias });
    }
    if let Some(activation) = layer.get::<ActivationLayer>() {
        return one(features, What::Activation(activation.function));
    }
    if let Some(norm) = layer.get::<BatchNormLayer>() {
        let statistics = [needed("running_mean")?, needed("running_var")?];
        return one(features, What::BatchNorm { epsilon: norm.epsilon, statistics, affine: affine() });
    }
    if let Some(norm) = layer.get::<LayerNormLayer>() {
        return one(features, What::LayerNorm { epsilon: norm.epsilon, affine: affine() });
    }
    if layer.get::<SoftmaxLayer>().is_some() {
        return one(features, What::Softmax);
    }
    match layer.get::<PoolLayer>() {
        Some(PoolLayer { over: Pool::Last, .. }) => one(features, What::Last),
        _ => Err("it is not computed step by step from the row before it".into()),
    }
}

fn find<'a>(model: &'a Model, layer: &str, leaf: &str) -> Option<&'a [f32]> {
    let parameters = model.parameters();
    parameters.find(&format!("{layer}.{leaf}")).map(|id| parameters.value(id))
}

/// The layers of a stack, the first one first.
fn recurrent_links<'a>(
    model: &'a Model,
    recurrent: &RecurrentLayer,
    name: &'a str,
    features: usize,
) -> Result<Vec<Link<'a>>, String> {
    let cell = cell(recurrent)?;
    for (is_asked, why) in [
        (recurrent.bidirectional, "it also reads a sequence from its end, which a stream does not know"),
        (recurrent.go_backwards, "it reads a sequence from its end, which a stream does not know"),
        (recurrent.initial.is_some(), "it begins with the last state of another layer"),
    ] {
        if is_asked {
            return Err(why.into());
        }
    }
    let mut links = Vec::with_capacity(recurrent.layers + 1);
    for layer in 0..recurrent.layers {
        let weight = |part: &str| find(model, name, &format!("{part}_l{layer}"));
        let needed = |part: &str| weight(part).ok_or_else(|| format!("it has no weight {part}_l{layer}"));
        let cells = Cells {
            cell,
            layer,
            inverted: recurrent.inverted_update,
            weight_ih: needed("weight_ih")?,
            weight_hh: needed("weight_hh")?,
            bias_ih: weight("bias_ih"),
            bias_hh: weight("bias_hh"),
        };
        let inputs = if layer == 0 { features } else { recurrent.units };
        links.push(Link { name, inputs, outputs: recurrent.units, what: What::Cells(cells) });
    }
    if !recurrent.return_sequences {
        links.push(Link { name, inputs: recurrent.units, outputs: recurrent.units, what: What::Last });
    }
    Ok(links)
}

/// The equations of the cell with its candidate's activation. Options of training do not matter here; all others are refused.
fn cell(recurrent: &RecurrentLayer) -> Result<Equations, String> {
    let CellOptions {
        projection,
        peepholes,
        coupled,
        clip,
        gate_activation,
        candidate_activation,
        output_activation,
        layer_norm,
        recurrent_dropout: _,
        zoneout_hidden,
        zoneout_cell,
    } = recurrent.options;
    let relative = candidate_activation.and_then(|own| recurrent.cell.with_candidate(own));
    let cell = relative.unwrap_or(recurrent.cell);
    let Some(equations) = Equations::of(cell) else {
        return Err(format!("there is none for the cell {}, only for RNN, LSTM and GRU", cell.name()));
    };
    let other = |asked: Option<ActivationFunction>, own| asked.is_some_and(|asked| asked != own);
    let asked = [
        ("projection", projection.is_some()),
        ("peepholes", peepholes),
        ("coupled", coupled),
        ("clip", clip.is_some()),
        ("gate_activation", other(gate_activation, ActivationFunction::Sigmoid)),
        ("candidate_activation", candidate_activation.is_some() && relative.is_none()),
        ("output_activation", other(output_activation, ActivationFunction::Tanh)),
        ("layer_norm", layer_norm.is_some()),
        ("zoneout_hidden", zoneout_hidden != 0.0),
        ("zoneout_cell", zoneout_cell != 0.0),
    ];
    match asked.into_iter().find(|(_, is_asked)| *is_asked) {
        Some((option, _)) => Err(format!("its cell has the option {option}; only plain cells have one")),
        None => Ok(equations),
    }
}
