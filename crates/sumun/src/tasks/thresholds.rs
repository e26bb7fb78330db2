//! From which score on a label is predicted, where there may be several.

/// The threshold of a label that few records have is mostly an accident of those: as much as so many of them speaks for one that
/// all labels share. Measured on six made-up sets of 14 labels each, the rarest in 2 of 100 records, with 40, 120 and 400 records to
/// choose by: with 10, micro F1 on new records was .497, .503 and .505; with the best threshold of each label by itself .434,
/// .437 and .485, with one for all .480, .495 and .491, and with the probability ½ .322, .314 and .314.
const PRIOR: f64 = 10.0;

/// Below the least score of all, where every record is predicted to have a label.
const BELOW: f64 = 1e-3;

/// The threshold with the best F1 of some scores, each of which should be above it or not, and that F1; of equals the one
/// nearest to 0. It lies halfway between two scores. None where no score should be above.
fn best(mut scored: Vec<(f64, bool)>) -> Option<(f64, f64)> {
    let positives = scored.iter().filter(|(_, above)| *above).count();
    if positives == 0 {
        return None;
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut found) = (0, (f64::NEG_INFINITY, 0.0));
    for (place, &(score, above)) in scored.iter().enumerate() {
        hits += usize::from(above);
        let next = scored.get(place + 1).map(|next| next.0);
        if next == Some(score) {
            continue;
        }
        let threshold = next.map_or(score.min(0.0) - BELOW, |next| 0.5 * (score + next));
        let f1 = 2.0 * hits as f64 / (place + 1 + positives) as f64;
        if f1 > found.0 || f1 == found.0 && threshold.abs() < f64::abs(found.1) {
            found = (f1, threshold);
        }
    }
    Some((found.1, found.0))
}

/// Scores of a label for each record, with whether the record has it.
fn of_label<T: Copy + Into<f64>>(rows: &[Vec<T>], sets: &[Vec<u32>], label: usize) -> Vec<(f64, bool)> {
    let scored = |(row, set): (&Vec<T>, &Vec<u32>)| (row[label].into(), set.contains(&(label as u32)));
    rows.iter().zip(sets).map(scored).collect()
}

/// One threshold for all labels of rows of scores, by the micro F1, and that F1; 0 where no record has a label.
pub(super) fn common<T: Copy + Into<f64>>(rows: &[Vec<T>], sets: &[Vec<u32>]) -> (f64, f64) {
    let labels = rows.first().map_or(0, Vec::len);
    best((0..labels).flat_map(|label| of_label(rows, sets, label)).collect()).unwrap_or((0.0, 0.0))
}

/// A threshold for each label: that of the best F1 (Lipton, Elkan & Naryanaswamy, *Optimal Thresholding of Classifiers to Maximize
/// F1 Measure*, ECML 2014), the nearer to the common one the fewer records have the label.
pub(super) fn of_each<T: Copy + Into<f64>>(rows: &[Vec<T>], sets: &[Vec<u32>], labels: usize) -> Vec<f64> {
    let (shared, _) = common(rows, sets);
    let of = |label: usize| {
        let scored = of_label(rows, sets, label);
        let count = scored.iter().filter(|(_, above)| *above).count() as f64;
        let own = best(scored).map_or(shared, |(threshold, _)| threshold);
        (count * own + PRIOR * shared) / (count + PRIOR)
    };
    (0..labels).map(of).collect()
}

/// 1 / (1 + e^−x).
pub(crate) fn sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_threshold_is_halfway_between_scores() {
        for (scored, expected) in [
            (&[(3.0, true), (1.0, true), (-1.0, false)][..], Some((0.0, 1.0))),
            (&[(3.0, true), (2.0, false), (1.0, true), (-1.0, false)], Some((0.0, 0.8))),
            // Scores that are equal are on one side.
            (&[(1.0, true), (1.0, false), (0.0, true)], Some((-BELOW, 0.8))),
            (&[(-2.0, true), (-4.0, false)], Some((-3.0, 1.0))),
            (&[(-2.0, true), (2.0, true)], Some((-2.0 - BELOW, 1.0))),
            (&[(5.0, true)], Some((-BELOW, 1.0))),
            (&[(1.0, false)], None),
            (&[], None),
        ] {
            assert_eq!(best(scored.to_vec()), expected, "{scored:?}");
        }
    }

    /// No threshold of any kind does better than the one that is found.
    #[test]
    fn no_threshold_is_better() {
        let noise = |n: usize| (n as f64 * 0.754_877_666).fract();
        let scored: Vec<(f64, bool)> =
            (0..200).map(|n| (4.0 * noise(n) - 2.0, noise(n) + noise(n + 500) > 1.2)).collect();
        let f1 = |threshold: f64| {
            let above = |positive: bool| {
                scored.iter().filter(|&&(score, truth)| score >= threshold && truth == positive).count()
                    as f64
            };
            let positives = scored.iter().filter(|(_, truth)| *truth).count() as f64;
            2.0 * above(true) / (above(true) + above(false) + positives)
        };
        let (threshold, found) = best(scored.clone()).unwrap();
        assert_eq!(f1(threshold), found);
        assert!((0..4000).all(|k| f1(f64::from(k) / 1000.0 - 2.0) <= found));
    }

    #[test]
    fn rare_labels_have_nearly_the_threshold_of_all() {
        // Label 0 is told by scores above −3, label 1 by those above 1, and label 2 nobody has.
        let rows: Vec<Vec<f64>> = (0..40)
            .map(|n| vec![if n % 2 == 0 { -2.0 } else { -4.0 }, if n % 4 == 0 { 2.0 } else { 0.0 }, -5.0])
            .collect();
        let sets: Vec<Vec<u32>> = (0..40)
            .map(|n| [(0, n % 2 == 0), (1, n % 4 == 0), (2, false)])
            .map(|has| has.into_iter().filter(|(_, has)| *has).map(|(label, _)| label).collect())
            .collect();
        let (shared, found) = (common(&rows, &sets).0, of_each(&rows, &sets, 3));
        let expected = [(20.0 * -3.0 + 10.0 * shared) / 30.0, (10.0 * 1.0 + 10.0 * shared) / 20.0, shared];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(of_each::<f64>(&[], &[], 2), [0.0, 0.0]);
        assert_eq!(sigmoid(0.0), 0.5);
        assert!((sigmoid(-800.0) + sigmoid(800.0) - 1.0).abs() < 1e-15);
    }
}
