//! A recurrent cell as data: what packing, steps, backward passes, traces, options and layers above need to know of it.
//!
//! Each cell states its [`CellSpec`] once, in a file of [`cells`](crate::cells) that has its compiled bodies too. Code that
//! needs a cell's sizes, names or options reads the specification and does not match on the cell.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::words::activation::ActivationFunction;
use crate::words::option_set::OptionSet;

/// A recurrent cell. Its constants are named as the variants of an enumeration are; two are equal where their
/// [`kind`](CellSpec::kind) is.
#[derive(Clone, Copy)]
pub struct Cell {
    spec: &'static CellSpec,
}

/// What is to be known of a cell.
///
/// A row of a *panel* holds the vectors that a step needs of one group of hidden units side by side: gates, or the halves of
/// one. [`panel`](Self::panel) says what fills each.
#[derive(Debug)]
pub struct CellSpec {
    /// What files, TOML and tables call the cell: `gru_reset_before`.
    pub kind: &'static str,
    /// Other names by which it is read.
    pub aliases: &'static [&'static str],
    /// Its name in messages.
    pub name: &'static str,
    /// The name of its family, for summaries: `GRU` of both GRUs.
    pub family: &'static str,
    /// What a layer of it is called that was given no name: `gru`.
    pub layer: &'static str,
    /// What a summary adds to the name of its family, if it is not the usual one.
    pub remark: Option<&'static str>,
    /// Its gates in the order of the blocks of `weight_ih`, which is PyTorch's where PyTorch has the cell.
    pub gates: &'static [Gate],
    /// Whether a trace shows the gates; not where the only one is the output itself.
    pub traced: bool,
    /// The candidate's own activation function.
    pub candidate: ActivationFunction,
    /// What of h before a step reaches the gates, and so the shape of `weight_hh`.
    pub recurrence: Recurrence,
    /// Whether it may have a second bias, `bias_hh`.
    pub second_bias: bool,
    /// The vectors of a row of a panel: first those that the input's product fills, side by side those that the recurrent
    /// product fills.
    pub panel: &'static [Vector],
    /// Vectors of units side by side of each vector of the panel: more than one where a panel would be too narrow for a
    /// register tile.
    pub spread: usize,
    /// The states beside h, H wide each, one after another in a row of `State::cell`.
    pub states: &'static [&'static str],
    /// Whether its equations read h before the step beside its products, so that it has a gradient from them too.
    pub reads_hidden: bool,
    /// The options that it has.
    pub options: OptionSet,
    /// Those that its compiled bodies take; with another, the reference path computes it.
    pub fused: OptionSet,
    /// The blocks of H values whose statistics layer normalisation takes together, group by group in `norm_gain`; empty
    /// where it has no such option.
    pub norm: &'static [usize],
    /// The gate that decides what is kept of a state; its bias starts at 1 with `unit_forget_bias`.
    pub forget_gate: Option<usize>,
    /// The gate z of h' = (1 − z) ⊙ n + z ⊙ h, which has another reading.
    pub update_gate: Option<usize>,
    /// Whether PyTorch, Keras and ONNX have it, in one form or another.
    pub in_libraries: bool,
    /// Activations of a step and unit, forwards, and those that a backward pass computes again.
    pub activations: [usize; 2],
}

/// A gate: a block of H rows of the weights.
#[derive(Debug)]
pub struct Gate {
    /// Its name: `i`, `f`, `g`, `o` of an LSTM.
    pub name: &'static str,
    /// Which activation it has.
    pub role: GateRole,
}

impl Gate {
    /// One that opens or closes something.
    pub(crate) const fn opening(name: &'static str) -> Self {
        Self { name, role: GateRole::Gate }
    }

    /// A new value.
    pub(crate) const fn candidate(name: &'static str) -> Self {
        Self { name, role: GateRole::Candidate }
    }
}

/// Which activation a gate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateRole {
    /// The sigmoid, unless `gate_activation` says otherwise.
    Gate,
    /// The cell's [`candidate`](CellSpec::candidate), unless `candidate_activation` says otherwise.
    Candidate,
}

/// What of h before a step reaches the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// All of it: `weight_hh` is `[G·H, H]`.
    Matrix,
    /// To each unit its own h: `weight_hh` is `[G·H]`, the factors of h, which the bodies of the cell apply.
    Vector,
    /// Nothing: there is no `weight_hh`, and only the gates carry h from step to step.
    None,
}

/// One vector of a row of a panel, and the gate whose weights fill it from each side.
#[derive(Debug, Clone, Copy)]
pub struct Vector {
    /// From x.
    pub input: Option<usize>,
    /// From h.
    pub hidden: Option<usize>,
    /// From what the first phase of a step leaves, in a second product.
    pub second: Option<usize>,
    /// Only in backward passes: the gate whose factors of h have their gradient of each row here.
    pub scale: Option<usize>,
}

impl Vector {
    /// Filled from nowhere yet.
    const EMPTY: Self = Self { input: None, hidden: None, second: None, scale: None };

    /// Filled by the same gate's products of x and h, which add up.
    pub(crate) const fn both(gate: usize) -> Self {
        Self { input: Some(gate), hidden: Some(gate), ..Self::EMPTY }
    }

    /// Filled from x only.
    pub(crate) const fn input(gate: usize) -> Self {
        Self { input: Some(gate), ..Self::EMPTY }
    }

    /// Filled from h only.
    pub(crate) const fn hidden(gate: usize) -> Self {
        Self { hidden: Some(gate), ..Self::EMPTY }
    }

    /// Left for the gradients of factors of h.
    pub(crate) const fn scale(gate: usize) -> Self {
        Self { scale: Some(gate), ..Self::EMPTY }
    }

    /// Filled from x and by the second product.
    pub(crate) const fn input_and_second(gate: usize) -> Self {
        Self { input: Some(gate), second: Some(gate), ..Self::EMPTY }
    }
}

impl CellSpec {
    /// What most cells have: a matrix over h, two biases, tanh as candidate, and nothing beside.
    pub(crate) const USUAL: Self = Self {
        kind: "",
        aliases: &[],
        name: "",
        family: "",
        layer: "",
        remark: None,
        gates: &[],
        traced: true,
        candidate: ActivationFunction::Tanh,
        recurrence: Recurrence::Matrix,
        second_bias: true,
        panel: &[],
        spread: 1,
        states: &[],
        reads_hidden: false,
        options: OptionSet::NONE,
        fused: OptionSet::NONE,
        norm: &[],
        forget_gate: None,
        update_gate: None,
        in_libraries: true,
        activations: [0, 0],
    };

    /// How many of so many hidden units a gate of one unit reads.
    pub fn seen_units(&self, hidden: usize) -> usize {
        match self.recurrence {
            Recurrence::Matrix => hidden,
            Recurrence::Vector => 1,
            Recurrence::None => 0,
        }
    }

    /// Whether no unit reads the state of another, so that each can be computed over all steps by itself.
    pub fn units_are_apart(&self) -> bool {
        self.recurrence != Recurrence::Matrix
    }

    /// Whether each step needs the one before it for more than to carry a state on: not where all gates come from x, so that
    /// a scan may compute the steps.
    pub fn is_sequential(&self) -> bool {
        self.recurrence != Recurrence::None
    }

    /// Whether a step ends in a second product of its own, over what its first phase leaves.
    pub fn has_second_product(&self) -> bool {
        self.panel.iter().any(|vector| vector.second.is_some())
    }

    /// Whether layer normalisation is of the sum of both products, not of each.
    pub fn normalises_sum(&self) -> bool {
        self.norm.iter().sum::<usize>() == self.gates.len()
    }

    /// Whether it is of the state in front of the output too.
    pub fn normalises_state(&self) -> bool {
        self.norm.iter().sum::<usize>() > 2 * self.gates.len()
    }

    /// Whether the two biases of a gate can stand for different things: not where they only ever add up.
    pub fn biases_differ(&self) -> bool {
        self.second_bias && self.panel.iter().any(|vector| vector.hidden.is_some() && vector.input.is_none())
    }
}

impl Cell {
    pub(crate) const fn new(spec: &'static CellSpec) -> Self {
        Self { spec }
    }

    /// All that is to be known of it.
    pub const fn spec(self) -> &'static CellSpec {
        self.spec
    }

    /// G: how many blocks of H rows the weights have.
    pub fn gates(self) -> usize {
        self.spec.gates.len()
    }

    /// Whether there are states beside the hidden state `h`.
    pub fn has_cell_state(self) -> bool {
        !self.spec.states.is_empty()
    }

    /// A short name for messages.
    pub fn name(self) -> &'static str {
        self.spec.name
    }

    /// The names of the gates in the order of the weights' blocks: i, f, g, o of an LSTM (g is the candidate), r, z,
    /// n of a GRU (n is the candidate), none of an RNN.
    pub fn gate_names(self) -> impl ExactSizeIterator<Item = &'static str> {
        let gates = if self.spec.traced { self.spec.gates } else { &[] };
        gates.iter().map(|gate| gate.name)
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.spec.kind == other.spec.kind
    }
}

impl Eq for Cell {}

impl Hash for Cell {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.kind.hash(state);
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.kind)
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec.kind)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.spec.kind)
    }
}
