//! What a recurrence may have beyond the plain cell: projection, peepholes, coupled gates, clip, other
//! activation functions, layer normalisation, recurrent dropout and zoneout.

use crate::words::activation::ActivationFunction;
use crate::words::cell::{Cell, GateRole};
use crate::words::error::Error;
use crate::words::option_set::OptionSet;

/// Whether h is masked in the recurrent product, by masks that stay the same for all steps of a
/// sequence (Gal & Ghahramani 2016). The masks themselves are [`Masks::recurrent`](crate::Masks::recurrent).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RecurrentDropout {
    /// No.
    #[default]
    None,
    /// One mask for all gates, `[N, H]` (Gal & Ghahramani's tied weights).
    Shared,
    /// A mask for each gate, `[N, G, H]`, in the order of the weight's blocks (Gal & Ghahramani's untied
    /// weights; what Keras has for `recurrent_dropout`).
    PerGate,
}

/// What a recurrence has beyond the plain cell. The default is the plain cell.
///
/// The equations stand in `docs/derivations`. What a cell does not have is an error, never ignored.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Options {
    /// P: h' = W_hr (o ⊙ tanh(c')) is P wide, wherever h appears; c stays H wide (Sak et al. 2014,
    /// PyTorch's `proj_size`).
    pub projection: Option<usize>,
    /// i and f also read p ⊙ c before the step, o reads p ⊙ c' after it (Gers & Schmidhuber 2000,
    /// ONNX input `P`).
    pub peepholes: bool,
    /// f = 1 − i; the block f of the weights is not used (ONNX' `input_forget`).
    pub coupled: bool,
    /// Every gate's and candidate's pre-activation is held in [−clip, clip] (ONNX' `clip`, as ONNX Runtime
    /// applies it: not to the cell state in front of the output). At least 0, finite.
    pub clip: Option<f64>,
    /// Of the gates (Keras' `recurrent_activation`, ONNX' f); the sigmoid where it is `None`. An RNN has none.
    pub gate_activation: Option<ActivationFunction>,
    /// Of the candidate: g of the LSTM, n of the GRU, h' of the RNN (Keras' `activation`, ONNX' g, the RNN's f);
    /// the cell's own where it is `None`.
    pub candidate_activation: Option<ActivationFunction>,
    /// Of the cell state in front of the output (Keras' `activation`, ONNX' h); tanh where it is
    /// `None`.
    pub output_activation: Option<ActivationFunction>,
    /// Layer normalisation inside the cell as Ba, Kiros & Hinton 2016 write it for each cell, with this ε added
    /// to the variance (PyTorch's layers use 1e-5). Positive, finite.
    pub layer_norm: Option<f64>,
    /// Whether h is masked in the recurrent product.
    pub recurrent_dropout: RecurrentDropout,
    /// The rate in [0, 1] at which a unit of h keeps its former value (zoneout, Krueger et al. 2017). Without
    /// masks the expectation is taken, rate·h + (1 − rate)·h', as in inference.
    pub zoneout_hidden: f64,
    /// As `zoneout_hidden`, for c.
    pub zoneout_cell: f64,
}

/// The functions of a cell, with its own where the options name no other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Functions {
    pub(crate) gate: ActivationFunction,
    pub(crate) candidate: ActivationFunction,
    pub(crate) output: ActivationFunction,
}

impl Options {
    pub(crate) fn functions(&self, cell: Cell) -> Functions {
        let own = Functions::of(cell);
        Functions {
            gate: self.gate_activation.unwrap_or(own.gate),
            candidate: self.candidate_activation.unwrap_or(own.candidate),
            output: self.output_activation.unwrap_or(own.output),
        }
    }

    /// Every option: which it is, whether it is set, its name in a refusal, and what a cell with it has.
    fn asked(&self) -> [(OptionSet, bool, &'static str, &'static str); 11] {
        let dropout = self.recurrent_dropout != RecurrentDropout::None;
        [
            (OptionSet::PROJECTION, self.projection.is_some(), "projection", "a projection"),
            (OptionSet::PEEPHOLES, self.peepholes, "peepholes", "peepholes"),
            (OptionSet::COUPLED, self.coupled, "coupled gates", "coupled gates"),
            (OptionSet::CLIP, self.clip.is_some(), "clip", "a clip"),
            (
                OptionSet::GATE_ACTIVATION,
                self.gate_activation.is_some(),
                "gate_activation",
                "other activations",
            ),
            (
                OptionSet::CANDIDATE_ACTIVATION,
                self.candidate_activation.is_some(),
                "candidate_activation",
                "other activations",
            ),
            (
                OptionSet::OUTPUT_ACTIVATION,
                self.output_activation.is_some(),
                "output_activation",
                "other activations",
            ),
            (OptionSet::LAYER_NORM, self.layer_norm.is_some(), "layer_norm", "layer normalisation"),
            (OptionSet::RECURRENT_DROPOUT, dropout, "recurrent_dropout", "recurrent dropout"),
            (OptionSet::ZONEOUT_HIDDEN, self.zoneout_hidden != 0.0, "zoneout_hidden", "zoneout"),
            (OptionSet::ZONEOUT_CELL, self.zoneout_cell != 0.0, "zoneout_cell", "zoneout"),
        ]
    }

    /// Refuses what the cell does not have and constants out of range.
    pub fn check(&self, cell: Cell) -> Result<(), Error> {
        let refuse = |option, reason| Err(Error::Option { cell: cell.name(), option, reason });
        let spec = cell.spec();
        let lacking = |&(which, asked, ..): &(_, bool, _, _)| asked && !spec.options.contains(which);
        if let Some((which, _, option, _)) = self.asked().into_iter().find(lacking) {
            let gated = spec.gates.iter().any(|gate| gate.role == GateRole::Gate);
            let other = spec.options.contains(OptionSet::CANDIDATE_ACTIVATION);
            return match which == OptionSet::GATE_ACTIVATION && !gated && other {
                true => refuse(option, "needs a gate, which this cell has not; set candidate_activation"),
                false => refuse(option, "is not an option of this cell; leave it out"),
            };
        }
        if self.projection == Some(0) {
            return refuse("projection", "must be at least 1 wide");
        }
        if self.clip.is_some_and(|clip| !(clip.is_finite() && clip >= 0.0)) {
            return refuse("clip", "must be a finite number, 0 or more");
        }
        // In single precision, in which it is added, it must be more than nothing too.
        if self.layer_norm.is_some_and(|eps| !((eps as f32).is_normal() && eps > 0.0)) {
            return refuse("layer_norm", "must be a finite number above 0");
        }
        for (option, rate) in [("zoneout_hidden", self.zoneout_hidden), ("zoneout_cell", self.zoneout_cell)] {
            if !(0.0..=1.0).contains(&rate) {
                return refuse(option, "must be a rate in 0 to 1");
            }
        }
        let functions = [
            ("gate_activation", self.gate_activation),
            ("candidate_activation", self.candidate_activation),
            ("output_activation", self.output_activation),
        ];
        match functions.into_iter().find(|(_, function)| function.is_some_and(|f| !f.is_finite())) {
            Some((option, _)) => refuse(option, "must have finite constants"),
            None => Ok(()),
        }
    }

    /// The first option that makes the recurrence another one than the plain cell with some options; `None` where there is
    /// no such option. An activation function that is the cell's own is none.
    pub(crate) fn beyond(&self, cell: Cell, options: OptionSet) -> Option<&'static str> {
        let own = Functions::of(cell);
        let plain = |which| match which {
            OptionSet::GATE_ACTIVATION => self.gate_activation == Some(own.gate),
            OptionSet::CANDIDATE_ACTIVATION => self.candidate_activation == Some(own.candidate),
            OptionSet::OUTPUT_ACTIVATION => self.output_activation == Some(own.output),
            _ => false,
        };
        let beyond =
            |&(which, asked, ..): &(_, bool, _, _)| asked && !options.contains(which) && !plain(which);
        if let Some((.., has)) = self.asked().into_iter().find(beyond) {
            return Some(has);
        }
        let functions = [self.gate_activation, self.candidate_activation, self.output_activation];
        let lacking = |function: &ActivationFunction| !function.has_slope_of_value();
        functions.into_iter().flatten().find(lacking).map(|_| "an activation with such a constant")
    }

    /// Whether a cell's bodies need to know of options: for all but a projection, and recurrent dropout of a cell whose only
    /// product of h is the first one.
    pub(crate) fn change_bodies(&self, cell: Cell) -> bool {
        let outside = OptionSet::PROJECTION.and(OptionSet::RECURRENT_DROPOUT);
        let dropout = self.recurrent_dropout != RecurrentDropout::None;
        self.beyond(cell, outside).is_some() || dropout && cell.spec().has_second_product()
    }
}

impl Functions {
    fn of(cell: Cell) -> Self {
        let (gate, output) = (ActivationFunction::Sigmoid, ActivationFunction::Tanh);
        Self { gate, candidate: cell.spec().candidate, output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_lacks_and_constants_out_of_range_are_refused() {
        let (rnn, gru) = (Cell::RnnTanh, Cell::Gru);
        let plain = Options::default();
        let sigmoid = Some(ActivationFunction::Sigmoid);
        let lacking = "is not an option of this cell; leave it out";
        let infinite = Some(ActivationFunction::Elu { alpha: f64::INFINITY });
        let cases = [
            (gru, Options { projection: Some(2), ..plain }, format!("projection {lacking}")),
            (rnn, Options { peepholes: true, ..plain }, format!("peepholes {lacking}")),
            (gru, Options { coupled: true, ..plain }, format!("coupled gates {lacking}")),
            (gru, Options { output_activation: sigmoid, ..plain }, format!("output_activation {lacking}")),
            (gru, Options { zoneout_cell: 0.1, ..plain }, format!("zoneout_cell {lacking}")),
            (
                rnn,
                Options { gate_activation: sigmoid, ..plain },
                "gate_activation needs a gate, which this cell has not; set candidate_activation".into(),
            ),
            (
                Cell::Lstm,
                Options { projection: Some(0), ..plain },
                "projection must be at least 1 wide".into(),
            ),
            (
                Cell::Lstm,
                Options { clip: Some(-1.0), ..plain },
                "clip must be a finite number, 0 or more".into(),
            ),
            (
                Cell::Lstm,
                Options { clip: Some(f64::NAN), ..plain },
                "clip must be a finite number, 0 or more".into(),
            ),
            (
                gru,
                Options { layer_norm: Some(0.0), ..plain },
                "layer_norm must be a finite number above 0".into(),
            ),
            (gru, Options { zoneout_hidden: 1.5, ..plain }, "zoneout_hidden must be a rate in 0 to 1".into()),
            (
                Cell::Lstm,
                Options { zoneout_cell: f64::NAN, ..plain },
                "zoneout_cell must be a rate in 0 to 1".into(),
            ),
            (
                gru,
                Options { candidate_activation: infinite, ..plain },
                "candidate_activation must have finite constants".into(),
            ),
        ];
        for (cell, options, message) in cases {
            let found = options.check(cell).map_err(|e| e.to_string());
            assert_eq!(found, Err(format!("{}: {message}", cell.name())), "{options:?}");
            assert_eq!(plain.check(cell), Ok(()));
        }
    }

    #[test]
    fn a_cells_own_function_by_name_is_plain() {
        let relu = Some(ActivationFunction::Relu);
        let own = Options { candidate_activation: relu, ..Options::default() };
        let beyond = |options: &Options, cell: Cell| options.beyond(cell, cell.spec().fused);
        assert_eq!(beyond(&own, Cell::RnnRelu), None);
        assert!(own.change_bodies(Cell::RnnTanh) && !own.change_bodies(Cell::RnnRelu));
        let elu = Some(ActivationFunction::Elu { alpha: -1.0 });
        let elu = Options { candidate_activation: elu, ..Options::default() };
        assert_eq!(beyond(&elu, Cell::Lstm), Some("an activation with such a constant"));
        assert_eq!(own.beyond(Cell::RnnTanh, OptionSet::NONE), Some("other activations"));
        let dropout = Options { recurrent_dropout: RecurrentDropout::Shared, ..Options::default() };
        assert_eq!(beyond(&dropout, Cell::Lstm), None);
        let change = |cell| dropout.change_bodies(cell);
        assert!(change(Cell::GruResetBefore) && !change(Cell::Lstm));
    }
}
