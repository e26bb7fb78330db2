use super::exact::exact;
use super::*;
use crate::Layout;
use std::sync::Arc;
use sumun_testing::{assert_close, central_differences};

const TAGS: usize = 4;

/// Of O, B-X, I-X and S-X, with spans that are closed by their last tag alone.
fn rules() -> TagRules {
    TagRules::new(TAGS, |from, to| match (from, to) {
        (None, Some(to)) => to != 2,
        (Some(1), to) => to == Some(2),
        (Some(2), to) => to.is_none_or(|to| to != 3),
        (Some(_), to) => to != Some(2),
        (None, None) => true,
    })
    .unwrap()
}

/// Numbers that repeat nowhere, between −2 and 2.
fn number(k: usize) -> f32 {
    ((k * 7919 + 13) % 1009) as f32 / 252.25 - 2.0
}

fn crf(tags: usize, path: Path) -> (Crf, Parameters) {
    let mut parameters = Parameters::new();
    let crf = Crf::new(CrfConfig { tags }, &mut parameters, "crf").unwrap().on_path(path);
    parameters.values_mut().iter_mut().enumerate().for_each(|(k, value)| *value = number(k + 500));
    (crf, parameters)
}

fn rows(layout: &Arc<Layout>, tags: usize, size: f32) -> Rows {
    let data = (0..layout.rows() * tags).map(|k| size * number(k)).collect();
    Rows::new(data, tags, layout.clone()).unwrap()
}

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

/// All sequences of so many tags and their scores, in double precision: `weights` are transitions, starts and ends.
fn all(weights: &[f64], x: &[f64], tags: usize, rules: Option<&TagRules>) -> Vec<(Vec<u32>, f64)> {
    let steps = x.len() / tags;
    let (pairs, ends) = weights.split_at(tags * tags);
    let one = |mut number: usize| {
        let sequence: Vec<u32> = (0..steps)
            .map(|_| {
                let tag = number % tags;
                number /= tags;
                tag as u32
            })
            .collect();
        let at = |t: usize| sequence[t] as usize;
        let mut score = ends[at(0)] + ends[tags + at(steps - 1)];
        score += (0..steps).map(|t| x[t * tags + at(t)]).sum::<f64>();
        score += (1..steps).map(|t| pairs[at(t - 1) * tags + at(t)]).sum::<f64>();
        (sequence, score)
    };
    let sequences = (0..tags.pow(steps as u32)).map(one);
    sequences.filter(|(sequence, _)| rules.is_none_or(|rules| rules.allow(sequence))).collect()
}

/// −ln p of a sequence by the sum over all of them.
fn surprise(weights: &[f64], x: &[f64], tags: usize, gold: &[u32], rules: Option<&TagRules>) -> f64 {
    let all = all(weights, x, tags, rules);
    let score = all.iter().find(|(sequence, _)| sequence == gold).unwrap().1;
    all.iter().map(|(_, other)| other.exp()).sum::<f64>().ln() - score
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// The rows of each sequence in the order of its steps.
fn by_sequence(rows: &Rows) -> Vec<Vec<f32>> {
    let mut all = vec![Vec::new(); rows.layout.sequences()];
    rows.layout.for_each_row(|row, n, _| {
        all[n].extend_from_slice(&rows.data[row * rows.features..][..rows.features])
    });
    all
}

/// The targets of sequences in the order of rows.
fn targets(layout: &Layout, tags: &[&[u32]]) -> Vec<u32> {
    let mut rows = vec![0; layout.rows()];
    layout.for_each_row(|row, n, t| rows[row] = tags[n][t]);
    rows
}

const GOLD: [&[u32]; 4] = [&[0, 1, 2], &[], &[3, 3, 1, 2, 0], &[0]];

fn layout() -> Arc<Layout> {
    Layout::ragged(&GOLD.map(<[u32]>::len), 6).unwrap()
}

#[test]
fn loss_and_gradients_are_those_of_the_sum_over_all_sequences() {
    let layout = layout();
    for path in paths() {
        for rules in [None, Some(rules())] {
            let rules = rules.as_ref();
            let (crf, mut parameters) = crf(TAGS, path);
            let x = rows(&layout, TAGS, 1.0);
            let gold = targets(&layout, &GOLD);
            let found = crf.loss_and_gradient(&mut parameters, &x, &gold, rules).unwrap();
            assert_eq!(found.weight, 9.0);
            let (loss, weight) = crf.loss(&parameters, &x, &gold, rules).unwrap();
            assert_eq!((loss.to_bits(), weight), (found.loss.to_bits(), 9.0));

            let weights = wide(parameters.values());
            let split: Vec<usize> = by_sequence(&x).iter().map(Vec::len).collect();
            let at: Vec<f64> = weights
                .iter()
                .copied()
                .chain(by_sequence(&x).concat().iter().map(|&v| f64::from(v)))
                .collect();
            let mean = |at: &[f64]| {
                let (weights, mut x) = at.split_at(weights.len());
                let mut sum = 0.0;
                for (&count, gold) in split.iter().zip(GOLD).filter(|(count, _)| **count > 0) {
                    let (here, rest) = x.split_at(count);
                    x = rest;
                    sum += surprise(weights, here, TAGS, gold, rules);
                }
                sum / 9.0
            };
            assert!((mean(&at) - loss).abs() < 1e-6, "{path}: {loss} for {}", mean(&at));
            let expected = central_differences(&at, 1e-5, mean);
            let (of_weights, of_x) = expected.split_at(weights.len());
            assert_close("weights", parameters.gradients(), of_weights, 2e-7, 2e-6);
            assert_close("emissions", &by_sequence(&found.d_emissions).concat(), of_x, 2e-7, 2e-6);

            // Gradients are added to.
            let once = wide(parameters.gradients());
            crf.loss_and_gradient(&mut parameters, &x, &gold, rules).unwrap();
            let twice: Vec<f64> = once.iter().map(|d| 2.0 * d).collect();
            assert_close("twice", parameters.gradients(), &twice, 1e-7, 1e-6);
        }
    }
}

#[test]
fn probabilities_and_the_best_tags_are_those_of_all_sequences() {
    let layout = layout();
    for path in paths() {
        for rules in [None, Some(rules())] {
            let rules = rules.as_ref();
            let (crf, parameters) = crf(TAGS, path);
            let x = rows(&layout, TAGS, 1.5);
            let weights = wide(parameters.values());
            let marginals = by_sequence(&crf.marginals(&parameters, &x, rules).unwrap());
            let decoded = crf.decode(&parameters, &x, rules).unwrap();
            let mut tags = vec![Vec::new(); layout.sequences()];
            layout.for_each_row(|row, n, _| tags[n].push(decoded[row]));
            for (n, x) in by_sequence(&x).iter().enumerate().filter(|(_, x)| !x.is_empty()) {
                let all = all(&weights, &wide(x), TAGS, rules);
                let total: f64 = all.iter().map(|(_, score)| score.exp()).sum();
                let mut expected = vec![0.0; x.len()];
                for (sequence, score) in &all {
                    for (t, &tag) in sequence.iter().enumerate() {
                        expected[t * TAGS + tag as usize] += score.exp() / total;
                    }
                }
                assert_close("marginals", &marginals[n], &expected, 1e-6, 1e-5);
                let best = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                assert_eq!(tags[n], best.0);
            }
        }
    }
}

/// Weights of 0 are a softmax of each step.
#[test]
fn without_weights_each_tag_is_chosen_by_itself() {
    let layout = layout();
    let mut parameters = Parameters::new();
    let crf = Crf::new(CrfConfig { tags: TAGS }, &mut parameters, "crf").unwrap();
    let names: Vec<(&str, &[usize])> =
        parameters.entries().iter().map(|entry| (entry.name.as_str(), entry.shape.as_slice())).collect();
    assert_eq!(names, [("crf.transitions", &[4, 4][..]), ("crf.start", &[4]), ("crf.end", &[4])]);
    let x = rows(&layout, TAGS, 3.0);
    let gold = targets(&layout, &GOLD);
    let mut d = vec![0.0; x.data.len()];
    let expected =
        crate::loss::CrossEntropy::default().value_and_gradient(&x.data, &gold, Some(&mut d)).unwrap();
    let found = crf.loss_and_gradient(&mut parameters, &x, &gold, None).unwrap();
    assert!((found.loss - expected).abs() < 1e-6, "{} for {expected}", found.loss);
    assert_close("gradient", &found.d_emissions.data, &d, 1e-7, 1e-5);
    let largest = |row: &[f32]| (0..TAGS).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as u32;
    let expected: Vec<u32> = x.data.chunks_exact(TAGS).map(largest).collect();
    assert_eq!(crf.decode(&parameters, &x, None).unwrap(), expected);
}

/// Long sequences and large scores against log space and double precision: single precision alone would lose all of them.
#[test]
fn scores_of_all_sizes_agree_with_log_space() {
    for path in paths() {
        for (tags, steps, size) in
            [(2, 400, 1.0), (9, 60, 8.0), (33, 25, 30.0), (5, 40, 300.0), (3, 30, 3e37)]
        {
            let (crf, mut parameters) = crf(tags, path);
            if size > 100.0 {
                parameters.values_mut().iter_mut().for_each(|value| *value *= 100.0);
            }
            let layout = Layout::ragged(&[steps, 1, steps / 2], steps).unwrap();
            let x = rows(&layout, tags, size);
            let gold: Vec<u32> = (0..layout.rows()).map(|k| (k * 31 % tags) as u32).collect();
            let found = crf.loss_and_gradient(&mut parameters, &x, &gold, None).unwrap();
            let scores = crf.scores(&parameters, &x, None).unwrap();
            let by = BySequence::of(&layout);
            let (mut loss, mut pairs) = (0.0, vec![0.0; tags * tags]);
            let mut marginals = vec![Vec::new(); layout.rows()];
            for n in 0..3 {
                let of = &by.rows()[by.range(n)];
                let steps: Vec<&[f32]> = of.iter().map(|&row| &x.data[row * tags..][..tags]).collect();
                let sums = exact(scores, None, &steps, Some(&mut pairs));
                loss += sums.log_sum;
                let tag = |&row: &usize| gold[row] as usize;
                loss -= f64::from(scores.start[tag(&of[0])]) + f64::from(scores.end[tag(&of[of.len() - 1])]);
                loss -= of.iter().map(|row| f64::from(x.data[row * tags + tag(row)])).sum::<f64>();
                for pair in of.windows(2) {
                    let place = tag(&pair[0]) * tags + tag(&pair[1]);
                    loss -= f64::from(scores.transitions[place]);
                    pairs[place] -= 1.0;
                }
                for (&row, found) in of.iter().zip(sums.tags.chunks_exact(tags)) {
                    marginals[row] = found.to_vec();
                }
            }
            let loss = loss / found.weight;
            assert!(
                (found.loss - loss).abs() <= 1e-5 * loss.abs().max(0.1),
                "{path} {size}: {} for {loss}",
                found.loss
            );
            let pairs: Vec<f64> = pairs.iter().map(|pair| pair / found.weight).collect();
            assert_close("pairs", parameters.gradient(crf.transitions()), &pairs, 2e-5, 1e-3);
            let probabilities = crf.marginals(&parameters, &x, None).unwrap();
            assert_close("marginals", &probabilities.data, &marginals.concat(), 2e-5, 2e-3);
        }
    }
}

/// A path that is worthless at first and the only one in the end: its small numbers are 0 in single precision.
#[test]
fn what_single_precision_loses_is_computed_anew() {
    for path in paths() {
        let (crf, mut parameters) = crf(2, path);
        // Tags hardly ever change.
        parameters.values_mut().copy_from_slice(&[0.0, -200.0, -200.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let layout = Layout::full(1, 6).unwrap();
        let x = vec![0.0, -60.0, 0.0, -60.0, 0.0, -60.0, -60.0, 0.0, -60.0, 0.0, -61.0, 0.0];
        let x = Rows::new(x, 2, layout).unwrap();
        let found = crf.loss_and_gradient(&mut parameters, &x, &[1; 6], None).unwrap();
        let expected = (1.0 + (-1.0_f64).exp()).ln() / 6.0;
        assert!((found.loss - expected).abs() < 1e-6, "{path}: {} for {expected}", found.loss);
        let share = (1.0 / (1.0 + (-1.0_f64).exp())) as f32;
        let marginals = crf.marginals(&parameters, &x, None).unwrap();
        assert!(marginals.data.chunks(2).all(|row| (row[1] - share).abs() < 1e-6), "{marginals:?}");
        assert!((parameters.gradient(crf.transitions())[3] - (share - 1.0) * 5.0 / 6.0).abs() < 1e-6);
    }
}

#[test]
fn company_padding_and_threads_change_no_bit() {
    let lengths = [3, 0, 40, 17, 17, 1];
    for path in paths() {
        for (tags, size) in [(5, 2.0), (70, 4.0), (3, 1e38)] {
            let (crf, parameters) = crf(tags, path);
            let layout = Layout::ragged(&lengths, 41).unwrap();
            let x = rows(&layout, tags, size);
            let gold: Vec<u32> = (0..layout.rows()).map(|k| (k * 31 % tags) as u32).collect();
            let whole = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let mut parameters = parameters.clone();
                    let found = crf.loss_and_gradient(&mut parameters, &x, &gold, None).unwrap();
                    let marginals = crf.marginals(&parameters, &x, None).unwrap();
                    let decoded = crf.decode(&parameters, &x, None).unwrap();
                    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    let numbers =
                        [bits(parameters.gradients()), bits(&found.d_emissions.data), bits(&marginals.data)];
                    (found.loss.to_bits(), numbers, decoded, by_sequence(&marginals))
                })
            };
            let one = whole(1);
            assert!(one == whole(3), "{path}");
            let mut tags_of = vec![Vec::new(); lengths.len()];
            layout.for_each_row(|row, n, _| tags_of[n].push(one.2[row]));
            for (n, values) in by_sequence(&x).into_iter().enumerate() {
                let alone = Layout::full(1, lengths[n]).unwrap();
                let x = Rows::new(values, tags, alone).unwrap();
                assert_eq!(crf.decode(&parameters, &x, None).unwrap(), tags_of[n]);
                assert!(*crf.marginals(&parameters, &x, None).unwrap().data == one.3[n], "{path} {n}");
            }
        }
    }
}

#[test]
fn what_does_not_count_changes_nothing() {
    let (crf, parameters) = crf(TAGS, Path::best());
    let rules = rules();
    let short = Layout::ragged(&[3, 2], 3).unwrap();
    let long = Layout::ragged(&[3, 4, 2, 2], 4).unwrap();
    let mut of_short = parameters.clone();
    let known = by_sequence(&rows(&long, TAGS, 1.0));
    let padded = |which: &[usize], time: usize| -> Vec<f32> {
        let padded = which.iter().flat_map(|&n| {
            let mut values = known[n].clone();
            values.resize(time * TAGS, 9.0);
            values
        });
        padded.collect()
    };
    let x_short = Rows::pack(&padded(&[0, 2], 3), TAGS, short.clone()).unwrap();
    let x_long = Rows::pack(&padded(&[0, 1, 2, 3], 4), TAGS, long.clone()).unwrap();
    let gold_short = targets(&short, &[&[0, 1, 2], &[3, 0]]);
    // An unknown tag, and a tag that may not come first.
    let gold_long = targets(&long, &[&[0, 1, 2], &[0, UNKNOWN_TAG, 0, 0], &[3, 0], &[2, 0]]);
    let alone = crf.loss_and_gradient(&mut of_short, &x_short, &gold_short, Some(&rules)).unwrap();
    let mut of_long = parameters.clone();
    let beside = crf.loss_and_gradient(&mut of_long, &x_long, &gold_long, Some(&rules)).unwrap();
    assert_eq!((alone.loss, alone.weight), (beside.loss, beside.weight));
    assert_close("weights", of_long.gradients(), &wide(of_short.gradients()), 1e-8, 1e-6);
    let d = by_sequence(&beside.d_emissions);
    assert!(d[1].iter().chain(&d[3]).all(|d| *d == 0.0));
    assert_eq!([&d[0], &d[2]], [&by_sequence(&alone.d_emissions)[0], &by_sequence(&alone.d_emissions)[1]]);

    let none = targets(&short, &[&[UNKNOWN_TAG, 1, 2], &[2, 0]]);
    let mut untouched = parameters;
    let nothing = crf.loss_and_gradient(&mut untouched, &x_short, &none, Some(&rules)).unwrap();
    assert_eq!((nothing.loss, nothing.weight), (0.0, 0.0));
    assert!(nothing.d_emissions.data.iter().chain(untouched.gradients()).all(|d| *d == 0.0));
}

/// Two tags that must take turns, and end as they began: no sequence of two steps can.
#[test]
fn rules_that_leave_no_tags_are_left_aside() {
    let rules = TagRules::new(2, |from, to| match (from, to) {
        (None, Some(to)) => to == 0,
        (Some(from), None) => from == 0,
        (from, to) => from != to,
    })
    .unwrap();
    let (crf, parameters) = crf(2, Path::best());
    let x = rows(&Layout::ragged(&[2, 3], 3).unwrap(), 2, 1.0);
    let decoded = crf.decode(&parameters, &x, Some(&rules)).unwrap();
    let free = crf.decode(&parameters, &x, None).unwrap();
    let marginals = by_sequence(&crf.marginals(&parameters, &x, Some(&rules)).unwrap());
    let without = by_sequence(&crf.marginals(&parameters, &x, None).unwrap());
    let mut of = [Vec::new(), Vec::new()];
    x.layout.for_each_row(|row, n, _| of[n].push((decoded[row], free[row])));
    assert!(of[0].iter().all(|(found, free)| found == free));
    assert_eq!(marginals[0], without[0]);
    assert_eq!(of[1].iter().map(|(found, _)| *found).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(marginals[1], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn numbers_that_are_none_make_a_loss_that_is_none() {
    let (crf, mut parameters) = crf(TAGS, Path::best());
    let layout = layout();
    let gold = targets(&layout, &GOLD);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut x = rows(&layout, TAGS, 1.0);
        x.data_mut()[5] = bad;
        let found = crf.loss_and_gradient(&mut parameters, &x, &gold, None).unwrap();
        assert!(!found.loss.is_finite(), "{}", found.loss);
        // Whatever tags come, there are some.
        assert_eq!(crf.decode(&parameters, &x, Some(&rules())).unwrap().len(), 9);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (crf, mut parameters) = crf(TAGS, Path::best());
    let layout = layout();
    let x = rows(&layout, TAGS, 1.0);
    let gold = targets(&layout, &GOLD);
    let mut strange = gold.clone();
    strange[3] = TAGS as u32;
    let few = TagRules::new(3, |_, _| true).unwrap();
    let mut loss = |x: &Rows, gold: &[u32], rules: Option<&TagRules>| {
        crf.loss_and_gradient(&mut parameters, x, gold, rules).unwrap_err().to_string()
    };
    let narrow = rows(&layout, 3, 1.0);
    for (found, expected) in [
        (
            loss(&narrow, &gold, None),
            "the emissions of a conditional random field: expected [9, 4], found [9, 3]",
        ),
        (loss(&x, &gold[1..], None), "the targets of a conditional random field: expected 9 tags, found 8"),
        (loss(&x, &strange, None), "tag 4 in row 3 is not below the number of tags, 4"),
        (
            loss(&x, &gold, Some(&few)),
            "the rules for the tags of a conditional random field: expected 4 tags, found 3",
        ),
    ] {
        assert_eq!(found, expected);
    }
    assert!(parameters.gradients().iter().all(|d| *d == 0.0));
    assert!(crf.decode(&Parameters::new(), &x, None).is_err());
    let error = Crf::new(CrfConfig { tags: 0 }, &mut Parameters::new(), "crf").unwrap_err().to_string();
    assert_eq!(error, "a conditional random field over 0 tags; it needs at least 1");
    for tags in [0, 1 << 16, usize::MAX] {
        assert!(TagRules::new(tags, |_, _| true).is_err());
        assert!(Crf::new(CrfConfig { tags }, &mut Parameters::new(), "crf").is_err());
    }
}
