//! Which stacks other libraries can hold exactly.
//!
//! What counts is what a stack computes when it is used: dropout of any kind does nothing then and is in nobody's
//! way, while zoneout mixes by its rates and does.

use sumun_kernels::ActivationFunction;

use super::{CellKind, RecurrentConfig};
use crate::nn::stack::Merge;
use crate::{Error, Result};

/// Another library that may hold a recurrent stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// `torch.nn.RNN`, `LSTM` and `GRU`: one module of all layers and directions.
    PyTorch,
    /// Keras 3: `SimpleRNN`, `LSTM` and `GRU` layers, one on top of the other, each in `Bidirectional` where there are
    /// two directions.
    Keras,
    /// ONNX operators `RNN`, `LSTM` and `GRU`, one node a layer; two directions are merged by nodes behind.
    Onnx,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PyTorch => "PyTorch",
            Self::Keras => "Keras",
            Self::Onnx => "ONNX",
        })
    }
}

impl RecurrentConfig {
    /// Whether `peer` can hold the stack so that it computes the same, but for rounding. Two biases that a peer has one
    /// of are added up, and one that it has two of gets a second of zeros: neither changes anything.
    ///
    /// # Errors
    /// The first option that prevents it, why, and what can be done, in one line. What no library can hold, such
    /// as a stack of no units, is an error too.
    ///
    /// ```
    /// use sumun_nn::nn::{CellKind, Peer, RecurrentConfig};
    /// let gru = RecurrentConfig::new(CellKind::GruResetBefore, 8, 16);
    /// assert!(gru.representable_in(Peer::Keras).is_ok());
    /// let error = gru.representable_in(Peer::PyTorch).unwrap_err();
    /// assert!(error.to_string().contains("reset gate before the product"));
    /// ```
    pub fn representable_in(&self, peer: Peer) -> Result<()> {
        self.check()?;
        let (cell, options) = (self.cell, self.options);
        let obstacles = [
            (
                !cell.spec().in_libraries,
                Some("neither PyTorch, Keras nor ONNX has it; train another cell".into()),
            ),
            (self.inverted_update, inverted_update()),
            (cell == CellKind::GruResetBefore, reset_before(peer)),
            (options.projection.is_some(), projection(peer, options.projection, self.hidden)),
            (options.peepholes, onnx_alone(peer, "peepholes")),
            (options.coupled, onnx_alone(peer, "coupled input and forget gates")),
            (options.clip.is_some(), onnx_alone(peer, "a clip of the gates")),
            (options.layer_norm.is_some(), nobody("layer normalisation inside the cell")),
            (options.zoneout_hidden != 0.0 || options.zoneout_cell != 0.0, nobody("zoneout")),
            (true, self.activations(peer)),
            (self.merge != Merge::Concat && peer == Peer::PyTorch, Some(MERGE.into())),
        ];
        match obstacles.into_iter().find_map(|(asked, obstacle)| obstacle.filter(|_| asked)) {
            Some(obstacle) => {
                Err(Error::Invalid(format!("{peer} cannot hold this {}: {obstacle}", cell.name())))
            }
            None => Ok(()),
        }
    }

    /// The activation functions that a peer lacks.
    fn activations(&self, peer: Peer) -> Option<String> {
        let gate = self.options.gate_activation.unwrap_or(ActivationFunction::Sigmoid);
        let candidate = self.options.candidate_activation.unwrap_or(self.cell.spec().candidate);
        let output = self.options.output_activation.unwrap_or(ActivationFunction::Tanh);
        let is_rnn = self.cell.spec().family == "RNN";
        match peer {
            // Every function here is one of ONNX', the linear one as Affine with α = 1, β = 0.
            Peer::Onnx => None,
            Peer::PyTorch if is_rnn => match candidate {
                ActivationFunction::Tanh | ActivationFunction::Relu => None,
                other => Some(format!("its RNN knows tanh and relu alone, not {other:?}; use Keras or ONNX")),
            },
            Peer::PyTorch => {
                let own = [ActivationFunction::Sigmoid, ActivationFunction::Tanh, ActivationFunction::Tanh];
                let other = [gate, candidate, output].into_iter().zip(own).find(|(has, own)| has != own)?.0;
                Some(format!(
                    "its gates and candidate are sigmoid and tanh alone, not {other:?}; use Keras or ONNX"
                ))
            }
            Peer::Keras if self.cell == CellKind::Lstm && candidate != output => Some(format!(
                "its LSTM has one activation for candidate and output, which here are {candidate:?} and {output:?}; \
                 use ONNX"
            )),
            Peer::Keras => {
                let other = [gate, candidate].into_iter().find(|&function| keras_name(function).is_none())?;
                Some(format!("{other:?} is no activation that it knows by name; use ONNX"))
            }
        }
    }
}

/// What Keras 3 calls a function, as it means the name without further arguments; None where it has no name for it.
pub(crate) fn keras_name(function: ActivationFunction) -> Option<&'static str> {
    use ActivationFunction::*;
    match function {
        Sigmoid => Some("sigmoid"),
        Tanh => Some("tanh"),
        Relu => Some("relu"),
        Softsign => Some("softsign"),
        Softplus => Some("softplus"),
        Linear => Some("linear"),
        Elu { alpha: 1.0 } => Some("elu"),
        LeakyRelu { alpha: 0.2 } => Some("leaky_relu"),
        function if function == ActivationFunction::HARD_SIGMOID_KERAS => Some("hard_sigmoid"),
        Affine { alpha: 1.0, beta: 0.0 } => Some("linear"),
        Elu { .. }
        | LeakyRelu { .. }
        | HardSigmoid { .. }
        | ThresholdedRelu { .. }
        | ScaledTanh { .. }
        | Affine { .. } => None,
    }
}

const MERGE: &str = "its two directions are side by side; merge by concat, or use Keras or ONNX";

fn inverted_update() -> Option<String> {
    Some("its update gate is read the other way round; turn it first, exactly, with set_inverted_update(false)".into())
}

fn reset_before(peer: Peer) -> Option<String> {
    (peer == Peer::PyTorch).then(|| {
        "it has no reset gate before the product, and the two cannot be converted; use Keras or ONNX, or train with the \
         reset after"
            .into()
    })
}

fn projection(peer: Peer, width: Option<usize>, hidden: usize) -> Option<String> {
    match peer {
        Peer::PyTorch => width.filter(|&width| width >= hidden).map(|width| {
            format!("its projection is narrower than its {hidden} hidden units, not {width} wide; make it narrower")
        }),
        Peer::Keras | Peer::Onnx => Some("it has no projection; use PyTorch, or train without".into()),
    }
}

fn onnx_alone(peer: Peer, what: &str) -> Option<String> {
    (peer != Peer::Onnx)
        .then(|| format!("it has no {}; use ONNX, or train without", what.trim_start_matches("a ")))
}

fn nobody(what: &str) -> Option<String> {
    Some(format!("neither PyTorch, Keras nor ONNX has {what}; train without"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{CellOptions, RecurrentDropout};

    /// Each configuration, and for PyTorch, Keras and ONNX what prevents it; empty for nothing.
    #[test]
    fn what_each_peer_can_hold_and_what_stands_in_the_way() {
        use ActivationFunction::*;
        let of = |cell| RecurrentConfig::new(cell, 3, 4);
        let (rnn, lstm, gru) = (of(CellKind::RnnTanh), of(CellKind::Lstm), of(CellKind::Gru));
        let before = of(CellKind::GruResetBefore);
        let with = |config: &RecurrentConfig, options| RecurrentConfig { options, ..config.clone() };
        let plain = CellOptions::default();
        let both = RecurrentConfig { bidirectional: true, layers: 2, ..lstm.clone() };
        let dropout = RecurrentConfig {
            dropout: 0.1,
            input_dropout: 0.2,
            recurrent_dropout: 0.3,
            ..with(&gru, CellOptions { recurrent_dropout: RecurrentDropout::PerGate, ..plain })
        };
        let gate = |function| CellOptions { gate_activation: Some(function), ..plain };
        let candidate = |function| CellOptions { candidate_activation: Some(function), ..plain };
        let lstm_activation =
            |function| CellOptions { output_activation: Some(function), ..candidate(function) };
        let sigmoid_tanh = "sigmoid and tanh alone, not";
        let by_name = "no activation that it knows by name";
        let wider = "narrower than its 4 hidden units, not 4 wide";
        let (turn, cannot) = ("set_inverted_update(false)", "the two cannot be converted");
        let cases: Vec<(RecurrentConfig, [&str; 3])> = vec![
            (rnn.clone(), ["", "", ""]),
            (of(CellKind::RnnRelu), ["", "", ""]),
            (lstm.clone(), ["", "", ""]),
            (gru.clone(), ["", "", ""]),
            (before.clone(), [cannot, "", ""]),
            (RecurrentConfig { bias: false, ..gru.clone() }, ["", "", ""]),
            (RecurrentConfig { second_bias: false, ..gru.clone() }, ["", "", ""]),
            (both.clone(), ["", "", ""]),
            (dropout, ["", "", ""]),
            (RecurrentConfig { merge: Merge::Sum, ..both.clone() }, ["merge by concat", "", ""]),
            (RecurrentConfig { merge: Merge::Mul, ..both.clone() }, ["merge by concat", "", ""]),
            (RecurrentConfig { merge: Merge::Average, ..both }, ["merge by concat", "", ""]),
            (RecurrentConfig { inverted_update: true, ..gru.clone() }, [turn; 3]),
            (RecurrentConfig { inverted_update: true, ..before }, [turn; 3]),
            (
                with(&lstm, CellOptions { projection: Some(2), ..plain }),
                ["", "it has no projection", "it has no projection"],
            ),
            (
                with(&lstm, CellOptions { projection: Some(4), ..plain }),
                [wider, "it has no projection", "it has no projection"],
            ),
            (
                with(&lstm, CellOptions { peepholes: true, ..plain }),
                ["it has no peepholes; use ONNX", "it has no peepholes; use ONNX", ""],
            ),
            (
                with(&lstm, CellOptions { coupled: true, ..plain }),
                ["it has no coupled input and forget gates", "it has no coupled input and forget gates", ""],
            ),
            (
                with(&gru, CellOptions { clip: Some(3.0), ..plain }),
                ["it has no clip of the gates", "it has no clip of the gates", ""],
            ),
            (
                with(&rnn, CellOptions { layer_norm: Some(1e-5), ..plain }),
                ["has layer normalisation inside the cell"; 3],
            ),
            (with(&gru, CellOptions { zoneout_hidden: 0.1, ..plain }), ["has zoneout"; 3]),
            (with(&lstm, CellOptions { zoneout_cell: 0.1, ..plain }), ["has zoneout"; 3]),
            (with(&rnn, candidate(Relu)), ["", "", ""]),
            (with(&rnn, candidate(Softsign)), ["knows tanh and relu alone, not Softsign", "", ""]),
            (with(&rnn, candidate(ThresholdedRelu { alpha: 1.0 })), ["tanh and relu alone", by_name, ""]),
            (with(&gru, gate(Sigmoid)), ["", "", ""]),
            (with(&gru, gate(ActivationFunction::HARD_SIGMOID_KERAS)), [sigmoid_tanh, "", ""]),
            (with(&gru, gate(ActivationFunction::HARD_SIGMOID_ONNX)), [sigmoid_tanh, by_name, ""]),
            (with(&gru, candidate(Elu { alpha: 1.0 })), [sigmoid_tanh, "", ""]),
            (with(&gru, candidate(Elu { alpha: 0.5 })), [sigmoid_tanh, by_name, ""]),
            (with(&gru, candidate(LeakyRelu { alpha: 0.01 })), [sigmoid_tanh, by_name, ""]),
            (with(&gru, candidate(Linear)), [sigmoid_tanh, "", ""]),
            (with(&lstm, lstm_activation(Relu)), [sigmoid_tanh, "", ""]),
            (
                with(&lstm, candidate(Relu)),
                [sigmoid_tanh, "one activation for candidate and output, which here are Relu and Tanh", ""],
            ),
            (with(&gru, candidate(ScaledTanh { alpha: 1.7, beta: 0.6 })), [sigmoid_tanh, by_name, ""]),
        ];
        for (config, expected) in cases {
            for (peer, expected) in [Peer::PyTorch, Peer::Keras, Peer::Onnx].into_iter().zip(expected) {
                match config.representable_in(peer) {
                    Ok(()) => assert_eq!(expected, "", "{peer}: {config:?}"),
                    Err(error) => {
                        let error = error.to_string();
                        assert!(!expected.is_empty() && error.contains(expected), "{error:?} for {config:?}");
                        let start = format!("{peer} cannot hold this {}: ", config.cell.name());
                        assert!(error.starts_with(&start) && !error.contains('\n'), "{error:?}");
                    }
                }
            }
        }
        assert!(RecurrentConfig::new(CellKind::Lstm, 3, 0).representable_in(Peer::Onnx).is_err());
    }
}
