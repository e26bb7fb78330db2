//! A model with weights of 8 bits, made from any model, and what the rounding costs.

use std::path::Path;

use sumun_formats::Tensors;
use sumun_nn::Precision;
use sumun_nn::interchange::ImportOptions;

use super::arrays::read_arrays;
use super::opened::{Opened, open_own, open_with};
use crate::model::{Model, ModelConfig, ModelFile};
use crate::outside::Links;
use crate::run::RunFolder;
use crate::tasks::{Headline, Reading};
use crate::{Error, Result};

/// What a model loses, in points or per cent of the first figure, before it is worth a warning.
pub const MOST_LOST: f64 = 0.5;

/// A model with weights of 8 bits beside the one that it was made from.
#[derive(Debug)]
pub struct Quantized {
    /// As it was.
    pub before: Opened,
    /// With 8 bits ([`Model::quantized`]).
    pub after: Opened,
    /// The latter as a model file, of the same task and preprocessing.
    pub file: ModelFile,
    /// Bytes of a model file of the former.
    pub bytes_before: usize,
}

/// A figure of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// Of the model as it was.
    pub before: Headline,
    /// With 8 bits.
    pub after: Headline,
}

impl Compared {
    /// What was lost: of a share, and of figures up to 1 such as R², in points; of an error in per cent of what it was. Below 0
    /// where 8 bits are better.
    pub fn lost(&self) -> f64 {
        let (before, after) = (self.before.value, self.after.value);
        match self.before.more_is_better {
            true => 100.0 * (before - after),
            false if before == after => 0.0,
            false => 100.0 * (after / before - 1.0),
        }
    }
}

impl Quantized {
    /// Of a run folder, a model file, or a file of another program, with what is told about the latter. Errors: those of
    /// [`open_with`], a model without a network, and one whose weights have 8 bits already.
    pub fn of(path: &Path, options: ImportOptions) -> Result<Self> {
        let before = open_with(path, options)?;
        let model = before.model()?;
        if model.precision() == Precision::Int8 {
            return Err(Error::Invalid(format!("{}: its weights have 8 bits already", path.display())));
        }
        let floats = model.to_file()?;
        let rounded = Model::from_file(&floats)?.quantized()?;
        let file = match before.is_run() {
            false => floats,
            true if path.is_dir() => RunFolder::open(path)?.load_model()?,
            true => ModelFile::load_from(path, Links::Follow)?,
        };
        let bytes_before = file.to_bytes()?.len();
        let file = file.with_model(&rounded)?;
        let after = open_own(&path.display().to_string(), file.clone())?;
        Ok(Self { before, after, file, bytes_before })
    }

    /// The figures of both on data, the most telling first: of a run, those of a file of the kind that it was trained on; of a
    /// model alone, how far the outputs on named arrays are from those of before, as a share of their size (root mean squares).
    /// Errors: those of reading the data, and predictions that are not finite.
    pub fn measure(&self, data: &Path) -> Result<Vec<Compared>> {
        let [before, after] = match (self.before.trained(), self.after.trained()) {
            (Some(before), Some(after)) => {
                let reading = Reading::default();
                [before.evaluate(data, &reading)?.headline(), after.evaluate(data, &reading)?.headline()]
            }
            _ => {
                let inputs = read_arrays(data, ModelConfig::INPUT)?;
                let none = Tensors::new();
                let before = self.before.apply_model(&inputs, &none)?;
                let after = self.after.apply_model(&inputs, &none)?;
                let (mut difference, mut size) = (0.0, 0.0);
                for (name, before) in before.iter() {
                    let Some(after) = after.get(name) else { continue };
                    for (a, b) in before.to_f32()?.into_iter().zip(after.to_f32()?) {
                        difference += (f64::from(a) - f64::from(b)).powi(2);
                        size += f64::from(a).powi(2);
                    }
                }
                if !(difference + size).is_finite() {
                    return Err(Error::Invalid(format!(
                        "{}: the outputs are not finite; look at the numbers that go in",
                        data.display()
                    )));
                }
                let share = |value| Headline {
                    key: "agreement",
                    name: "agreement of the outputs",
                    value,
                    more_is_better: true,
                    share: true,
                };
                let apart = if size > 0.0 { (difference / size).sqrt() } else { 0.0 };
                [vec![share(1.0)], vec![share(1.0 - apart)]]
            }
        };
        Ok(before.into_iter().zip(after).map(|(before, after)| Compared { before, after }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_points_of_shares_and_per_cents_of_errors() {
        let of = |more_is_better, before, after| {
            let figure =
                |value| Headline { key: "f", name: "f", value, more_is_better, share: more_is_better };
            Compared { before: figure(before), after: figure(after) }.lost()
        };
        assert!((of(true, 0.906, 0.9) - 0.6).abs() < 1e-9 && (of(true, 0.9, 0.906) + 0.6).abs() < 1e-9);
        assert!((of(false, 2.0, 2.02) - 1.0).abs() < 1e-9 && of(false, 0.0, 0.0) == 0.0);
        assert!(of(false, 0.0, 0.1).is_infinite());
    }
}
