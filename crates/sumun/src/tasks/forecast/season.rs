//! Whether a series repeats itself, and after how many rows.

use super::metrics::mae;
use crate::data::Frequency;

/// A period that a series repeats itself with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Season {
    /// The period in rows, 2 or more.
    pub period: usize,
    /// The autocorrelation at the period once the trend is taken out: 1 repeats exactly.
    pub strength: f64,
    /// The mean of |y\[t\] − y\[t − period\]|, in the unit of the series: the error of repeating the season.
    pub error: f64,
}

/// The weakest autocorrelation that counts as a season; below it the seasonal naive forecast is of little use.
const LEAST_STRENGTH: f64 = 0.3;
/// How much evidence a period needs.
struct Evidence {
    /// How many standard errors the autocorrelation must be above 0.
    errors: f64,
    /// The least strength, as a share of that of the strongest candidate.
    strength: f64,
    /// A longer period must bring the error to this share to be preferred to a shorter one.
    better: f64,
}

/// For the few periods that the calendar suggests.
const CALENDAR: Evidence = Evidence { errors: 3.0, strength: 0.0, better: 0.98 };
/// For the many that a search looks at: one of them is always somewhat better by chance.
const SEARCH: Evidence = Evidence { errors: 4.5, strength: 0.9, better: 0.8 };
/// How many times a period must have passed to be believed.
const CYCLES: usize = 3;
/// The longest period that is looked for without a suggestion.
const LONGEST_SEARCHED: usize = 400;
/// How many peaks of the autocorrelation are examined without a suggestion.
const PEAKS: usize = 12;
/// Differences below this share of the values are what rounding leaves of a constant.
const ROUNDING: f64 = 1e-12;

/// Finds the season of `train`, the training part, NaN where a value is missing; `None` if it has none.
///
/// The candidates are the calendar's (a day, a week, a year, in rows of the `frequency`), and if none of them holds
/// the peaks of the autocorrelation. For each the trend, a centred moving average over one period, is taken out, and
/// the autocorrelation at the period must then be well above 0 by Bartlett's standard error and at least 0.3. This
/// average removes a random walk as well: what remains of it is uncorrelated at that lag. Of several seasons that hold,
/// the one whose repetition has the smallest error on the training part is taken, and the shorter of two alike.
pub fn detect(train: &[f64], frequency: Option<&Frequency>) -> Option<Season> {
    let suggested = frequency.map(calendar_periods).unwrap_or_default();
    best(train, suggested, &CALENDAR).or_else(|| best(train, peaks(train), &SEARCH))
}

/// A season of the calendar that is longer than `season` and no longer than `most` rows, in what is left of `train` once the
/// means of the shorter one's phases are taken out: the week of hourly values beside their day. The longest that holds.
pub(super) fn longer(train: &[f64], frequency: &Frequency, season: usize, most: usize) -> Option<Season> {
    let mut periods = calendar_periods(frequency);
    periods.retain(|&period| period > season && period <= most && period.is_multiple_of(season.max(1)));
    let rest = if season > 1 { without_season(train, season) } else { train.to_vec() };
    periods.into_iter().rev().find_map(|period| examine(&rest, period, CALENDAR.errors))
}

/// The periods that the calendar suggests for a frequency, in rows, shortest first: minutes, hours, days and weeks
/// below a day, the week and the year for days, the year above.
pub fn calendar_periods(frequency: &Frequency) -> Vec<usize> {
    let mut periods = match *frequency {
        Frequency::Months { months, .. } if 12 % months == 0 => vec![12 / months as usize],
        Frequency::Months { .. } => Vec::new(),
        Frequency::Working(rule) if 12 % rule.months() == 0 => vec![12 / rule.months() as usize],
        Frequency::Working(_) => Vec::new(),
        Frequency::Fixed { .. } | Frequency::Opening(_) => {
            const LENGTHS_S: [i64; 4] = [60, 3600, 86_400, 604_800];
            let mut periods: Vec<_> = LENGTHS_S.iter().filter_map(|&s| frequency.steps_in(s)).collect();
            let step = frequency.approximate_seconds();
            if step >= 86_400.0 {
                periods.push((365.25 * 86_400.0 / step) as usize); // 365 days, 52 weeks
            }
            periods
        }
    };
    periods.retain(|&period| period >= 2);
    periods
}

/// The periods whose repetition is a forecast to beat, in rows, shortest first: the calendar's and the `season` that was
/// found or given (1 for none), as far as the training part, of `rows` rows, has two of them.
pub fn plausible_periods(frequency: Option<&Frequency>, season: usize, rows: usize) -> Vec<usize> {
    let mut periods = frequency.map(calendar_periods).unwrap_or_default();
    periods.push(season);
    periods.retain(|&period| period >= 2 && period <= rows / 2);
    periods.sort_unstable();
    periods.dedup();
    periods
}

fn best(train: &[f64], periods: Vec<usize>, evidence: &Evidence) -> Option<Season> {
    let mut best: Option<Season> = None;
    let rounding = ROUNDING * train.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut seasons: Vec<_> =
        periods.into_iter().filter_map(|period| examine(train, period, evidence.errors)).collect();
    let strongest = seasons.iter().fold(0.0_f64, |most, season| most.max(season.strength));
    seasons.retain(|season| season.strength >= evidence.strength * strongest);
    seasons.sort_by_key(|season| season.period);
    for season in seasons {
        if best.is_none_or(|best| season.error < evidence.better * best.error - rounding) {
            best = Some(season);
        }
    }
    best
}

/// The season of this period, if it holds.
fn examine(train: &[f64], period: usize, errors: f64) -> Option<Season> {
    if period < 2 || train.len() < CYCLES * period {
        return None;
    }
    let rest = without_trend(train, period);
    let (early, late) = (&rest[..rest.len() - period], &rest[period..]);
    let strength = correlation(early, late)?;
    // Bartlett 1946: the variance of r_m from what correlates at shorter lags, the season itself left out.
    let short: f64 = match autocorrelations(&without_season(&rest, period), period - 1) {
        Some(correlations) => correlations[1..].iter().map(|r| r * r).sum(),
        None => 0.0, // nothing is left but the season
    };
    let standard_error = ((1.0 + 2.0 * short) / pairs(early, late).count() as f64).sqrt();
    if strength < LEAST_STRENGTH.max(errors * standard_error) {
        return None;
    }
    // A series that repeats exactly has no scale; its error is 0.
    let (now, before): (Vec<f64>, Vec<f64>) = pairs(&train[period..], train).unzip();
    let error = mae(&now, &before);
    Some(Season { period, strength, error })
}

/// The values less a centred moving average over one period (with half weights at both ends of an even one), for
/// the places that have all of it; of what is missing, the rest of the period has the weight.
fn without_trend(values: &[f64], period: usize) -> Vec<f64> {
    let half = period / 2;
    let even = period.is_multiple_of(2);
    let weight = |place: usize| if even && (place == 0 || place == period) { 0.5 } else { 1.0 };
    let mut rest = Vec::with_capacity(values.len() - 2 * half);
    for t in half..values.len() - half {
        let around = &values[t - half..=t + half];
        let mut sum: f64 = around.iter().sum();
        let mut weights = period as f64;
        if sum.is_nan() {
            let seen = || around.iter().enumerate().filter(|(_, v)| !v.is_nan());
            sum = seen().map(|(place, v)| weight(place) * v).sum();
            weights = seen().map(|(place, _)| weight(place)).sum();
        } else if even {
            sum -= (around[0] + around[period]) / 2.0;
        }
        rest.push(values[t] - sum / weights);
    }
    rest
}

/// Those that are there.
fn seen(values: &[f64]) -> impl Iterator<Item = f64> + '_ {
    values.iter().copied().filter(|v| !v.is_nan())
}

/// The pairs of which both are there.
fn pairs<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    a.iter().copied().zip(b.iter().copied()).filter(|(a, b)| !a.is_nan() && !b.is_nan())
}

/// The values less the mean of their phase.
fn without_season(values: &[f64], period: usize) -> Vec<f64> {
    let mut means = vec![0.0; period];
    for (phase, mean) in means.iter_mut().enumerate() {
        let all = || values.iter().skip(phase).step_by(period).copied().filter(|v| !v.is_nan());
        *mean = all().sum::<f64>() / all().count() as f64;
    }
    values.iter().zip(means.iter().cycle()).map(|(v, mean)| v - mean).collect()
}

/// The correlation of two series of one length; `None` if one of them is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs(a, b).unzip();
    let (a, b) = (centred(&a)?, centred(&b)?);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    Some(product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt())
}

/// The values less their mean; `None` if nothing but rounding is left.
fn centred(values: &[f64]) -> Option<Vec<f64>> {
    let mean = seen(values).sum::<f64>() / seen(values).count() as f64;
    let centred: Vec<f64> = values.iter().map(|v| v - mean).collect();
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    centred.iter().any(|v| v.abs() > ROUNDING * largest).then_some(centred)
}

/// The autocorrelations at the lags 0 … `longest`; `None` for a constant or too short series. A lag that few pairs of values
/// have counts as if all had it.
fn autocorrelations(values: &[f64], longest: usize) -> Option<Vec<f64>> {
    if values.len() <= longest {
        return None;
    }
    let centred = centred(values)?;
    let whole = seen(&centred).count() == centred.len();
    let product = |lag: usize| {
        let (early, late) = (&centred[..centred.len() - lag], &centred[lag..]);
        if whole {
            return early.iter().zip(late).map(|(a, b)| a * b).sum::<f64>();
        }
        let there = pairs(early, late).count().max(1) as f64;
        pairs(early, late).map(|(a, b)| a * b).sum::<f64>() / there * early.len() as f64
    };
    let variance = product(0);
    Some((0..=longest).map(|lag| product(lag) / variance).collect())
}

/// The highest peaks of the autocorrelation of the series less its straight line.
fn peaks(train: &[f64]) -> Vec<usize> {
    let longest = (train.len() / CYCLES).min(LONGEST_SEARCHED);
    let seen = || train.iter().enumerate().filter(|(_, v)| !v.is_nan()).map(|(t, v)| (t as f64, v));
    let middle = seen().map(|(t, _)| t).sum::<f64>() / seen().count() as f64;
    let (mut xx, mut xy) = (0.0, 0.0);
    for (t, v) in seen() {
        let x = t - middle;
        xx += x * x;
        xy += x * v;
    }
    let line: Vec<f64> = train.iter().enumerate().map(|(t, v)| v - xy / xx * (t as f64 - middle)).collect();
    let Some(correlations) = autocorrelations(&line, longest + 1) else { return Vec::new() };
    let is_peak = |&lag: &usize| {
        correlations[lag] > correlations[lag - 1] && correlations[lag] >= correlations[lag + 1]
    };
    let mut peaks: Vec<usize> = (2..=longest).filter(is_peak).collect();
    peaks.sort_by(|&a, &b| correlations[b].total_cmp(&correlations[a]));
    peaks.truncate(PEAKS);
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Series, SeriesSpec, Split, Table};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::f64::consts::TAU;

    /// Roughly normal noise: the sum of twelve uniform numbers less six.
    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let uniform = |rng: &mut ChaCha8Rng| f64::from(rng.next_u32()) / f64::from(u32::MAX);
        (0..n).map(|_| (0..12).map(|_| uniform(&mut rng)).sum::<f64>() - 6.0).collect()
    }

    fn walk(seed: u64, n: usize) -> Vec<f64> {
        noise(seed, n)
            .iter()
            .scan(0.0, |at, step| {
                *at += step;
                Some(*at)
            })
            .collect()
    }

    #[test]
    fn the_bundled_series() {
        for (file, expected) in [("electricity", 24), ("airline", 12), ("elnino", 12)] {
            let path = format!("{}/../../data/{file}.csv", env!("CARGO_MANIFEST_DIR"));
            let series =
                Series::from_table(&Table::read(path).unwrap(), &SeriesSpec::new(&["value"])).unwrap().series;
            let train = &series.columns[0].values[Split::by_fractions(series.len(), 0.1, 0.2).unwrap().train];
            for frequency in [series.frequency.as_ref(), None] {
                let season = detect(train, frequency).unwrap();
                assert_eq!(season.period, expected, "{file} {frequency:?} {season:?}");
            }
        }
    }

    #[test]
    fn waves_are_found_with_and_without_a_calendar() {
        let wave = |period: usize, n: usize, loud: f64, slope: f64| -> Vec<f64> {
            let wave = |t: usize| (TAU * t as f64 / period as f64).sin() + slope * t as f64;
            noise(7, n).iter().enumerate().map(|(t, e)| wave(t) + loud * e).collect()
        };
        for (period, n, loud, slope, frequency) in [
            (12, 120, 0.2, 0.0, Some(Frequency::months(1))),
            (12, 120, 0.2, 0.5, Some(Frequency::months(1))),
            (4, 60, 0.2, 0.1, Some(Frequency::months(3))),
            (7, 200, 0.3, 0.0, Some(Frequency::days(1))),
            (365, 1500, 0.3, 0.0, Some(Frequency::days(1))),
            (52, 300, 0.3, 0.0, Some(Frequency::weeks(1))),
            (48, 600, 0.3, 0.0, Some(Frequency::minutes(30))),
            (11, 300, 0.2, 0.05, None),
            (37, 400, 0.1, 0.0, Some(Frequency::hours(1))),
            (5, 200, 0.0, 0.0, None),
        ] {
            let season = detect(&wave(period, n, loud, slope), frequency.as_ref());
            assert_eq!(season.map(|s| s.period), Some(period), "{season:?}");
        }
    }

    /// Noise of its own has no week, nor has a day that repeats itself; quiet Sundays are one.
    #[test]
    fn a_week_beside_the_day() {
        let hours = |week: f64, seed: u64| -> Vec<f64> {
            let value = |t: usize, e: &f64| {
                let quiet = if t / 24 % 7 == 6 { week } else { 0.0 };
                3.0 * (TAU * t as f64 / 24.0).sin() - quiet + e
            };
            noise(seed, 24 * 7 * 8).iter().enumerate().map(|(t, e)| value(t, e)).collect()
        };
        let hourly = Frequency::hours(1);
        for seed in 0..20 {
            let found = |week: f64, most: usize| {
                longer(&hours(week, seed), &hourly, 24, most).map(|season| season.period)
            };
            assert_eq!(
                (found(4.0, 168), found(4.0, 100), found(0.0, 168)),
                (Some(168), None, None),
                "{seed}"
            );
        }
        assert_eq!(longer(&hours(4.0, 1), &hourly, 168, 168), None);
    }

    /// Of values that are missing the season is found in the others, and nothing is found in noise.
    #[test]
    fn missing_values_are_not_seen() {
        let holes = |values: Vec<f64>, seed: u64| -> Vec<f64> {
            let there = noise(seed + 100, values.len());
            values.into_iter().zip(there).map(|(v, kept)| if kept > -0.2 { v } else { f64::NAN }).collect()
        };
        for seed in 0..20 {
            let wave = |period: usize, n: usize| -> Vec<f64> {
                let at = |(t, e): (usize, &f64)| (TAU * t as f64 / period as f64).sin() + 0.3 * e;
                noise(seed, n).iter().enumerate().map(at).collect()
            };
            for (period, frequency) in
                [(7, Some(Frequency::days(1))), (12, Some(Frequency::months(1))), (11, None)]
            {
                let values = holes(wave(period, 300), seed);
                assert!(values.iter().filter(|v| v.is_nan()).count() > 80);
                let season = detect(&values, frequency.as_ref());
                let found = season.map(|season| season.period);
                // Without a calendar two periods may fit what is there as well as one.
                let twice = frequency.is_none() && found == Some(2 * period);
                assert!(found == Some(period) || twice, "{seed} {season:?}");
            }
            for frequency in [None, Some(Frequency::days(1))] {
                assert_eq!(detect(&holes(noise(seed, 300), seed), frequency.as_ref()), None, "{seed}");
                assert_eq!(detect(&holes(walk(seed, 300), seed), frequency.as_ref()), None, "{seed}");
            }
        }
        assert_eq!(detect(&[f64::NAN; 60], Some(&Frequency::days(1))), None);
    }

    #[test]
    fn noise_and_random_walks_have_no_season() {
        let frequencies = [
            None,
            Some(Frequency::hours(1)),
            Some(Frequency::days(1)),
            Some(Frequency::months(1)),
            Some(Frequency::years(1)),
        ];
        let mut wrong = Vec::new();
        for seed in 0..20 {
            for n in [60, 144, 1000] {
                for (kind, values) in [("noise", noise(seed, n)), ("walk", walk(seed, n))] {
                    for frequency in &frequencies {
                        if let Some(season) = detect(&values, frequency.as_ref()) {
                            wrong.push((kind, seed, n, *frequency, season));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} of 600: {wrong:#?}", wrong.len());
    }

    #[test]
    fn short_and_constant_series_have_no_season() {
        for values in [vec![], vec![1.0], vec![1.0, 2.0], vec![0.1; 100], (0..100).map(f64::from).collect()] {
            assert_eq!(detect(&values, None), None);
            assert_eq!(detect(&values, Some(&Frequency::months(1))), None);
        }
    }

    #[test]
    fn plausible_periods_pass_twice() {
        for (frequency, season, rows, expected) in [
            (Some(Frequency::hours(1)), 24, 400, &[24, 168][..]),
            (Some(Frequency::hours(1)), 24, 335, &[24]),
            (Some(Frequency::hours(1)), 12, 400, &[12, 24, 168]),
            (Some(Frequency::days(1)), 1, 800, &[7, 365]),
            (None, 30, 100, &[30]),
            (None, 1, 100, &[]),
            (Some(Frequency::months(1)), 12, 23, &[]),
        ] {
            assert_eq!(plausible_periods(frequency.as_ref(), season, rows), expected);
        }
    }

    #[test]
    fn periods_of_the_calendar() {
        for (frequency, expected) in [
            (Frequency::seconds(1), &[60, 3600, 86_400, 604_800][..]),
            (Frequency::minutes(30), &[2, 48, 336]),
            (Frequency::hours(1), &[24, 168]),
            (Frequency::hours(5), &[]),
            (Frequency::days(1), &[7, 365]),
            (Frequency::weeks(1), &[52]),
            (Frequency::months(1), &[12]),
            (Frequency::months(3), &[4]),
            (Frequency::months(5), &[]),
            (Frequency::years(1), &[]),
        ] {
            assert_eq!(calendar_periods(&frequency), expected, "{frequency}");
        }
    }
}
