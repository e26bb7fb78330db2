//! `docs/paths.md` says what the kernels compute: each of its rows is made again from what they answer.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sumun::Parameters;
use sumun::nn::{
    ActivationFunction, CellKind, CellOptions, Merge, Recurrent, RecurrentConfig, RecurrentDropout,
};
use sumun_kernels::Path;

const PATHS: &str = include_str!("../../../docs/paths.md");

/// Every row of the table with all stacks that it speaks of.
fn rows() -> Vec<(&'static str, Vec<RecurrentConfig>)> {
    let of = |cell| RecurrentConfig::new(cell, 3, 4);
    let [tanh, relu, lstm, gru, before] =
        [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore]
            .map(of);
    let cells = [&tanh, &relu, &lstm, &gru, &before];
    let gated = [&lstm, &gru, &before];
    let every = |change: &dyn Fn(RecurrentConfig) -> RecurrentConfig| -> Vec<RecurrentConfig> {
        cells.iter().map(|&config| change(config.clone())).collect()
    };
    let plain = CellOptions::default();
    let with = |configs: &[&RecurrentConfig], options: CellOptions| -> Vec<RecurrentConfig> {
        configs.iter().map(|&config| RecurrentConfig { options, ..config.clone() }).collect()
    };
    let both = |merge| every(&|config| RecurrentConfig { bidirectional: true, merge, ..config });
    let other = Some(ActivationFunction::Softsign);
    let unclear = [
        ActivationFunction::Elu { alpha: -1.0 },
        ActivationFunction::LeakyRelu { alpha: -0.1 },
        ActivationFunction::ThresholdedRelu { alpha: -1.0 },
        ActivationFunction::ScaledTanh { alpha: 0.0, beta: 1.0 },
    ];
    // An option that is added to the kernels needs a row here.
    let CellOptions {
        projection: _,
        peepholes: _,
        coupled: _,
        clip: _,
        gate_activation: _,
        candidate_activation: _,
        output_activation: _,
        layer_norm: _,
        recurrent_dropout: _,
        zoneout_hidden: _,
        zoneout_cell: _,
    } = plain;
    let drops = |gates| {
        let options = CellOptions { recurrent_dropout: gates, ..plain };
        every(&|config| RecurrentConfig { recurrent_dropout: 0.2, options, ..config })
    };
    vec![
        (
            "RNN, tanh",
            [
                vec![tanh.clone()],
                with(&[&relu], CellOptions { candidate_activation: Some(ActivationFunction::Tanh), ..plain }),
            ]
            .concat(),
        ),
        (
            "RNN, relu",
            [
                vec![relu.clone()],
                with(&[&tanh], CellOptions { candidate_activation: Some(ActivationFunction::Relu), ..plain }),
            ]
            .concat(),
        ),
        ("LSTM", vec![lstm.clone()]),
        ("GRU, reset after", vec![gru.clone()]),
        ("GRU, reset before", vec![before.clone()]),
        ("IndRNN", vec![of(CellKind::IndRnn)]),
        ("minGRU", vec![of(CellKind::MinGru)]),
        ("minLSTM", vec![of(CellKind::MinLstm)]),
        ("sLSTM", vec![of(CellKind::SLstm)]),
        ("`layers`", every(&|config| RecurrentConfig { layers: 3, ..config })),
        (
            "`bidirectional` and every `merge`",
            [Merge::Concat, Merge::Sum, Merge::Mul, Merge::Average].into_iter().flat_map(both).collect(),
        ),
        (
            "`bias(false)`, one bias",
            [
                every(&|config| RecurrentConfig { bias: false, ..config }),
                every(&|config| RecurrentConfig { second_bias: false, ..config }),
            ]
            .concat(),
        ),
        ("`dropout` between layers", every(&|config| RecurrentConfig { layers: 2, dropout: 0.2, ..config })),
        ("`input_dropout`", every(&|config| RecurrentConfig { input_dropout: 0.2, ..config })),
        (
            "`inverted_update`",
            [&gru, &before]
                .map(|config| RecurrentConfig { inverted_update: true, ..config.clone() })
                .to_vec(),
        ),
        ("`projection`", with(&[&lstm], CellOptions { projection: Some(2), ..plain })),
        (
            "`recurrent_dropout`",
            [
                drops(RecurrentDropout::None),
                drops(RecurrentDropout::Shared),
                drops(RecurrentDropout::PerGate),
            ]
            .concat(),
        ),
        ("`peepholes`", with(&[&lstm], CellOptions { peepholes: true, ..plain })),
        ("`coupled`", with(&[&lstm], CellOptions { coupled: true, ..plain })),
        ("`clip`", with(&cells, CellOptions { clip: Some(3.0), ..plain })),
        ("another `gate_activation`", with(&gated, CellOptions { gate_activation: other, ..plain })),
        (
            "another `candidate_activation`",
            with(
                &[&tanh, &relu, &lstm, &gru, &before, &of(CellKind::IndRnn)],
                CellOptions { candidate_activation: other, ..plain },
            ),
        ),
        ("another `output_activation`", with(&[&lstm], CellOptions { output_activation: other, ..plain })),
        (
            "an activation whose value does not tell its slope (below)",
            unclear
                .map(|function| {
                    let options = CellOptions { candidate_activation: Some(function), ..plain };
                    RecurrentConfig { options, ..gru.clone() }
                })
                .to_vec(),
        ),
        ("`layer_norm`", with(&cells, CellOptions { layer_norm: Some(1e-5), ..plain })),
        ("`zoneout_hidden`", with(&cells, CellOptions { zoneout_hidden: 0.1, ..plain })),
        ("`zoneout_cell`", with(&[&lstm], CellOptions { zoneout_cell: 0.1, ..plain })),
    ]
}

/// Whether a path computes a stack; what the stack takes of itself is the fastest that does.
fn computes(config: &RecurrentConfig, path: Path) -> bool {
    let build = || {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        Recurrent::new(config.clone(), &mut Parameters::new(), "", &mut rng).unwrap()
    };
    let computes = build().on_path(path).is_ok();
    if path == Path::best() {
        assert_eq!(build().path(), if computes { path } else { Path::Reference }, "{config:?}");
    }
    computes
}

#[test]
fn the_table_of_the_docs_is_what_the_kernels_answer() {
    let said: Vec<&str> = PATHS.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    let mut found = Vec::new();
    let alone: Vec<CellKind> = rows()
        .iter()
        .filter(|(_, configs)| configs.len() <= 2)
        .flat_map(|(_, c)| c.iter().map(|c| c.cell))
        .collect();
    assert!(CellKind::ALL.iter().all(|cell| alone.contains(cell)), "a cell has no row");
    for (name, configs) in rows() {
        let on = |path: Path| {
            let answers: Vec<bool> = configs.iter().map(|config| computes(config, path)).collect();
            assert!(answers.iter().all(|&answer| answer == answers[0]), "{name} on {path}: {answers:?}");
            if answers[0] { "yes" } else { "no" }
        };
        let fused: Vec<&str> = Path::ALL
            .into_iter()
            .filter(|&path| path != Path::Reference && path.is_available())
            .map(on)
            .collect();
        assert!(fused.iter().all(|answer| *answer == fused[0]), "{name}: {fused:?}");
        found.push(format!("| {name} | {} | {} |", fused[0], on(Path::Reference)));
    }
    assert_eq!(said, found);
}
