//! Every item that `docs/names.md` sends readers to is there.

use std::collections::BTreeSet;

const NAMES: &str = include_str!("../../../docs/names.md");

/// Imports every item, so that a name that is gone does not compile, and lists them.
macro_rules! items {
    ($($($part:ident)::+),+ $(,)?) => {
        #[allow(unused_imports, reason = "that they are found is the test")]
        mod exist {
            $(use sumun::$($part)::+ as _;)+
        }
        const ITEMS: &[&str] = &[$(stringify!($($part)::+)),+];
    };
}

items! {
    Fill::Repeat,
    Fill::Zero,
    data::ScaleKind,
    data::Scaler,
    data::Split,
    data::sliding_windows,
    loss::Bce,
    loss::BceLogits,
    loss::CrossEntropy,
    loss::Huber,
    loss::Mae,
    loss::Mse,
    model::AttentionLayer,
    model::Batch,
    model::Biases,
    model::DenseLayer,
    model::DropoutLayer,
    model::EmbeddingLayer,
    model::Model,
    model::ModelState,
    model::PoolLayer,
    model::RecurrentLayer,
    model::Streams,
    nn::Activate,
    nn::ActivationFunction,
    nn::ActivationLayer,
    nn::Attention,
    nn::BatchNorm,
    nn::BatchNormLayer,
    nn::CellLayer,
    nn::CellOptions,
    nn::Collect,
    nn::CollectLayer,
    nn::Combine,
    nn::CombineLayer,
    nn::Conv1d,
    nn::Conv1dLayer,
    nn::Crop,
    nn::CropLayer,
    nn::CrossAttention,
    nn::CrossAttentionLayer,
    nn::Custom,
    nn::CustomCell,
    nn::Dense,
    nn::Distribute,
    nn::DistributeLayer,
    nn::Dropout,
    nn::Elementwise,
    nn::ElementwiseLayer,
    nn::Embedding,
    nn::Empty::Initial,
    nn::Empty::Zeros,
    nn::FirstWeights,
    nn::Gru,
    nn::GruCell,
    nn::GruConfig,
    nn::HiddenState,
    nn::Initializer,
    nn::LayerNorm,
    nn::LayerNormLayer,
    nn::Lstm,
    nn::LstmCell,
    nn::LstmConfig,
    nn::LstmState,
    nn::Masking,
    nn::MaskingLayer,
    nn::Merge,
    nn::NamedCell,
    nn::Pad,
    nn::PadLayer,
    nn::PadMode,
    nn::Padding,
    nn::Pool,
    nn::RecurrentConfig,
    nn::RecurrentDropout,
    nn::Reverse,
    nn::ReverseLayer,
    nn::Rnn,
    nn::RnnCell,
    nn::RnnConfig,
    nn::Score,
    nn::Slice,
    nn::SliceLayer,
    nn::Softmax,
    nn::SoftmaxLayer,
    nn::Stream,
    nn::Unflatten,
    nn::UnflattenLayer,
    nn::Valid::Lengths,
    nn::Valid::Mask,
    noise::Noise,
    sequences::LengthBuckets,
    sequences::grouped_split,
    sequences::one_hot,
    sequences::pack_padded_sequence,
    sequences::pack_sequence,
    sequences::pad_packed_sequence,
    sequences::pad_sequence,
    sequences::pad_sequences,
    sequences::stratified_split,
    sequences::unpad_sequence,
    text::Tokenizer,
    text::Vocabulary,
    text::WordVectors,
    train::Clip::GlobalNorm,
    train::Clip::Value,
    train::EarlyStopping,
    train::Optimizer,
    train::OptimizerConfig,
    train::Regularizer,
    train::ScheduleConfig::Cosine,
    train::ScheduleConfig::Plateau,
    train::ScheduleConfig::Step,
    train::Session,
}

/// Those that are constants of a type, which cannot be imported.
macro_rules! cells {
    ($($name:ident),+ $(,)?) => {
        const CELLS: &[(&str, sumun::nn::CellKind)] =
            &[$((concat!("nn::CellKind::", stringify!($name)), sumun::nn::CellKind::$name)),+];
    };
}

cells! { GruResetBefore, IndRnn, MinGru, MinLstm, RnnRelu, SLstm }

/// What stands between backticks and is a path.
fn paths(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|quoted| quoted.contains("::") && !quoted.ends_with("::")).map(String::from).collect()
}

#[test]
fn every_item_of_the_table_exists_and_none_is_forgotten() {
    let items = ITEMS.iter().map(|item| item.replace(' ', ""));
    let here: BTreeSet<String> = items.chain(CELLS.iter().map(|(name, _)| (*name).into())).collect();
    assert_eq!(paths(NAMES), here);
}

/// Every row of a table has as many cells as its head, so that none is shown in the wrong column.
#[test]
fn every_row_has_the_columns_of_its_table() {
    let mut rows = 0;
    let mut columns = None;
    for line in NAMES.lines() {
        let cells = line.matches('|').count();
        match columns {
            _ if !line.starts_with('|') => columns = None,
            None => columns = Some(cells),
            Some(columns) => {
                assert_eq!(cells, columns, "{line}");
                rows += 1;
            }
        }
    }
    assert!(rows > 80, "{rows} rows");
}
