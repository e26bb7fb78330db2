//! Exponential smoothing with additive errors: the recursion that ETS and Theta share, and its first state.

use super::observed::Observed;
use std::ops::Range;

/// How much of each error goes into the state.
///
/// With the error e = y − (l + φ·b + s) of the forecast one step ahead, the state becomes l + φ·b + α·e, φ·b + β·e and,
/// for this phase of the season, s + γ·e (Hyndman, Koehler, Ord and Snyder 2008, section 2.5).
#[derive(Debug, Clone, Copy)]
pub(super) struct Gains {
    /// α: into the level.
    pub(super) level: f64,
    /// β: into the slope.
    pub(super) slope: f64,
    /// φ: what is left of the slope after a step; 0 without a trend.
    pub(super) damping: f64,
    /// γ: into the season.
    pub(super) season: f64,
}

/// Level, slope and season before a row.
#[derive(Debug, Clone)]
pub(super) struct State {
    level: f64,
    slope: f64,
    /// One value a phase; a single 0 without a season.
    season: Vec<f64>,
    /// The phase of the row.
    phase: usize,
}

impl State {
    pub(super) fn new(level: f64, slope: f64, season: Vec<f64>) -> Self {
        Self { level, slope, season, phase: 0 }
    }

    /// The values of the phases.
    pub(super) fn season(&self) -> &[f64] {
        &self.season
    }
}

impl Gains {
    /// Goes on by a row, and says its error; a row without a value changes the state as if it had been as forecast.
    pub(super) fn step(&self, state: &mut State, value: Option<f64>) -> f64 {
        let slope = self.damping * state.slope;
        let season = &mut state.season[state.phase];
        let error = value.map_or(0.0, |value| value - (state.level + slope + *season));
        state.level += slope + self.level * error;
        state.slope = slope + self.slope * error;
        *season += self.season * error;
        state.phase = if state.phase + 1 == state.season.len() { 0 } else { state.phase + 1 };
        error
    }

    /// The values of the next rows, as many as `into` has.
    pub(super) fn ahead(&self, state: &State, into: &mut [f64]) {
        let (mut level, mut slope, mut phase) = (state.level, state.slope, state.phase);
        for to in into {
            slope *= self.damping;
            level += slope;
            *to = level + state.season[phase];
            phase = if phase + 1 == state.season.len() { 0 } else { phase + 1 };
        }
    }

    /// The first state that leaves the least squared errors over `rows`, and the sum of these squares. The seasonal
    /// values, from the phase of the first row, are given; level and slope enter the errors linearly, so that they follow
    /// from least squares.
    pub(super) fn first(&self, series: Observed<'_>, rows: Range<usize>, season: &[f64]) -> (State, f64) {
        let zero = || vec![0.0; season.len()];
        let mut from_zero = State::new(0.0, 0.0, season.to_vec());
        // What a level and a slope of 1 add to the errors.
        let (mut of_level, mut of_slope) = (State::new(1.0, 0.0, zero()), State::new(0.0, 1.0, zero()));
        let (mut ee, mut ll, mut ls, mut ss, mut el, mut es) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for row in rows {
            let value = series.at(row);
            let nothing = value.map(|_| 0.0);
            let e = self.step(&mut from_zero, value);
            let l = self.step(&mut of_level, nothing);
            ee += e * e;
            ll += l * l;
            el += e * l;
            if self.damping > 0.0 {
                let s = self.step(&mut of_slope, nothing);
                ls += l * s;
                ss += s * s;
                es += e * s;
            }
        }
        let determinant = ll * ss - ls * ls;
        let (level, slope) = if self.damping > 0.0 && determinant > 1e-9 * ll * ss {
            ((es * ls - el * ss) / determinant, (el * ls - es * ll) / determinant)
        } else if ll > 0.0 {
            (-el / ll, 0.0)
        } else {
            (0.0, 0.0)
        };
        let squares = ee
            + level * level * ll
            + slope * slope * ss
            + 2.0 * (level * el + slope * es + level * slope * ls);
        (State::new(level, slope, season.to_vec()), squares.max(0.0))
    }
}

/// The most squared errors that [`Gains::squares_ahead`] sums; of more, those of evenly spaced rows.
const MOST_AHEAD: usize = 50_000;
/// The share of the mean diagonal that is added to the equations of a first state: phases without a value are then 0.
const RIDGE: f64 = 1e-10;

impl Gains {
    /// The sum over all rows of the mean squared error of the next `steps`, from a first state (AMSE, times the rows with a
    /// value). The first period is left out, whose forecasts are the first state's.
    pub(super) fn squares_ahead(
        &self,
        series: Observed<'_>,
        rows: Range<usize>,
        mut state: State,
        steps: usize,
    ) -> f64 {
        let steps = steps.min(rows.len());
        let every = (rows.len() * steps).div_ceil(MOST_AHEAD).max(1);
        let settled = rows.start + state.season.len() - 1;
        let mut ahead = vec![0.0; steps];
        let (mut sum, mut count) = (0.0, 0usize);
        for row in rows.clone() {
            self.step(&mut state, series.at(row));
            if row < settled || !(row - settled).is_multiple_of(every) {
                continue;
            }
            self.ahead(&state, &mut ahead);
            for (row, forecast) in (row + 1..rows.end).zip(&ahead) {
                if let Some(value) = series.at(row) {
                    sum += (value - forecast).powi(2);
                    count += 1;
                }
            }
        }
        sum / count as f64 * series.count(rows) as f64
    }

    /// The first state, its season too, that leaves the least squared errors over `rows`. All of it enters the errors
    /// linearly, so that it follows from least squares; the season has the mean 0.
    pub(super) fn first_with_season(&self, series: Observed<'_>, rows: Range<usize>, period: usize) -> State {
        if period < 2 {
            return self.first(series, rows, &[0.0]).0;
        }
        // Column 0 is what the values add to an error; then level and slope; then each phase but the last, less the last.
        let (trend, width) =
            (usize::from(self.damping > 0.0), 1 + 1 + usize::from(self.damping > 0.0) + period - 1);
        let first_phase = 2 + trend;
        let (mut level, mut slope) = (vec![0.0; width], vec![0.0; width]);
        let mut season = vec![0.0; period * width];
        level[1] = 1.0;
        if trend == 1 {
            slope[2] = 1.0;
        }
        for phase in 0..period - 1 {
            season[phase * width + first_phase + phase] = 1.0;
            season[(period - 1) * width + first_phase + phase] = -1.0;
        }
        let mut products = vec![0.0; width * width];
        let mut error = vec![0.0; width];
        for (step, row) in rows.clone().enumerate() {
            let value = series.at(row);
            let season = &mut season[step % period * width..][..width];
            for (column, error) in error.iter_mut().enumerate() {
                let kept = self.damping * slope[column];
                let own = value.map(|value| if column == 0 { value } else { 0.0 });
                *error = own.map_or(0.0, |own| own - (level[column] + kept + season[column]));
                level[column] += kept + self.level * *error;
                slope[column] = kept + self.slope * *error;
                season[column] += self.season * *error;
            }
            for (column, products) in products.chunks_exact_mut(width).enumerate() {
                let of = error[column];
                products[..=column].iter_mut().zip(&error).for_each(|(sum, other)| *sum += of * other);
            }
        }
        let found = least_squares(&products, width);
        let phases = &found[1 + trend..];
        let last = -phases.iter().sum::<f64>();
        let season: Vec<f64> = phases.iter().copied().chain([last]).collect();
        let slope = if trend == 1 { found[1] } else { 0.0 };
        if season.iter().chain([&found[0], &slope]).all(|value| value.is_finite()) {
            State::new(found[0], slope, season)
        } else {
            self.first(series, rows, &vec![0.0; period]).0
        }
    }
}

/// The numbers x that make the sum of the squares of e₀ + Σ xₖ eₖ least, of the lower triangle of all products of e, row
/// by row, by Cholesky's decomposition.
fn least_squares(products: &[f64], width: usize) -> Vec<f64> {
    let count = width - 1;
    let of = |i: usize, j: usize| products[(i + 1) * width + j + 1];
    let ridge = RIDGE * (0..count).map(|i| of(i, i)).sum::<f64>() / count as f64;
    let mut lower = vec![0.0; count * count];
    let mut x: Vec<f64> = (0..count).map(|i| -products[(i + 1) * width]).collect();
    for i in 0..count {
        for j in 0..=i {
            let (a, b) = (&lower[i * count..i * count + j], &lower[j * count..j * count + j]);
            let known: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            let left = of(i, j) - known;
            lower[i * count + j] = match i == j {
                true => (left + ridge).max(f64::MIN_POSITIVE).sqrt(),
                false => left / lower[j * count + j],
            };
        }
    }
    for i in 0..count {
        let known: f64 = (0..i).map(|k| lower[i * count + k] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i * count + i];
    }
    for i in (0..count).rev() {
        let known: f64 = (i + 1..count).map(|k| lower[k * count + i] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i * count + i];
    }
    x
}

/// How the season of a series changes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Added,
    Multiplied,
}

/// The season of each phase over `rows`, the first for the first row: the classical decomposition. The trend, a centred
/// moving average over a period, is taken out, and the mean of what is left of each phase is the season's; with fewer than
/// two periods the mean is taken instead of the trend. The seasons have the mean 0, or 1 where they are factors.
/// `None` where a phase has no value, or a factor is not above 0.
pub(super) fn seasons(
    series: Observed<'_>,
    rows: Range<usize>,
    period: usize,
    effect: Effect,
) -> Option<Vec<f64>> {
    let neutral = match effect {
        Effect::Added => 0.0,
        Effect::Multiplied => 1.0,
    };
    if period < 2 {
        return Some(vec![neutral]);
    }
    let values: Vec<Option<f64>> = rows.map(|row| series.at(row)).collect();
    if values.len() < period {
        return None;
    }
    let mean = |part: &[Option<f64>]| {
        let known: Vec<f64> = part.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let half = period / 2;
    let mut trend = vec![None; values.len()];
    if values.len() < 2 * period || values.len() <= 2 * half {
        trend.fill(mean(&values[..values.len() / period * period]));
    } else {
        // Sums over a period with half weights at both ends of an even one; rows without a value are left out.
        let (mut sum, mut count) = (vec![0.0], vec![0.0]);
        for value in &values {
            sum.push(sum[sum.len() - 1] + value.unwrap_or(0.0));
            count.push(count[count.len() - 1] + f64::from(u8::from(value.is_some())));
        }
        for (t, to) in trend.iter_mut().enumerate().take(values.len() - half).skip(half) {
            let over = |sums: &[f64], ends: [f64; 2]| {
                let all = sums[t + half + 1] - sums[t - half];
                if period.is_multiple_of(2) { all - (ends[0] + ends[1]) / 2.0 } else { all }
            };
            let ends = [values[t - half], values[t + half]];
            let known = over(&count, ends.map(|end| f64::from(u8::from(end.is_some()))));
            if known > 0.0 {
                *to = Some(over(&sum, ends.map(|end| end.unwrap_or(0.0))) / known);
            }
        }
    }
    let (mut sums, mut counts) = (vec![0.0; period], vec![0usize; period]);
    for (t, (value, trend)) in values.iter().zip(&trend).enumerate() {
        if let (Some(value), Some(trend)) = (value, trend) {
            sums[t % period] += match effect {
                Effect::Added => value - trend,
                Effect::Multiplied => value / trend,
            };
            counts[t % period] += 1;
        }
    }
    if counts.contains(&0) {
        return None;
    }
    let seasons: Vec<f64> = sums.iter().zip(&counts).map(|(sum, &count)| sum / count as f64).collect();
    let middle = seasons.iter().sum::<f64>() / period as f64;
    let seasons: Vec<f64> = match effect {
        Effect::Added => seasons.iter().map(|season| season - middle).collect(),
        Effect::Multiplied => seasons.iter().map(|season| season / middle).collect(),
    };
    let fits = |season: &f64| season.is_finite() && (effect == Effect::Added || *season > 1e-6);
    seasons.iter().all(fits).then_some(seasons)
}

/// Akaike's information criterion for normal errors with a correction for few values (Hurvich and Tsai 1989): of several
/// models the one with the least is preferred. `None` where there are too few values for the `parameters`.
pub(super) fn aicc(squares: f64, count: usize, parameters: usize) -> Option<f64> {
    let (n, k) = (count as f64, parameters as f64);
    (n - k - 1.0 > 0.0).then(|| n * (squares / n).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holt's method by hand: y = 1, 3, 4 from level 0 and slope 1 with α = .5 and β = .25.
    #[test]
    fn a_step_by_hand() {
        let gains = Gains { level: 0.5, slope: 0.25, damping: 1.0, season: 0.0 };
        let mut state = State::new(0.0, 1.0, vec![0.0]);
        let errors = [1.0, 3.0, 4.0].map(|y| gains.step(&mut state, Some(y)));
        assert_eq!(errors, [0.0, 1.0, 0.25]);
        assert_eq!((state.level, state.slope), (3.875, 1.3125));
        let mut ahead = [0.0; 2];
        gains.ahead(&state, &mut ahead);
        assert_eq!(ahead, [5.1875, 6.5]);
        // Without a value the state goes where the forecast was.
        gains.step(&mut state, None);
        assert_eq!((state.level, state.slope), (5.1875, 1.3125));
    }

    #[test]
    fn the_first_state_is_the_best() {
        let values: Vec<f64> = (0..40).map(|t| 3.0 + 0.5 * t as f64 + (t as f64).sin()).collect();
        let series = Observed::all(&values);
        let gains = Gains { level: 0.3, slope: 0.1, damping: 0.9, season: 0.0 };
        let (state, squares) = gains.first(series, 0..40, &[0.0]);
        let sum = |level: f64, slope: f64| -> f64 {
            let mut state = State::new(level, slope, vec![0.0]);
            values.iter().map(|&y| gains.step(&mut state, Some(y)).powi(2)).sum()
        };
        assert!((sum(state.level, state.slope) - squares).abs() < 1e-9);
        for (dl, ds) in [(0.1, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.0, -0.1), (0.1, -0.05)] {
            assert!(sum(state.level + dl, state.slope + ds) > squares);
        }
    }

    /// Seasons as well: no other first state has less squares; several steps ahead count as those of one do.
    #[test]
    fn the_first_season_is_the_best() {
        let values: Vec<f64> = (0..40)
            .map(|t| 3.0 + 0.5 * t as f64 + [4.0, -1.0, 0.0, -3.0][t % 4] + (t as f64).sin())
            .collect();
        let mask: Vec<bool> = (0..40).map(|t| t % 7 != 3).collect();
        for damping in [0.0, 0.9, 1.0] {
            let slope = if damping > 0.0 { 0.1 } else { 0.0 };
            let gains = Gains { level: 0.3, slope, damping, season: 0.2 };
            for series in [Observed::all(&values), Observed { values: &values, mask: Some(&mask) }] {
                let best = gains.first_with_season(series, 0..40, 4);
                assert!(best.season.iter().sum::<f64>().abs() < 1e-9);
                let sum = |state: &State| -> f64 {
                    let mut state = state.clone();
                    (0..40).map(|row| gains.step(&mut state, series.at(row)).powi(2)).sum()
                };
                let least = sum(&best);
                for (place, by) in (0..5).flat_map(|place| [(place, 0.05), (place, -0.05)]) {
                    let mut other = best.clone();
                    match place {
                        0 => other.level += by,
                        1 if damping > 0.0 => other.slope += by,
                        1 => continue,
                        phase => other.season[phase - 2] += by,
                    }
                    assert!(sum(&other) > least, "{damping} {place} {by}");
                }
                // One step ahead of each row from the fourth on.
                let mut state = best.clone();
                let errors: Vec<f64> = (0..40).map(|row| gains.step(&mut state, series.at(row))).collect();
                let seen = (4..40).filter(|&row| series.at(row).is_some()).count();
                let mean = errors[4..].iter().map(|e| e * e).sum::<f64>() / seen as f64;
                let all = gains.squares_ahead(series, 0..40, best, 1);
                assert!((all - mean * series.count(0..40) as f64).abs() < 1e-9, "{all}");
            }
        }
    }

    #[test]
    fn a_season_on_a_line_is_found() {
        let season = [3.0, -1.0, -2.0, 0.0];
        let added: Vec<f64> = (0..22).map(|t| 50.0 + 0.5 * t as f64 + season[t % 4]).collect();
        let found = seasons(Observed::all(&added), 2..22, 4, Effect::Added).unwrap();
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near(&found, &[-2.0, 0.0, 3.0, -1.0]), "{found:?}");
        let factors = [1.5, 0.5, 0.8, 1.2];
        let multiplied: Vec<f64> = (0..12).map(|t| 50.0 * factors[t % 4]).collect();
        assert!(near(&seasons(Observed::all(&multiplied), 0..12, 4, Effect::Multiplied).unwrap(), &factors));
        // One period, a phase without a value, and too few rows.
        let one = seasons(Observed::all(&multiplied), 0..5, 4, Effect::Multiplied).unwrap();
        assert!(near(&one, &factors), "{one:?}");
        let mask: Vec<bool> = (0..12).map(|t| t % 4 != 1).collect();
        let holes = Observed { values: &multiplied, mask: Some(&mask) };
        assert_eq!(seasons(holes, 0..12, 4, Effect::Added), None);
        assert_eq!(seasons(Observed::all(&multiplied), 0..3, 4, Effect::Added), None);
    }
}
