//! The layers of a model as reports and front ends show them.

use super::protocol::{LayerFacts, ModelFacts};
use crate::model::{Model, Summary};
use crate::report::LayerRow;
use crate::report::text::shape;

impl ModelFacts {
    /// What a model says of itself.
    pub fn of(model: &Model) -> Self {
        let summary = model.summary();
        let layers = summary.rows.iter().map(|row| LayerFacts {
            name: row.name.clone(),
            kind: row.kind.clone(),
            output: row.output_shape.clone(),
            parameters: row.parameters,
        });
        Self {
            heading: None,
            layers: layers.collect(),
            parameters: model.parameters().len(),
            table: summary.to_string(),
            more: serde_json::Map::new(),
        }
    }
}

/// The rows of a report's table of layers.
pub(super) fn layer_rows(summary: &Summary) -> Vec<LayerRow> {
    let row = |row: &crate::model::SummaryRow| LayerRow {
        name: row.name.clone(),
        kind: row.kind.clone(),
        output: shape(&row.output_shape),
        parameters: row.parameters,
    };
    summary.rows.iter().map(row).collect()
}
