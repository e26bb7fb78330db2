//! The summary of a model, as Keras' table of layers.

use std::fmt;

use super::config::ModelConfig;
use super::layer_config::LayerConfig;
use super::plan::{Plan, PlannedLayer, Source};
use crate::Result;
use crate::layer::Signal;

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's name.
    pub name: String,
    /// What it is, such as `Bidirectional LSTM`.
    pub kind: String,
    /// The inputs and layers that it reads, where the model is not a list of layers; empty in a list.
    pub reads: Vec<String>,
    /// The shape of its output; None for N, and for T, which are any.
    pub output_shape: Vec<Option<usize>>,
    /// How many parameters it has.
    pub parameters: usize,
    /// How many of them are running statistics, which no optimizer changes.
    pub statistics: usize,
    /// Whether training changes them.
    pub trainable: bool,
}

/// The layers of a model with shapes and parameters, as Keras' `summary()`; `Display` is the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The layers, from the input to the output.
    pub rows: Vec<SummaryRow>,
}

impl ModelConfig {
    /// The table of layers, shapes and parameters, without building anything. Errors as [`build`](Self::build).
    pub fn summary(&self) -> Result<Summary> {
        Ok(Summary::of(self, &Plan::of(self)?))
    }
}

impl Summary {
    pub(super) fn of(config: &ModelConfig, plan: &Plan) -> Self {
        let list = plan.is_list();
        let name = |source: Source| match source {
            Source::Input(index) => config.inputs.keys().nth(index).cloned().unwrap_or_default(),
            Source::Layer(index) => plan.layers[index].name.clone(),
        };
        let row = |(layer, planned): (&LayerConfig, &PlannedLayer)| SummaryRow {
            name: planned.name.clone(),
            kind: layer.title(),
            reads: if list { Vec::new() } else { planned.reads.iter().map(|&read| name(read)).collect() },
            output_shape: match planned.output {
                Signal::Ids(_) => vec![None, None],
                Signal::Steps(features) => vec![None, None, Some(features)],
                Signal::Once(features) => vec![None, Some(features)],
            },
            parameters: planned.parameters,
            statistics: {
                let statistics = planned.weights.iter().filter(|weight| weight.statistic);
                statistics.map(|weight| weight.shape.iter().product::<usize>()).sum()
            },
            trainable: layer.common().trainable,
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
        self.rows.iter().filter(|row| row.trainable).map(|row| row.parameters - row.statistics).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |row: &SummaryRow| {
            let dims: Vec<String> =
                row.output_shape.iter().map(|dim| dim.map_or("None".into(), |dim| dim.to_string())).collect();
            format!("({})", dims.join(", "))
        };
        // A list needs no column for what it reads: it is the layer above.
        let graph = self.rows.iter().any(|row| !row.reads.is_empty());
        let mut table = vec![["Layer (kind)".to_owned(), "Output shape".into(), "Parameters".into()]];
        table.extend(
            self.rows
                .iter()
                .map(|row| [format!("{} ({})", row.name, row.kind), shape(row), thousands(row.parameters)]),
        );
        let mut reads = vec!["Reads".to_owned()];
        reads.extend(self.rows.iter().map(|row| row.reads.join(", ")));
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [first, second, third] = [width(0), width(1), width(2)];
        let widest = reads.iter().map(|reads| reads.chars().count()).max().unwrap_or(0);
        let rule = "─".repeat(first + second + third + 4 + if graph { widest + 2 } else { 0 });
        for (index, ([name, shape, count], reads)) in table.iter().zip(&reads).enumerate() {
            write!(f, "{name:<first$}  {shape:<second$}  {count:>third$}")?;
            if graph && !reads.is_empty() {
                write!(f, "  {reads}")?;
            }
            writeln!(f)?;
            if index == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        writeln!(f, "{rule}")?;
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
