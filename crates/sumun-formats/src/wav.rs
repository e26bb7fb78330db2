//! Sound in WAV files: PCM of 8, 16, 24 and 32 bits and floats, any number of channels.
//!
//! ```
//! use sumun_formats::wav::{self, Encoding, Wav};
//!
//! let sound = Wav::new(48_000, 2, vec![0.5, -0.5, 0.25, -0.25])?;
//! assert_eq!(wav::read(&wav::write(&sound, Encoding::Pcm16)?)?, sound);
//! # Ok::<(), sumun_formats::Error>(())
//! ```

use crate::bytes::Cursor;
use crate::error::{Error, Result};

const FORMAT: &str = "WAV file";

/// The most channels of a file.
pub const MOST_CHANNELS: usize = 1024;

/// Sound: samples of all channels at one time, then those at the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Wav {
    rate: u32,
    channels: usize,
    samples: Vec<f32>,
}

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Integers of 16 bits.
    Pcm16,
    /// Integers of 24 bits.
    Pcm24,
    /// Integers of 32 bits, of which single precision fills 24.
    Pcm32,
    /// Single precision, as it is.
    F32,
}

impl Wav {
    /// Sound of `rate` times a second, `samples` of `[T, channels]`. Error: no channel or too many, a rate of 0, or samples that
    /// are no whole number of times.
    pub fn new(rate: u32, channels: usize, samples: Vec<f32>) -> Result<Self> {
        if !(1..=MOST_CHANNELS).contains(&channels) || rate == 0 {
            return Err(Error::damaged(
                FORMAT,
                format!("it has {channels} channels at {rate} times a second"),
            ));
        }
        if !samples.len().is_multiple_of(channels) {
            let what =
                format!("{} samples are no whole number of times of {channels} channels", samples.len());
            return Err(Error::damaged(FORMAT, what));
        }
        Ok(Self { rate, channels, samples })
    }

    /// Times a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The samples, `[T, channels]`, between -1 and 1 where they were integers.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }
}

/// What the samples of a file are.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Integers,
    Floats,
}

/// The chunk `fmt `: kind, width in bytes, and what [`Wav`] has.
#[derive(Debug, Clone, Copy)]
struct Format {
    kind: Kind,
    width: usize,
    rate: u32,
    channels: usize,
}

/// Reads a file. Errors: a damaged file, and compressed sound, by its number.
pub fn read(bytes: &[u8]) -> Result<Wav> {
    Ok(read_encoded(bytes)?.0)
}

/// As [`read`], with how the samples are written: as [`Encoding::Pcm16`] where they are narrower, and as [`Encoding::F32`] where
/// they are wider.
pub fn read_encoded(bytes: &[u8]) -> Result<(Wav, Encoding)> {
    let mut cursor = Cursor::new(bytes, FORMAT);
    let (riff, _size, wave) = (cursor.array()?, cursor.u32()?, cursor.array()?);
    if riff != *b"RIFF" || wave != *b"WAVE" {
        return Err(Error::damaged(FORMAT, "it does not begin as one"));
    }
    let mut format = None;
    while !cursor.is_at_end() {
        let (name, length): ([u8; 4], _) = (cursor.array()?, cursor.u32()?);
        if name != *b"data" {
            let chunk = cursor.take(length.into())?;
            if name == *b"fmt " {
                format = Some(Format::read(chunk)?);
            }
            // Chunks begin at even places; some programs leave the byte out at the end.
            if !length.is_multiple_of(2) && !cursor.is_at_end() {
                cursor.u8()?;
            }
            continue;
        }
        let format = format.ok_or_else(|| Error::damaged(FORMAT, "there is no format before its data"))?;
        // A program that writes into a pipe does not know the length; the largest number says so.
        let data = if length == u32::MAX { cursor.rest() } else { cursor.take(length.into())? };
        return Ok((Wav::new(format.rate, format.channels, format.samples(data)?)?, format.encoding()));
    }
    Err(Error::damaged(FORMAT, "there is no data"))
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self> {
        const EXTENSIBLE: u16 = 0xfffe;
        let mut cursor = Cursor::new(chunk, FORMAT);
        let (mut code, channels, rate) = (cursor.u16()?, cursor.u16()?, cursor.u32()?);
        cursor.take(4 + 2)?;
        let bits = cursor.u16()?;
        if code == EXTENSIBLE {
            // The number proper begins a longer name, behind the length of this part, the bits that count and the speakers.
            cursor.take(2 + 2 + 4)?;
            code = cursor.u16()?;
        }
        let kind = match (code, bits) {
            (1, 8 | 16 | 24 | 32) => Kind::Integers,
            (3, 32 | 64) => Kind::Floats,
            (1 | 3, _) => {
                return Err(Error::unsupported(FORMAT, format!("samples of {bits} bits are not read")));
            }
            _ => {
                let what = format!("sound of kind {code} is not read, only PCM and floats; convert it first");
                return Err(Error::unsupported(FORMAT, what));
            }
        };
        Ok(Self { kind, width: usize::from(bits / 8), rate, channels: channels.into() })
    }

    fn encoding(self) -> Encoding {
        match (self.kind, self.width) {
            (Kind::Floats, _) => Encoding::F32,
            (Kind::Integers, 3) => Encoding::Pcm24,
            (Kind::Integers, 4) => Encoding::Pcm32,
            (Kind::Integers, _) => Encoding::Pcm16,
        }
    }

    /// Integers become numbers from -1 up to, but without, 1.
    fn samples(self, data: &[u8]) -> Result<Vec<f32>> {
        if !data.len().is_multiple_of(self.width) {
            let what = format!("{} bytes are no whole number of samples of {}", data.len(), self.width);
            return Err(Error::damaged(FORMAT, what));
        }
        let samples: Vec<f32> = match (self.kind, self.width) {
            (Kind::Floats, 8) => {
                data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect()
            }
            (Kind::Floats, _) => data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            // Of 8 bits, 128 is silence.
            (_, 1) => data.iter().map(|&byte| (f32::from(byte) - 128.0) / 128.0).collect(),
            (_, width) => {
                data.chunks_exact(width).map(|bytes| integer(bytes) as f32 / 2.0_f32.powi(31)).collect()
            }
        };
        match samples.iter().all(|sample| sample.is_finite()) {
            true => Ok(samples),
            false => Err(Error::damaged(FORMAT, "a sample is infinite or no number")),
        }
    }
}

/// A little-endian integer of up to four bytes, in the upper bits.
fn integer(bytes: &[u8]) -> i32 {
    let mut wide = [0; 4];
    wide[4 - bytes.len()..].copy_from_slice(bytes);
    i32::from_le_bytes(wide)
}

/// Writes a file. Integers are rounded to the nearest, and to the largest where a sample is outside -1 to 1. Error: a sample
/// that is infinite or no number, and more than 4 GB.
pub fn write(sound: &Wav, encoding: Encoding) -> Result<Vec<u8>> {
    if !sound.samples.iter().all(|sample| sample.is_finite()) {
        return Err(Error::damaged(FORMAT, "a sample to be written is infinite or no number"));
    }
    let width = match encoding {
        Encoding::Pcm16 => 2,
        Encoding::Pcm24 => 3,
        Encoding::Pcm32 | Encoding::F32 => 4,
    };
    const HEADER: usize = 44;
    let length = sound.samples.len() as u128 * width as u128;
    let most = u128::from(u32::MAX) - HEADER as u128;
    if length > most {
        return Err(Error::too_large(FORMAT, "the sound to be written", length, most));
    }
    let mut bytes = Vec::with_capacity(HEADER + length as usize + 1);
    let padding = (length % 2) as u32;
    bytes.extend(b"RIFF");
    bytes.extend((HEADER as u32 - 8 + length as u32 + padding).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    let code: u16 = if encoding == Encoding::F32 { 3 } else { 1 };
    bytes.extend(code.to_le_bytes());
    bytes.extend((sound.channels as u16).to_le_bytes());
    bytes.extend(sound.rate.to_le_bytes());
    let block = sound.channels * width;
    bytes.extend(sound.rate.saturating_mul(block as u32).to_le_bytes());
    bytes.extend((block as u16).to_le_bytes());
    bytes.extend((8 * width as u16).to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((length as u32).to_le_bytes());
    for &sample in &sound.samples {
        if encoding == Encoding::F32 {
            bytes.extend(sample.to_le_bytes());
            continue;
        }
        let scale = 2.0_f64.powi(8 * width as i32 - 1);
        let rounded = (f64::from(sample) * scale).round().clamp(-scale, scale - 1.0) as i32;
        bytes.extend(&rounded.to_le_bytes()[..width]);
    }
    bytes.extend(std::iter::repeat_n(0, padding as usize));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(channels: usize) -> Wav {
        // Exact in 16 bits.
        let samples = (0..12).map(|i| (i * 4000 - 24_000) as f32 / 32_768.0).collect();
        Wav::new(44_100, channels, samples).unwrap()
    }

    /// A file with that chunk of format and that data.
    fn file(format: &[u8], data: &[u8]) -> Vec<u8> {
        let chunk = |name: &[u8], bytes: &[u8]| [name, &(bytes.len() as u32).to_le_bytes(), bytes].concat();
        [
            &b"RIFF\0\0\0\0WAVE"[..],
            &chunk(b"LIST", b"odd"),
            b"\0",
            &chunk(b"fmt ", format),
            &chunk(b"data", data),
        ]
        .concat()
    }

    fn format(code: u16, channels: u16, bits: u16) -> Vec<u8> {
        let words = [code, channels, 44_100, 0, 0, 0, 0, bits];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn what_is_written_comes_back() {
        for channels in [1, 2, 3] {
            for encoding in [Encoding::Pcm16, Encoding::Pcm24, Encoding::Pcm32, Encoding::F32] {
                let read = read_encoded(&write(&sound(channels), encoding).unwrap());
                assert_eq!(read, Ok((sound(channels), encoding)), "{encoding:?}");
            }
        }
        let none = Wav::new(8000, 1, vec![]).unwrap();
        assert_eq!(read(&write(&none, Encoding::Pcm16).unwrap()), Ok(none));
    }

    #[test]
    fn samples_are_rounded_and_clipped() {
        let loud = Wav::new(8000, 1, vec![1.0, -1.0, 1.5, -2.0, 0.4 / 32_768.0, -0.6 / 32_768.0]).unwrap();
        let read = read(&write(&loud, Encoding::Pcm16).unwrap()).unwrap();
        let steps: Vec<f32> = read.samples().iter().map(|sample| sample * 32_768.0).collect();
        assert_eq!(steps, [32_767.0, -32_768.0, 32_767.0, -32_768.0, 0.0, -1.0]);
        let nan = Wav::new(8000, 1, vec![f32::NAN]).unwrap();
        assert!(write(&nan, Encoding::Pcm16).is_err() && write(&nan, Encoding::F32).is_err());
    }

    #[test]
    fn every_kind_of_sample_is_read() {
        let samples =
            |code, bits, data: &[u8]| read(&file(&format(code, 1, bits), data)).map(|sound| sound.samples);
        assert_eq!(samples(1, 8, &[0, 128, 255]), Ok(vec![-1.0, 0.0, 127.0 / 128.0]));
        assert_eq!(samples(1, 16, &[0, 0x80, 0, 0x40]), Ok(vec![-1.0, 0.5]));
        assert_eq!(samples(1, 24, &[0, 0, 0x80, 1, 0, 0]), Ok(vec![-1.0, 2.0_f32.powi(-23)]));
        assert_eq!(samples(1, 32, &[0, 0, 0, 0xc0]), Ok(vec![-0.5]));
        assert_eq!(samples(3, 32, &1.5_f32.to_le_bytes()), Ok(vec![1.5]));
        assert_eq!(samples(3, 64, &0.25_f64.to_le_bytes()), Ok(vec![0.25]));
        let mut extensible = format(0xfffe, 2, 16);
        extensible.extend([22, 0, 16, 0, 3, 0, 0, 0, 1, 0]);
        extensible.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        assert_eq!(read(&file(&extensible, &[0, 0x40, 0, 0xc0])).unwrap().samples(), [0.5, -0.5]);
        // Of a pipe, without a length.
        let mut piped = file(&format(1, 1, 16), &[0, 0x40]);
        let length = piped.len();
        piped[length - 6..length - 2].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&piped).unwrap().samples(), [0.5]);
    }

    #[test]
    fn files_that_lie() {
        let good = file(&format(1, 2, 16), &[0; 8]);
        assert!(read(&good).is_ok());
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{end}");
        }
        let mut long = good.clone();
        let length = long.len();
        long[length - 12..length - 8].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
        for (bytes, says) in [
            (long, "cut off"),
            (file(&format(1, 2, 16), &[0; 6]), "no whole number of times of 2 channels"),
            (file(&format(1, 1, 16), &[0; 3]), "no whole number of samples of 2"),
            (file(&format(1, 0, 16), &[]), "it has 0 channels"),
            (file(&format(1, u16::MAX, 16), &[]), "it has 65535 channels"),
            (file(&format(1, 1, 12), &[]), "samples of 12 bits are not read"),
            (file(&format(3, 1, 16), &[]), "samples of 16 bits are not read"),
            (file(&format(85, 1, 16), &[]), "sound of kind 85 is not read"),
            (file(&format(3, 1, 32), &f32::NAN.to_le_bytes()), "infinite or no number"),
            (file(&[], &[0; 2]), "cut off"),
            (good[..good.len() - 16].to_vec(), "there is no data"),
            (b"RIFX\0\0\0\0WAVE".to_vec(), "does not begin as one"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} lacks {says:?}");
        }
    }
}
