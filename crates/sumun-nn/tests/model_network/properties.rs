//! Any list of layers is refused in one line, or keeps every promise.

use ndarray::Array2;
use proptest::prelude::*;
use sumun_nn::model::{
    AttentionLayer, Batch, Biases, DenseLayer, DropoutLayer, EmbeddingLayer, Input, LayerConfig, Model,
    ModelConfig, ModelFile, PoolLayer, RecurrentLayer,
};
use sumun_nn::nn::{CellKind, Merge, Pool};
use sumun_nn::train::Regularizer;

use crate::models::{NOISE, ids};

fn any_recurrent() -> impl Strategy<Value = LayerConfig> {
    let cell = prop_oneof![
        Just(CellKind::RnnTanh),
        Just(CellKind::RnnRelu),
        Just(CellKind::Lstm),
        Just(CellKind::Gru),
        Just(CellKind::GruResetBefore),
    ];
    let merge = prop_oneof![Just(Merge::Concat), Just(Merge::Sum), Just(Merge::Mul), Just(Merge::Average)];
    let biases = prop_oneof![Just(Biases::Two), Just(Biases::One), Just(Biases::None)];
    let rate = || prop_oneof![Just(0.0_f32), Just(0.1), 0.0..0.9_f32];
    // Most fit; the wild may have anything.
    let wild = prop::bool::weighted(0.1);
    let sequence = prop::bool::weighted(0.8);
    (
        cell,
        0..5_usize,
        0..3_usize,
        (any::<[bool; 4]>(), sequence, wild),
        merge,
        biases,
        (rate(), rate(), rate()),
    )
        .prop_map(
            |(
                cell,
                units,
                layers,
                ([both, keras, backwards, inverted], sequence, wild),
                merge,
                biases,
                (between, input, hidden),
            )| {
                let (units, layers) = if wild { (units, layers) } else { (units.max(1), layers.max(1)) };
                let layer = RecurrentLayer::new(cell, units);
                let layer = if keras { layer.keras() } else { layer.biases(biases) };
                layer
                    .layers(layers)
                    .return_sequences(sequence)
                    .bidirectional(both)
                    .go_backwards(backwards && (!both || wild))
                    .inverted_update(inverted && (cell.spec().update_gate.is_some() || wild))
                    .merge(if both || wild { merge } else { Merge::Concat })
                    .dropout(if layers > 1 || wild { between } else { 0.0 })
                    .input_dropout(input)
                    .recurrent_dropout(hidden)
                    .into()
            },
        )
}

fn any_layer() -> impl Strategy<Value = LayerConfig> {
    let pool = prop_oneof![Just(Pool::Last), Just(Pool::Max), Just(Pool::Mean)];
    let name = prop_oneof![3 => Just(None), 1 => "[a-c수 ]{0,2}".prop_map(Some)];
    prop_oneof![
        8 => any_recurrent(),
        2 => (prop_oneof![1 => Just(0), 9 => 1..5_usize], any::<bool>(), 0.0..2.0_f64, name).prop_map(|(units, bias, rate, name)| {
            let mut layer = DenseLayer::new(units).bias(bias).learning_rate(rate);
            layer.common.name = name;
            layer.into()
        }),
        1 => (0.0..1.05_f32).prop_map(|p| DropoutLayer::new(p).into()),
        1 => pool.prop_map(|over| PoolLayer::new(over).into()),
        2 => (0..5_usize, any::<bool>(), prop::option::of(0.0..0.1_f32)).prop_map(|(units, trainable, l2)| {
            let layer = AttentionLayer::new(units).trainable(trainable);
            AttentionLayer { kernel_regularizer: l2.map(Regularizer::l2), ..layer }.into()
        }),
        1 => (0..5_usize).prop_map(|features| EmbeddingLayer::new(features).into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any list of layers is the same through TOML and JSON. It is refused in one line, or it is what was counted, its
    /// file holds the same bits, and padding changes nothing.
    #[test]
    fn any_layers_are_refused_or_keep_every_promise(
        mask in any::<bool>(),
        layers in prop::collection::vec(any_layer(), 0..4),
    ) {
        let config = ModelConfig {
            layers: [vec![EmbeddingLayer::new(2).mask_zero(mask).into()], layers].concat(),
            ..ModelConfig::new(Input::ids(7))
        };
        prop_assert_eq!(&ModelConfig::from_toml(&config.to_toml().unwrap()).unwrap(), &config);
        let counted = config.summary();
        let model = match config.clone().build(5) {
            Ok(model) => model,
            Err(error) => {
                let error = error.to_string();
                prop_assert!(!error.contains('\n') && error.len() < 200, "{}", error);
                prop_assert_eq!(counted.unwrap_err().to_string(), error);
                return Ok(());
            }
        };
        prop_assert_eq!(counted.unwrap().parameters(), model.parameters().len());
        let loaded = ModelFile::from_bytes("m", &model.to_file().unwrap().to_bytes().unwrap()).unwrap();
        let loaded = Model::from_file(&loaded).unwrap();
        let (ids, lengths) = (ids(), [5, 3, 2, 0]);
        let batch = Batch::ids(ids.view()).lengths(&lengths).unwrap();
        let together = model.forward(&batch).unwrap();
        prop_assert_eq!(&together.data, &loaded.forward(&batch).unwrap().data);
        let (trained, cache) = model.forward_train(&batch, NOISE).unwrap();
        prop_assert_eq!(&trained.data, &loaded.forward_train(&batch, NOISE).unwrap().0.data);
        let mut model = model;
        model.backward(cache, trained).unwrap();
        prop_assert!(model.parameters().gradients().iter().all(|d| d.is_finite()));
        let (together, width) = (together.unpack(), together.layout.time() * together.features);
        for (n, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let own = Array2::from_shape_fn((1, length), |(_, t)| ids[[n, t]]);
            let alone = model.forward(Batch::ids(own.view())).unwrap().unpack();
            // Going backwards puts the padding first.
            let turned = |layer: &&LayerConfig| layer.get::<RecurrentLayer>().is_some_and(|layer| layer.go_backwards);
            let padded_first = model.config().layers.iter().filter(turned).count() % 2 == 1;
            let start = n * width + if padded_first { width - alone.len() } else { 0 };
            prop_assert_eq!(&together[start..start + alone.len()], &alone[..]);
        }
    }
}
