//! What a step takes and gives, as C names it.

use std::collections::HashSet;

use super::super::plan::Plan;
use crate::model::Input;

/// The longest part of a name that comes from the model.
const LONGEST: usize = 24;

/// An input of the function of a step.
#[derive(Debug)]
pub(super) struct Argument {
    /// The parameter.
    pub(super) name: String,
    /// The macro for the numbers of a row, or for the size of a vocabulary.
    pub(super) size: String,
    pub(super) input: Input,
}

/// An output of the function of a step.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) name: String,
    /// The macro for the numbers of a row.
    pub(super) size: String,
    pub(super) width: usize,
}

/// The inputs of a model: `input` or `id` of one, else their own names behind `in_`.
pub(super) fn arguments(plan: &Plan) -> Vec<Argument> {
    if let [(_, input)] = plan.inputs.as_slice() {
        let (name, size) = match input {
            Input::Ids { .. } => ("id", "$_VOCABULARY"),
            Input::Numbers { .. } | Input::Row { .. } => ("input", "$_INPUT"),
        };
        return vec![Argument { name: name.into(), size: size.into(), input: *input }];
    }
    let names = plain_names(plan.inputs.iter().map(|(name, _)| *name));
    let of = |((_, input), name): (&(&str, Input), String)| {
        let size = if matches!(input, Input::Ids { .. }) { "VOCABULARY_OF" } else { "IN" };
        Argument {
            size: format!("$_{size}_{}", name.to_ascii_uppercase()),
            name: format!("in_{name}"),
            input: *input,
        }
    };
    plan.inputs.iter().zip(names).map(of).collect()
}

/// The outputs of a model: `output` of one, else their own names behind `out_`.
pub(super) fn shown(plan: &Plan) -> Vec<Shown> {
    if let [output] = plan.outputs.as_slice() {
        return vec![Shown { name: "output".into(), size: "$_OUTPUT".into(), width: output.width }];
    }
    let names = plain_names(plan.outputs.iter().map(|output| output.name));
    let of = |(width, name): (usize, String)| Shown {
        size: format!("$_OUT_{}", name.to_ascii_uppercase()),
        name: format!("out_{name}"),
        width,
    };
    plan.outputs.iter().map(|output| output.width).zip(names).map(of).collect()
}

/// Names as C may have them behind a prefix, none of which is another one in capitals.
fn plain_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut plain = Vec::new();
    for name in names {
        let stem: String =
            name.chars().take(LONGEST).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let mut own = stem.clone();
        let mut count = 1;
        while !taken.insert(own.to_ascii_uppercase()) {
            count += 1;
            own = format!("{stem}_{count}");
        }
        plain.push(own);
    }
    plain
}
