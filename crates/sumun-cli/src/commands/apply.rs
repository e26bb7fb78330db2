//! `sumun apply`: a model on arrays, on sound, or on frames as they come.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sumun::model::{Model, ModelConfig};
use sumun::models::{
    Opened, SampleFormat, Sound, has_one_array, is_sound, open_with, read_arrays, write_arrays,
};
use sumun::nn::CrfLayer;

use super::show::notes;
use super::{Told, stream};
use crate::failure::Failure;
use crate::output::say;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun apply classifier.pt --input x.npz --output y.npz
  sumun apply model.safetensors --input first.npz --output y1.npz --state-out state.npz
  sumun apply model.safetensors --input second.npz --output y2.npz --state state.npz
  sumun apply amp.nam --input guitar.wav --output amp.wav
  sensor | sumun apply model.safetensors --stream --state-out state.npz > out.csv
  sumun apply vad.onnx --set-input sr=16000 --input frame.npz --output speech.npz

Arrays go in by the names of the model's inputs: `input` [N, T, F] (or [T, F] for one sequence), ids [N, T], and
`lengths` [N] where sequences end early. Out come `output`, and the last states `h_n` and `c_n` [L·D, N, H].
An ONNX graph has its own names and layouts.

Sound (.wav) goes in channel by channel, or all channels at once where the model reads as many numbers a step.

A stream reads a frame a line from standard input: its numbers with commas or blanks between them, or a JSON array; an id
of a model of ids. For each it writes the output of that step at once, numbers with commas between them; an empty line
where the model has none yet, as before the first window of a convolution. The states come at the end of the input.

A tagger with a CRF gives the scores of each tag, in a stream as well; `sumun predict` chooses the tags of a sentence together.";

/// The arguments of `sumun apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A model file, the folder of a training run, or a file of another program
    model: PathBuf,
    /// The arrays that go in, or the sound (.wav)
    #[arg(long, value_name = "FILE", required_unless_present = "stream")]
    input: Option<PathBuf>,
    /// Where the arrays that come out are written, or the sound (.wav)
    #[arg(long, value_name = "FILE", required_unless_present = "stream")]
    output: Option<PathBuf>,
    /// Read frames from standard input, one a line, and write a line for each as it comes
    #[arg(long, conflicts_with_all = ["input", "output", "sample_format"])]
    stream: bool,
    /// How the samples of sound are written [default: as those that go in]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    sample_format: Option<SampleFormat>,
    /// States to begin with, as --state-out wrote them; those of the model's file, mostly zeros, where it is left out
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where the last states are written, instead of among the outputs
    #[arg(long, value_name = "FILE")]
    state_out: Option<PathBuf>,
    #[command(flatten)]
    told: Told,
}

const FORMATS: [(&str, SampleFormat); 4] = [
    ("pcm16", SampleFormat::Pcm16),
    ("pcm24", SampleFormat::Pcm24),
    ("pcm32", SampleFormat::Pcm32),
    ("float32", SampleFormat::F32),
];

fn formats() -> impl TypedValueParser<Value = SampleFormat> {
    PossibleValuesParser::new(FORMATS.map(|(name, _)| name)).map(|name| {
        let format = FORMATS.into_iter().find(|(format, _)| *format == name);
        format.map(|(_, encoding)| encoding).expect("the parser takes these names alone")
    })
}

/// Reads the arrays, runs the model and writes what comes out.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let opened = open_with(&arguments.model, arguments.told.options()?)?;
    let Arguments { model, input, output, sample_format, state, state_out, .. } = arguments;
    for written in [&output, &state_out].into_iter().flatten() {
        super::refuse_same_file(&model, written)?;
        input.iter().try_for_each(|input| super::refuse_same_file(input, written))?;
    }
    say_scores(opened.model()?);
    let (Some(input), Some(output)) = (input, output) else {
        return stream::run(opened, state.as_deref(), state_out.as_deref());
    };
    let sound = if is_sound(&input) { Some(Sound::read(&input)?) } else { None };
    expect_sound(sound.is_some(), &input, &output, sample_format)?;
    let initial = state.as_deref().map(|file| read_arrays(file, "h_n")).transpose()?.unwrap_or_default();
    let results = match &sound {
        Some(sound) => {
            say_rate(&opened, sound);
            let arrays = sound.arrays(opened.model()?).map_err(|error| error.of(input.display()))?;
            opened.apply_model(&arrays, &initial)?
        }
        None => opened.apply(&read_arrays(&input, only_input(opened.model()?))?, &initial)?,
    };
    // The one array of a .npy file, and the sound of a .wav file, is the output.
    let with_states = state_out.is_none() && !has_one_array(&output) && !is_sound(&output);
    let (states, outputs) =
        results.partition(|name| !with_states && (name.starts_with("h_n") || name.starts_with("c_n")));
    if let Some(file) = &state_out {
        write_arrays(file, &states)?;
    }
    match sound.filter(|_| is_sound(&output)) {
        Some(sound) => {
            let format = sample_format.unwrap_or(sound.encoding());
            let clipped = sound.write(&output, opened.model()?, &outputs, format)?;
            if clipped > 0 {
                say(&format!(
                    "note: {clipped} samples were outside -1 to 1 and were clipped; --sample-format float32 keeps them"
                ));
            }
        }
        None => write_arrays(&output, &outputs)?,
    }
    notes(&opened);
    say(&format!("{}: written", output.display()));
    Ok(())
}

/// Refuses sound that is written without any that was read, and a format of samples without sound.
fn expect_sound(
    is_read: bool,
    input: &Path,
    output: &Path,
    sample_format: Option<SampleFormat>,
) -> Result<(), Failure> {
    match is_sound(output) {
        true if !is_read => Err(Failure::Usage(format!(
            "{} has no samples a second, so {} cannot be written; give a .wav file as --input, or a .npy file as --output",
            input.display(),
            output.display()
        ))),
        false if sample_format.is_some() => Err(Failure::Usage(format!(
            "--sample-format is for sound, and {} is none; give a .wav file as --output, or leave it out",
            output.display()
        ))),
        _ => Ok(()),
    }
}

/// Says that tags are not chosen, where a layer would choose them.
fn say_scores(model: &Model) {
    if model.config().layers.iter().any(|layer| layer.get::<CrfLayer>().is_some()) {
        say(
            "note: these are the scores of each tag; sumun predict chooses the tags of a sentence together, by the CRF",
        );
    }
}

/// Says where sound and model are of different rates.
fn say_rate(opened: &Opened, sound: &Sound) {
    if let Some(rate) = opened.sample_rate().filter(|rate| *rate != f64::from(sound.rate())) {
        say(&format!(
            "note: the sound has {} samples a second, but the model was trained for {rate}; resample it, or it sounds different",
            sound.rate()
        ));
    }
}

/// What the array of a file without names is called.
fn only_input(model: &Model) -> &str {
    model.input_names().next().filter(|_| model.config().inputs.len() == 1).unwrap_or(ModelConfig::INPUT)
}
