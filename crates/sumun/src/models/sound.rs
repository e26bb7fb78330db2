//! Sound through a model: a file's channels in, those of the model's output out.

use std::path::Path;

use sumun_formats::wav::{self, Wav};
use sumun_formats::{Tensor, Tensors};

pub use sumun_formats::wav::Encoding as SampleFormat;

use super::arrays::{ending, save};
use super::opened::bytes;
use crate::model::{Input, Model};
use crate::{Error, Result};

/// Sound from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    wav: Wav,
    encoding: SampleFormat,
}

/// Whether a file is one of sound, by its ending.
pub fn is_sound(path: &Path) -> bool {
    ending(path) == "wav"
}

impl Sound {
    /// Reads a WAV file. Errors: a damaged file, and compressed sound.
    pub fn read(path: &Path) -> Result<Self> {
        let (wav, encoding) = wav::read_encoded(&bytes(path)?)
            .map_err(|error| Error::Data(format!("{}: {error}", path.display())))?;
        Ok(Self { wav, encoding })
    }

    /// Samples of a channel a second.
    pub fn rate(&self) -> u32 {
        self.wav.rate()
    }

    /// How its samples were written; 64-bit numbers count as 32-bit ones, and 8-bit integers as 16-bit ones.
    pub fn encoding(&self) -> SampleFormat {
        self.encoding
    }

    /// The sound as what a model reads: one sequence `[T, channels]` of a model that reads all channels at once, or a sequence
    /// `[channels, T, 1]` each of a model that reads one number a step. Error: a model of ids, with several inputs, or of
    /// another number of features.
    pub fn arrays(&self, model: &Model) -> Result<Tensors> {
        let channels = self.wav.channels();
        let inputs: Vec<(&String, &Input)> = model.config().inputs.iter().collect();
        let [(name, &Input::Numbers { features })] = inputs[..] else {
            return Err(Error::Invalid(
                "the model reads no sequence of numbers, as sound is one; give it arrays".into(),
            ));
        };
        let samples = self.wav.samples();
        let time = samples.len() / channels;
        let tensor = match features {
            // Of a model that reads one number a step, channels are sequences.
            _ if features == channels => Tensor::f32(vec![time, channels], samples.to_vec())?,
            1 => {
                let each = |channel: usize| samples[channel..].iter().step_by(channels);
                let samples = (0..channels).flat_map(each).copied().collect();
                Tensor::f32(vec![channels, time, 1], samples)?
            }
            _ => {
                return Err(Error::Invalid(format!(
                    "the model reads {features} numbers a step, and the sound has {}; give an array [T, {features}] in a .npy file",
                    if channels == 1 { "1 channel".into() } else { format!("{channels} channels") }
                )));
            }
        };
        let mut arrays = Tensors::new();
        arrays.insert(name.clone(), tensor, "sound")?;
        Ok(arrays)
    }

    /// Whether each channel is a sequence of its own to the model.
    fn is_one_each(&self, model: &Model) -> bool {
        let features =
            |input: &Input| matches!(input, Input::Numbers { features } if *features == self.wav.channels());
        !model.config().inputs.values().any(features)
    }

    /// Writes what `model` made of [`arrays`](Self::arrays) at the rate of this sound, and returns how many samples were outside
    /// −1 to 1, which integers do not hold. Errors: an output that is no sound, and what cannot be written.
    pub fn write(
        &self,
        path: &Path,
        model: &Model,
        results: &Tensors,
        encoding: SampleFormat,
    ) -> Result<usize> {
        let name = path.display();
        let [(_, output)] = results.iter().collect::<Vec<_>>()[..] else {
            return Err(Error::Data(format!(
                "{name}: the model has several outputs, and sound is one; give a .npz file"
            )));
        };
        let samples = output.to_f32()?;
        let (channels, samples) = match (self.is_one_each(model), output.shape()) {
            (false, &[_, channels]) => (channels, samples),
            (true, &[channels, time, 1]) => {
                let at = |place: usize| samples[place % channels * time + place / channels];
                (channels, (0..samples.len()).map(at).collect())
            }
            (_, shape) => {
                return Err(Error::Data(format!(
                    "{name}: the output is {shape:?}, no row of samples at every step; give a .npz file"
                )));
            }
        };
        let clipped = match encoding {
            SampleFormat::F32 => 0,
            _ => samples.iter().filter(|sample| sample.abs() > 1.0).count(),
        };
        let refused = |error: sumun_formats::Error| Error::Data(format!("{name}: {error}"));
        let sound = Wav::new(self.rate(), channels, samples).map_err(refused)?;
        save(path, &wav::write(&sound, encoding).map_err(refused)?)?;
        Ok(clipped)
    }
}
