//! Initial weights: the standard distributions, drawn in a fixed order from the caller's generator.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::parameters::count_of;
use crate::{Error, Result};

/// How the values of a new parameter are drawn.
///
/// The fans of a matrix `[O, I]` are `I` in and `O` out, those of a convolution's kernel `[O, I, K]` `I·K` in and `O·K` out,
/// as PyTorch and Keras count them. The distributions that need fans refuse any other shape. All arithmetic is in `f64`, rounded once.
///
/// ```
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
/// use sumun_nn::nn::Initializer;
/// let weight = Initializer::XavierUniform.values(&[64, 32], &mut ChaCha8Rng::seed_from_u64(1))?;
/// assert_eq!(weight.len(), 64 * 32);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Initializer {
    /// All 0.
    Zeros,
    /// All the same number.
    Constant {
        /// The number.
        value: f32,
    },
    /// U(−bound, bound).
    Uniform {
        /// The largest magnitude.
        bound: f64,
    },
    /// N(0, std²).
    Normal {
        /// The standard deviation.
        std: f64,
    },
    /// N(0, std²), drawn again until it is within two standard deviations (Keras' `TruncatedNormal`).
    TruncatedNormal {
        /// The standard deviation before truncation.
        std: f64,
    },
    /// U(±√(6 / (fan_in + fan_out))): Glorot & Bengio, AISTATS 2010, eq. 16; Keras' default for kernels.
    XavierUniform,
    /// N(0, 2 / (fan_in + fan_out)): the same variance as [`XavierUniform`](Self::XavierUniform).
    XavierNormal,
    /// U(±√(6 / fan_in)), for ReLU: He, Zhang, Ren & Sun, ICCV 2015, eq. 10.
    HeUniform,
    /// N(0, 2 / fan_in), for ReLU: He, Zhang, Ren & Sun, ICCV 2015, eq. 10.
    HeNormal,
    /// Orthonormal rows or columns, whichever are fewer, uniformly distributed: the Q of the QR decomposition of
    /// a normal matrix, with the signs of R's diagonal put right (Saxe, McClelland & Ganguli, ICLR 2014). A kernel
    /// `[O, I, K]` is the matrix `[O, I·K]`, as in PyTorch.
    Orthogonal,
}

impl Initializer {
    /// U(±1/√fan): what PyTorch draws for `Linear` (fan = inputs) and for recurrent layers (fan = hidden units),
    /// biases included. A fan of 0 gives zeros, as there.
    pub fn pytorch(fan: usize) -> Self {
        Self::Uniform { bound: if fan == 0 { 0.0 } else { 1.0 / (fan as f64).sqrt() } }
    }

    /// The values of a parameter of that shape, row-major. A distribution that needs fans, asked for another
    /// shape than a matrix or a kernel, a bound or deviation that is negative or not finite, and more values than a model may have
    /// parameters are errors.
    pub fn values<R: Rng + ?Sized>(self, shape: &[usize], rng: &mut R) -> Result<Vec<f32>> {
        let count = count_of("first values", shape)?;
        Ok(match self {
            Self::Zeros => vec![0.0; count],
            Self::Constant { value } => vec![value; count],
            Self::Uniform { bound } => {
                let bound = scale("the bound of a uniform initializer", bound)?;
                draw(count, || bound * (2.0 * uniform(rng) - 1.0))
            }
            Self::Normal { std } => {
                let std = scale("the std of a normal initializer", std)?;
                draw(count, || std * normal(rng))
            }
            Self::TruncatedNormal { std } => {
                let std = scale("the std of a truncated normal initializer", std)?;
                draw(count, || std * truncated_normal(rng))
            }
            Self::XavierUniform => {
                let (fan_in, fan_out) = self.fans(shape)?;
                return Self::Uniform { bound: root(6.0, fan_in.saturating_add(fan_out)) }.values(shape, rng);
            }
            Self::XavierNormal => {
                let (fan_in, fan_out) = self.fans(shape)?;
                return Self::Normal { std: root(2.0, fan_in.saturating_add(fan_out)) }.values(shape, rng);
            }
            Self::HeUniform => {
                return Self::Uniform { bound: root(6.0, self.fans(shape)?.0) }.values(shape, rng);
            }
            Self::HeNormal => {
                return Self::Normal { std: root(2.0, self.fans(shape)?.0) }.values(shape, rng);
            }
            Self::Orthogonal => {
                let (columns, _) = self.fans(shape)?;
                orthogonal(shape[0], columns, rng)
            }
        })
    }

    /// (fan in, fan out) of a matrix `[O, I]` or a kernel `[O, I, K]`.
    fn fans(self, shape: &[usize]) -> Result<(usize, usize)> {
        match *shape {
            [output, input] => Ok((input, output)),
            [output, input, kernel] => Ok((input.saturating_mul(kernel), output.saturating_mul(kernel))),
            _ => Err(Error::Shape {
                what: format!("a parameter to be initialised by {self:?}"),
                expected: "a matrix [outputs, inputs] or a kernel [outputs, inputs, steps]".into(),
                found: format!("{shape:?}"),
            }),
        }
    }
}

fn scale(what: &str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(Error::Invalid(format!("{what} is {value}; it must be a finite number of at least 0")))
    }
}

fn root(numerator: f64, fan: usize) -> f64 {
    if fan == 0 { 0.0 } else { (numerator / fan as f64).sqrt() }
}

fn draw(count: usize, mut number: impl FnMut() -> f64) -> Vec<f32> {
    (0..count).map(|_| number() as f32).collect()
}

/// A number in [0, 1) with 53 random bits.
fn uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A standard normal number (Box & Muller 1958). The second of each pair is left out, so that one number
/// always takes the same two draws.
fn normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

fn truncated_normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    loop {
        let number = normal(rng);
        if number.abs() <= 2.0 {
            return number;
        }
    }
}

/// A `[rows, columns]` matrix whose shorter side is orthonormal: modified Gram–Schmidt, each vector
/// orthogonalised twice, which is enough for full precision (Giraud, Langou & Rozložník 2005). Gram–Schmidt
/// leaves R's diagonal positive, so no signs need to be put right.
fn orthogonal<R: Rng + ?Sized>(rows: usize, columns: usize, rng: &mut R) -> Vec<f32> {
    let (count, size) = if rows <= columns { (rows, columns) } else { (columns, rows) };
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..size).map(|_| normal(rng)).collect();
        let before = norm(&vector);
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = other.iter().zip(&vector).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let length = norm(&vector);
        // A vector that is nearly in the span of the others has no direction of its own: draw again.
        if length > 1e-10 * before {
            vector.iter_mut().for_each(|v| *v /= length);
            basis.push(vector);
        }
    }
    let at = |row: usize, column: usize| {
        if rows <= columns { basis[row][column] } else { basis[column][row] }
    };
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(r, c)| at(r, c) as f32)
        .collect()
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(42)
    }

    /// The largest magnitude (`None`: not bounded) and the standard deviation of each distribution over a `[300, 200]` matrix.
    #[test]
    fn distributions_have_their_bounds_and_deviations() {
        let sqrt = f64::sqrt;
        let cases = [
            (Initializer::Zeros, Some(0.0), 0.0),
            (Initializer::Constant { value: 1.5 }, Some(1.5), 1.5),
            (Initializer::Uniform { bound: 0.3 }, Some(0.3), 0.3 / sqrt(3.0)),
            (Initializer::pytorch(200), Some(1.0 / sqrt(200.0)), 1.0 / sqrt(600.0)),
            (Initializer::Normal { std: 2.0 }, None, 2.0),
            // A standard normal truncated at ±2 has deviation 0.8796.
            (Initializer::TruncatedNormal { std: 0.5 }, Some(1.0), 0.5 * 0.879_626),
            (Initializer::XavierUniform, Some(sqrt(6.0 / 500.0)), sqrt(2.0 / 500.0)),
            (Initializer::XavierNormal, None, sqrt(2.0 / 500.0)),
            (Initializer::HeUniform, Some(sqrt(6.0 / 200.0)), sqrt(2.0 / 200.0)),
            (Initializer::HeNormal, None, sqrt(2.0 / 200.0)),
        ];
        for (initializer, bound, deviation) in cases {
            let values = initializer.values(&[300, 200], &mut rng()).unwrap();
            assert_eq!(values.len(), 60_000);
            let square: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 60_000.0;
            let found = square.sqrt();
            assert!(
                (found - deviation).abs() <= 0.015 * deviation,
                "{initializer:?}: {found} for {deviation}"
            );
            let largest = values.iter().fold(0.0, |m: f64, &v| m.max(f64::from(v).abs()));
            match bound {
                Some(bound) => assert!(
                    largest <= bound * 1.000_001 && largest >= bound * 0.99,
                    "{initializer:?}: {largest} for {bound}"
                ),
                None => assert!(largest > 3.0 * deviation, "{initializer:?}"),
            }
        }
    }

    #[test]
    fn orthogonal_matrices_are_orthonormal_on_their_shorter_side() {
        for (rows, columns) in [(1, 1), (8, 8), (5, 9), (40, 10), (64, 64), (0, 3)] {
            let q = Initializer::Orthogonal.values(&[rows, columns], &mut rng()).unwrap();
            let count = rows.min(columns);
            let at = |vector: usize, k: usize| {
                if rows <= columns { q[vector * columns + k] } else { q[k * columns + vector] }
            };
            for a in 0..count {
                for b in 0..count {
                    let dot: f64 =
                        (0..rows.max(columns)).map(|k| f64::from(at(a, k)) * f64::from(at(b, k))).sum();
                    let expected = if a == b { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-6, "[{rows}, {columns}]: {a}·{b} = {dot}");
                }
            }
        }
    }

    #[test]
    fn refusals_say_why() {
        let error = |initializer: Initializer, shape: &[usize]| {
            initializer.values(shape, &mut rng()).unwrap_err().to_string()
        };
        assert_eq!(
            error(Initializer::HeNormal, &[3]),
            "a parameter to be initialised by HeNormal: expected a matrix [outputs, inputs] or a kernel [outputs, inputs, steps], found [3]"
        );
        assert_eq!(
            error(Initializer::Normal { std: -1.0 }, &[3]),
            "the std of a normal initializer is -1; it must be a finite number of at least 0"
        );
    }
}
