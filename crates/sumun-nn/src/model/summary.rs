//! A model in words: Keras' table of layers and PyTorch's nested print.

use std::fmt;

use super::config::{Input, ModelConfig};
use super::layers::{Biases, LayerConfig, RecurrentLayer};
use super::network::Model;
use super::plan::{Plan, PlannedLayer, Signal};
use crate::nn::{CellKind, CellOptions, Checkpoints, Merge, RecurrentDropout};

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's name.
    pub name: String,
    /// What it is, such as `Bidirectional LSTM`.
    pub kind: String,
    /// The shape of its answer; None for N, and for T, which are any.
    pub output_shape: Vec<Option<usize>>,
    /// How many parameters it has.
    pub parameters: usize,
    /// Whether training changes them.
    pub trainable: bool,
}

/// The layers of a model with shapes and parameters, as Keras' `summary()`; `Display` is the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The layers, from the input to the answer.
    pub rows: Vec<SummaryRow>,
}

impl Summary {
    pub(super) fn of(config: &ModelConfig, plan: &Plan) -> Self {
        let row = |(layer, planned): (&LayerConfig, &PlannedLayer)| SummaryRow {
            name: planned.name.clone(),
            kind: kind(layer),
            output_shape: match planned.output {
                Signal::Ids => vec![None, None],
                Signal::Steps(features) => vec![None, None, Some(features)],
                Signal::Once(features) => vec![None, Some(features)],
            },
            parameters: planned.parameters,
            trainable: layer.training().is_none_or(|(trainable, _)| trainable),
        };
        Self { rows: config.layers.iter().zip(&plan.layers).map(row).collect() }
    }

    /// The layer of that name.
    pub fn layer(&self, name: &str) -> Option<&SummaryRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }

    /// How many of them training changes.
    pub fn trainable(&self) -> usize {
        self.rows.iter().filter(|row| row.trainable).map(|row| row.parameters).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |row: &SummaryRow| {
            let dims: Vec<String> =
                row.output_shape.iter().map(|dim| dim.map_or("None".into(), |dim| dim.to_string())).collect();
            format!("({})", dims.join(", "))
        };
        let mut table = vec![["Layer (kind)".to_owned(), "Output shape".into(), "Parameters".into()]];
        table.extend(
            self.rows
                .iter()
                .map(|row| [format!("{} ({})", row.name, row.kind), shape(row), thousands(row.parameters)]),
        );
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [first, second, third] = [width(0), width(1), width(2)];
        let rule = |with: &str| with.repeat(first + second + third + 4);
        for (index, [name, shape, count]) in table.iter().enumerate() {
            writeln!(f, "{name:<first$}  {shape:<second$}  {count:>third$}")?;
            if index == 0 {
                writeln!(f, "{}", rule("─"))?;
            }
        }
        writeln!(f, "{}", rule("─"))?;
        writeln!(f, "Total parameters: {}", thousands(self.parameters()))?;
        writeln!(f, "Trainable parameters: {}", thousands(self.trainable()))?;
        write!(f, "Non-trainable parameters: {}", thousands(self.parameters() - self.trainable()))
    }
}

/// 648321 as `648,321`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn cell_name(cell: CellKind) -> &'static str {
    match cell {
        CellKind::RnnTanh | CellKind::RnnRelu => "RNN",
        CellKind::Lstm => "LSTM",
        CellKind::Gru | CellKind::GruResetBefore => "GRU",
    }
}

fn kind(layer: &LayerConfig) -> String {
    match layer {
        LayerConfig::Embedding(_) => "Embedding".into(),
        LayerConfig::Dense(_) => "Dense".into(),
        LayerConfig::Dropout(_) => "Dropout".into(),
        LayerConfig::Pool(layer) => format!("{:?} over time", layer.over),
        LayerConfig::Attention(_) => "Attention over time".into(),
        LayerConfig::Recurrent(layer) => {
            let both = if layer.bidirectional { "Bidirectional " } else { "" };
            let layers = if layer.layers > 1 { format!(" × {}", layer.layers) } else { String::new() };
            format!("{both}{}{layers}", cell_name(layer.cell))
        }
    }
}

/// As PyTorch prints a module: a layer a line, with its sizes and every option that is not the usual one.
///
/// ```text
/// Model(
///   (embedding): Embedding(10000, 64)
///   (lstm): LSTM(64, 64, bidirectional=True)
///   (dense): Dense(in_features=128, out_features=1, bias=True)
/// )
/// ```
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Model(")?;
        for (layer, planned) in self.config.layers.iter().zip(&self.plan.layers) {
            writeln!(f, "  ({}): {}", planned.name, line(layer, planned, self.config.input))?;
        }
        write!(f, ")")
    }
}

fn line(layer: &LayerConfig, planned: &PlannedLayer, input: Input) -> String {
    let mut options: Vec<String> = Vec::new();
    let head = match layer {
        LayerConfig::Embedding(layer) => {
            if let Some(padding) = layer.padding_id {
                options.push(format!("padding_idx={padding}"));
            }
            if layer.mask_zero {
                options.push("mask_zero=True".into());
            }
            let ids = if let Input::Ids { vocabulary } = input { vocabulary } else { planned.input };
            format!("Embedding({ids}, {}", layer.features)
        }
        LayerConfig::Recurrent(layer) => {
            options = recurrent_options(layer);
            format!("{}({}, {}", cell_name(layer.cell), planned.input, layer.units)
        }
        LayerConfig::Dense(layer) => {
            let bias = if layer.bias { "True" } else { "False" };
            options.push(format!("bias={bias}"));
            if layer.activation != Default::default() {
                options.push(format!("activation={}", format!("{:?}", layer.activation).to_lowercase()));
            }
            format!("Dense(in_features={}, out_features={}", planned.input, layer.units)
        }
        LayerConfig::Dropout(layer) => format!("Dropout(p={}", layer.p),
        LayerConfig::Attention(layer) => {
            format!("Attention(features={}, units={}", planned.input, layer.units)
        }
        LayerConfig::Pool(layer) => {
            format!("Pool({}", format!("{:?}", layer.over).to_lowercase())
        }
    };
    if let Some((trainable, rate)) = layer.training() {
        if !trainable {
            options.push("trainable=False".into());
        }
        if rate != 1.0 {
            options.push(format!("learning_rate={rate}"));
        }
    }
    let options: String = options.iter().map(|option| format!(", {option}")).collect();
    format!("{head}{options})")
}

fn recurrent_options(layer: &RecurrentLayer) -> Vec<String> {
    let mut options = Vec::new();
    let mut say = |said: bool, text: String| {
        if said {
            options.push(text);
        }
    };
    let RecurrentLayer { cell, layers, biases, dropout, input_dropout, recurrent_dropout, merge, .. } =
        *layer;
    say(layers > 1, format!("num_layers={layers}"));
    say(cell == CellKind::RnnRelu, "nonlinearity=relu".into());
    say(cell == CellKind::GruResetBefore, "reset_after=False".into());
    say(layer.inverted_update, "inverted_update=True".into());
    say(layer.go_backwards, "go_backwards=True".into());
    say(biases == Biases::None, "bias=False".into());
    say(biases == Biases::One, "biases=one".into());
    say(dropout != 0.0, format!("dropout={dropout}"));
    say(input_dropout != 0.0, format!("input_dropout={input_dropout}"));
    say(recurrent_dropout != 0.0, format!("recurrent_dropout={recurrent_dropout}"));
    let per_gate = layer.options.recurrent_dropout == RecurrentDropout::PerGate;
    say(per_gate, "recurrent_dropout_masks=per_gate".into());
    match layer.checkpoints {
        Checkpoints::Off => {}
        Checkpoints::Sqrt => say(true, "checkpoints=sqrt".into()),
        Checkpoints::Every(steps) => say(true, format!("checkpoints={steps}")),
    }
    say(layer.truncate.is_some(), format!("truncate={}", layer.truncate.unwrap_or(0)));
    say(layer.bidirectional, "bidirectional=True".into());
    say(merge != Merge::Concat, format!("merge={}", format!("{merge:?}").to_lowercase()));
    say(layer.return_sequences, "return_sequences=True".into());
    let CellOptions { projection, peepholes, coupled, clip, layer_norm, .. } = layer.options;
    say(projection.is_some(), format!("proj_size={}", projection.unwrap_or(0)));
    say(peepholes, "peepholes=True".into());
    say(coupled, "coupled=True".into());
    say(clip.is_some(), format!("clip={}", clip.unwrap_or(0.0)));
    say(layer_norm.is_some(), format!("layer_norm={}", layer_norm.unwrap_or(0.0)));
    for (name, function) in [
        ("gate_activation", layer.options.gate_activation),
        ("candidate_activation", layer.options.candidate_activation),
        ("output_activation", layer.options.output_activation),
    ] {
        say(function.is_some(), format!("{name}={}", function.map_or(String::new(), |f| format!("{f:?}"))));
    }
    for (name, rate) in
        [("zoneout_hidden", layer.options.zoneout_hidden), ("zoneout_cell", layer.options.zoneout_cell)]
    {
        say(rate != 0.0, format!("{name}={rate}"));
    }
    options
}
