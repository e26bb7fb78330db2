use std::sync::Arc;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::*;
use crate::{Fill, Layout};

fn attention(config: CrossAttentionConfig) -> (CrossAttention, Parameters) {
    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let layer = CrossAttention::new(config, &mut parameters, "attention", &mut rng).unwrap();
    (layer, parameters)
}

/// Every way to score queries of 4 features over a memory of 3, and of 3 where both must be the same.
fn every_score() -> Vec<CrossAttentionConfig> {
    let dot = CrossAttentionConfig::dot(4, 3);
    let units = Some(5);
    vec![
        CrossAttentionConfig { query: 3, ..dot },
        CrossAttentionConfig { query: 3, scaled: true, ..dot },
        CrossAttentionConfig { units, ..dot },
        CrossAttentionConfig { units, scaled: true, ..dot },
        CrossAttentionConfig { score: Score::General, ..dot },
        CrossAttentionConfig { score: Score::General, scaled: true, ..dot },
        CrossAttentionConfig { score: Score::Additive, units, ..dot },
    ]
}

/// Numbers that repeat nowhere.
fn number(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

fn rows(seed: usize, features: usize, layout: &Arc<Layout>) -> Rows {
    let data = (0..layout.rows() * features).map(|k| number(k + seed)).collect();
    Rows::new(data, features, layout.clone()).unwrap()
}

fn full(sequences: usize, time: usize) -> Arc<Layout> {
    Layout::full(sequences, time).unwrap()
}

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

#[test]
fn gradients_agree_with_central_differences() {
    let mask = [true, false, true, true, false, false, false, false, false, true, true, false];
    let layouts = [
        (Layout::ragged(&[2, 1, 3], 3).unwrap(), Layout::ragged(&[4, 0, 2], 4).unwrap()),
        (Layout::ragged(&[0, 4, 1], 4).unwrap(), Layout::masked(&mask, 3, 4, Fill::Zero).unwrap()),
    ];
    for config in every_score() {
        for (query_layout, memory_layout) in &layouts {
            for path in paths() {
                check(config, path, query_layout, memory_layout);
            }
        }
    }
}

fn check(config: CrossAttentionConfig, path: Path, query_layout: &Arc<Layout>, memory_layout: &Arc<Layout>) {
    let (layer, mut parameters) = attention(config);
    let layer = layer.on_path(path);
    let queries = rows(5, config.query, query_layout);
    let memory = rows(50, config.memory, memory_layout);
    let loss = |parameters: &Parameters, queries: &Rows, memory: &Rows| -> f64 {
        let y = layer.forward(parameters, queries.clone(), memory.clone()).unwrap();
        y.data.iter().enumerate().map(|(k, &y)| f64::from(number(k + 3)) * f64::from(y)).sum()
    };
    let (y, cache) = layer.forward_train(&parameters, queries.clone(), memory.clone()).unwrap();
    let d_out = rows(3, y.features, &y.layout);
    let needed = [InputGradient::Needed; 2];
    let [d_queries, d_memory] = layer.backward(&mut parameters, cache, d_out.clone(), needed).unwrap();

    const STEP: f32 = 1.0 / 256.0;
    let close = |what: &str, analytic: f32, at: &dyn Fn(f32) -> f64| {
        let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
        let difference = (f64::from(analytic) - numeric).abs();
        assert!(
            difference <= 2e-3 * (1.0 + numeric.abs()),
            "{config:?} on {path}, {what}: {analytic} analytic, {numeric} numeric"
        );
    };
    let moved = |rows: &Rows, k: usize, by: f32| {
        let mut data = rows.data.to_vec();
        data[k] += by;
        Rows::new(data, rows.features, rows.layout.clone()).unwrap()
    };
    for (k, &d) in d_queries.unwrap().data.iter().enumerate() {
        close("a query", d, &|by| loss(&parameters, &moved(&queries, k, by), &memory));
    }
    for (k, &d) in d_memory.unwrap().data.iter().enumerate() {
        close("the memory", d, &|by| loss(&parameters, &queries, &moved(&memory, k, by)));
    }
    for k in 0..parameters.len() {
        close("a weight", parameters.gradients()[k], &|by| {
            let mut parameters = parameters.clone();
            parameters.values_mut()[k] += by;
            loss(&parameters, &queries, &memory)
        });
    }
    // Gradients are added to, and leaving out the inputs' changes nothing else.
    let once = parameters.gradients().to_vec();
    let (_, cache) = layer.forward_train(&parameters, queries, memory).unwrap();
    let none = layer.backward(&mut parameters, cache, d_out, [InputGradient::Skip; 2]).unwrap();
    assert!(none.iter().all(Option::is_none));
    for (twice, once) in parameters.gradients().iter().zip(once) {
        assert!((twice - 2.0 * once).abs() <= 1e-4 * (1.0 + once.abs()), "{config:?}: {twice}, {once}");
    }
}

/// Outputs, alignments and gradients of the inputs: each sequence alone, queries one by one, and on other threads.
#[test]
fn company_changes_no_bit() {
    let (query_lengths, memory_lengths) = ([3, 0, 7, 1, 4], [5, 2, 40, 0, 33]);
    let query_layout = Layout::ragged(&query_lengths, 9).unwrap();
    let memory_layout = Layout::ragged(&memory_lengths, 41).unwrap();
    for config in every_score() {
        let (layer, parameters) = attention(config);
        let (queries, memory) =
            (rows(5, config.query, &query_layout), rows(50, config.memory, &memory_layout));
        let (padded_queries, padded_memory) = (queries.unpack(), memory.unpack());
        let run = |queries: Rows, memory: Rows, d_out: Option<Rows>| {
            let mut parameters = parameters.clone();
            let alignment = layer.weights(&parameters, &queries, &memory).unwrap();
            let (out, cache) = layer.forward_train(&parameters, queries, memory).unwrap();
            let d_out = d_out.unwrap_or_else(|| rows(3, out.features, &out.layout));
            let needed = [InputGradient::Needed; 2];
            let [d_queries, d_memory] =
                layer.backward(&mut parameters, cache, d_out.clone(), needed).unwrap();
            let [d_queries, d_memory] = [d_queries, d_memory].map(|d| d.unwrap().unpack());
            let gradients = parameters.gradients().to_vec();
            (out.unpack(), alignment, d_queries, d_memory, gradients, d_out.unpack())
        };
        let all = run(queries.clone(), memory.clone(), None);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
        assert!(pool.install(|| run(queries, memory, None)) == all, "{config:?}: threads");

        for (n, (&steps, &memory_steps)) in query_lengths.iter().zip(&memory_lengths).enumerate() {
            let part = |values: &[f32], time: usize, features: usize, from: usize, count: usize| {
                values[(n * time + from) * features..][..count * features].to_vec()
            };
            let pack = |values: Vec<f32>, features: usize, count: usize| {
                Rows::pack(&values, features, full(1, count)).unwrap()
            };
            let memory_alone = part(&padded_memory, 41, config.memory, 0, memory_steps);
            let alone = |from: usize, count: usize| {
                run(
                    pack(part(&padded_queries, 9, config.query, from, count), config.query, count),
                    pack(memory_alone.clone(), config.memory, memory_steps),
                    Some(pack(part(&all.5, 9, config.memory, from, count), config.memory, count)),
                )
            };
            let found = alone(0, steps);
            assert_eq!(found.0, part(&all.0, 9, config.memory, 0, steps), "{config:?}: out of {n}");
            assert_eq!(found.2, part(&all.2, 9, config.query, 0, steps), "{config:?}: d_queries of {n}");
            assert_eq!(
                found.3,
                part(&all.3, 41, config.memory, 0, memory_steps),
                "{config:?}: d_memory of {n}"
            );
            for query in 0..steps {
                let found = alone(query, 1);
                assert_eq!(
                    found.0,
                    part(&all.0, 9, config.memory, query, 1),
                    "{config:?}: query {query} of {n}"
                );
                assert_eq!(
                    found.2,
                    part(&all.2, 9, config.query, query, 1),
                    "{config:?}: query {query} of {n}"
                );
                for step in 0..memory_steps {
                    assert_eq!(found.1[[0, 0, step]], all.1[[n, query, step]], "{config:?}");
                }
                let sum: f32 = found.1.iter().sum();
                assert!(memory_steps == 0 || (sum - 1.0).abs() < 1e-5, "{config:?}: {sum}");
            }
            if memory_steps == 0 {
                assert!(found.0.iter().all(|&v| v == 0.0), "no memory is read as zeros");
            }
        }
        // What is padding on either side is 0.
        assert!(all.1.indexed_iter().all(|((n, query, step), &weight)| {
            weight == 0.0 || (query < query_lengths[n] && step < memory_lengths[n])
        }));
    }
}

/// One query over three steps, worked out with Python's math module.
#[test]
fn the_equations_by_hand() {
    let softmax = |scores: [f64; 3]| {
        let exps = scores.map(f64::exp);
        exps.map(|e| e / exps.iter().sum::<f64>())
    };
    let memory = [0.5, -1.0, 2.0];
    let (query, scaled) = (0.75, false);
    let additive =
        CrossAttentionConfig { score: Score::Additive, units: Some(1), ..CrossAttentionConfig::dot(1, 1) };
    let general = CrossAttentionConfig { score: Score::General, scaled, ..CrossAttentionConfig::dot(1, 1) };
    for (config, weights, scores) in [
        (CrossAttentionConfig::dot(1, 1), vec![], memory.map(|m| query * m)),
        (general, vec![-0.5], memory.map(|m| query * -0.5 * m)),
        (additive, vec![2.0, 0.5, 0.25, 3.0], memory.map(|m| 3.0 * f64::tanh(2.0 * query + 0.5 * m + 0.25))),
    ] {
        let (layer, mut parameters) = attention(config);
        parameters.values_mut().copy_from_slice(&weights);
        let one = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            Rows::pack(&values, 1, full(1, values.len())).unwrap()
        };
        let found = layer.weights(&parameters, &one(&[query]), &one(&memory)).unwrap();
        for (found, expected) in found.iter().zip(softmax(scores)) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{config:?}: {found} for {expected}");
        }
    }
}

#[test]
fn large_scores_stay_finite() {
    let (layer, parameters) = attention(CrossAttentionConfig::dot(1, 1));
    let one = |values: &[f32]| Rows::pack(values, 1, full(1, values.len())).unwrap();
    let found = layer.weights(&parameters, &one(&[1000.0]), &one(&[-9.0, 9.0, 9.0])).unwrap();
    assert_eq!(found.into_raw_vec_and_offset().0, [0.0, 0.5, 0.5]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let dot = CrossAttentionConfig::dot(4, 3);
    for (config, expected) in [
        (
            dot,
            "a dot product of queries of 4 features with a memory of 3; give units, in which both meet, or take the \
             score general",
        ),
        (
            CrossAttentionConfig { memory: 0, ..dot },
            "attention of 4 features over 0 with units of none; sizes must be at least 1",
        ),
        (
            CrossAttentionConfig { units: Some(0), ..dot },
            "attention of 4 features over 3 with units of 0; sizes must be at least 1",
        ),
        (
            CrossAttentionConfig { score: Score::General, units: Some(2), ..dot },
            "the score general with 2 units; it meets in the features of the queries, leave out units",
        ),
        (
            CrossAttentionConfig { score: Score::Additive, ..dot },
            "the score additive needs units, in which both meet",
        ),
        (
            CrossAttentionConfig { score: Score::Additive, units: Some(2), scaled: true, ..dot },
            "the score additive is no dot product; leave out scaled",
        ),
    ] {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let error = CrossAttention::new(config, &mut Parameters::new(), "a", &mut rng).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    let (layer, mut parameters) = attention(CrossAttentionConfig { score: Score::General, ..dot });
    let (two, three) = (full(2, 2), full(3, 2));
    let error = |parameters: &Parameters, queries: Rows, memory: Rows| {
        layer.forward(parameters, queries, memory).unwrap_err().to_string()
    };
    assert_eq!(
        error(&parameters, rows(0, 3, &two), rows(0, 3, &two)),
        "the queries of cross-attention: expected [4, 4], found [4, 3]"
    );
    assert_eq!(
        error(&parameters, rows(0, 4, &two), rows(0, 4, &two)),
        "the memory of cross-attention: expected [4, 3], found [4, 4]"
    );
    assert_eq!(
        error(&parameters, rows(0, 4, &two), rows(0, 3, &three)),
        "the memory of cross-attention: expected [2, T, 3], a sequence for each of the queries, found [3, 2, 3]"
    );
    let (_, cache) = layer.forward_train(&parameters, rows(0, 4, &two), rows(0, 3, &two)).unwrap();
    let d_out = rows(0, 4, &two);
    let error = layer.backward(&mut parameters, cache, d_out, [InputGradient::Skip; 2]).unwrap_err();
    assert_eq!(error.to_string(), "the gradient of cross-attention's output: expected [4, 3], found [4, 4]");
}

/// Rows that the caller gives again are projected once, with the bits that each call by itself returns; rows or weights that
/// have changed are projected again.
#[test]
fn a_memory_that_is_given_again_is_projected_once() {
    for config in every_score() {
        let (layer, mut parameters) = attention(config);
        let mut memory = rows(5, 3, &full(2, 4));
        let queries = |step: usize| rows(step, config.query, &full(2, 1));
        let alone = |parameters: &Parameters, memory: &Rows, step| {
            let memory = Rows::new(memory.data.to_vec(), 3, memory.layout.clone()).unwrap();
            layer.clone().forward(parameters, queries(step), memory).unwrap()
        };
        let mut kept = Vec::new();
        let mut check = |parameters: &Parameters, memory: &Rows, step| {
            let out = layer.forward(parameters, queries(step), memory.clone()).unwrap();
            assert_eq!(out.data, alone(parameters, memory, step).data, "{config:?}");
            kept.push(layer.last.kept().unwrap());
        };
        check(&parameters, &memory, 1);
        check(&parameters, &memory, 2);
        memory.data_mut()[3] += 1.0;
        check(&parameters, &memory, 2);
        parameters.values_mut().iter_mut().for_each(|value| *value += 0.5);
        check(&parameters, &memory, 2);
        let same: Vec<bool> = kept.windows(2).map(|pair| Arc::ptr_eq(&pair[0], &pair[1])).collect();
        assert_eq!(same, [true, false, false], "{config:?}");
        // Rows that only the call has cannot come again.
        layer.forward(&parameters, queries(1), rows(9, 3, &full(2, 4))).unwrap();
        assert!(Arc::ptr_eq(&layer.last.kept().unwrap(), &kept[3]));
    }
}
