//! The recurrent cells.

/// The nonlinearity of a plain recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// tanh.
    Tanh,
    /// max(0, ·).
    Relu,
}

/// Where a GRU applies its reset gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reset {
    /// n = tanh(W_n x + b_in + r ⊙ (W_hn h + b_hn)): PyTorch, and Keras' default.
    After,
    /// n = tanh(W_n x + b_in + W_hn (r ⊙ h) + b_hn): Cho et al. 2014, and ONNX' default.
    Before,
}

/// A recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell {
    /// h' = φ(W x + b_ih + U h + b_hh) (Elman 1990).
    Rnn(Nonlinearity),
    /// Blocks i, f, g, o; c' = f ⊙ c + i ⊙ g; h' = o ⊙ tanh(c') (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
    Lstm,
    /// Blocks r, z, n; h' = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014).
    Gru(Reset),
}

impl Cell {
    /// G: how many blocks of H rows the weights have.
    pub fn gates(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Lstm => 4,
            Cell::Gru(_) => 3,
        }
    }

    /// Whether the state has a cell state `c` beside the hidden state `h`.
    pub fn has_cell_state(self) -> bool {
        matches!(self, Cell::Lstm)
    }

    /// A short name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Rnn(Nonlinearity::Tanh) => "RNN (tanh)",
            Cell::Rnn(Nonlinearity::Relu) => "RNN (relu)",
            Cell::Lstm => "LSTM",
            Cell::Gru(Reset::After) => "GRU (reset after)",
            Cell::Gru(Reset::Before) => "GRU (reset before)",
        }
    }

    /// The names of the gates in the order of the weights' blocks: i, f, g, o of an LSTM (g is the candidate), r, z,
    /// n of a GRU (n is the candidate), none of an RNN.
    pub fn gate_names(self) -> &'static [&'static str] {
        match self {
            Self::Rnn(_) => &[],
            Self::Lstm => &["i", "f", "g", "o"],
            Self::Gru(_) => &["r", "z", "n"],
        }
    }
}
