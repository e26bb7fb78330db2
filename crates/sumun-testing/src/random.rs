//! A small generator for test data: the same numbers on every machine and in every version.

/// SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
///
/// For tests only: the library has its own, counter-based noise.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator whose numbers depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in 0 .. `bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "no number is below 0");
        // The bias of the remainder is below 2⁻⁴⁰ for every bound that a test uses.
        (self.next_u64() % bound as u64) as usize
    }

    /// A number from the uniform distribution over [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number from the standard normal distribution (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// `len` normal numbers of standard deviation `scale`, each rounded to `f32` first: `f32` and `f64` tests
    /// that start from one seed compute with exactly the same values.
    pub fn normals<F: From<f32>>(&mut self, len: usize, scale: f64) -> Vec<F> {
        (0..len).map(|_| F::from((scale * self.normal()) as f32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        // From the reference implementation in C by Sebastiano Vigna, seed 1234567.
        let mut random = Random::new(1_234_567);
        let found: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1);
        let moments = |values: &[f64]| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n)
        };
        let uniform: Vec<f64> = (0..40_000).map(|_| random.uniform()).collect();
        assert!(uniform.iter().all(|v| (0.0..1.0).contains(v)));
        let (mean, variance) = moments(&uniform);
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.003, "{mean} {variance}");
        let (mean, variance) = moments(&random.normals::<f64>(40_000, 2.0));
        assert!(mean.abs() < 0.05 && (variance - 4.0).abs() < 0.1, "{mean} {variance}");
        let mut seen = [false; 5];
        (0..200).for_each(|_| seen[random.below(5)] = true);
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn both_precisions_see_the_same_values() {
        let single: Vec<f32> = Random::new(7).normals(50, 1.0);
        let double: Vec<f64> = Random::new(7).normals(50, 1.0);
        assert!(single.iter().zip(&double).all(|(&s, &d)| f64::from(s) == d));
    }
}
