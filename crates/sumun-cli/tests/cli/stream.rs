//! Models on frames as they come, and on sound.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::foreign::{golden, npy};
use crate::place::Place;

/// An LSTM of 5 numbers to 3, as a file of weights and its layers.
fn lstm(place: &Place) -> [String; 3] {
    place.write("layers.toml", "[input]\nfeatures = 5\n[[layers]]\nkind = \"lstm\"\nunits = 6\nreturn_sequences = true\n[[layers]]\nkind = \"dense\"\nunits = 3\n");
    [golden("shared_storage_strided.pt"), "--architecture".into(), "layers.toml".into()]
}

/// The frames that [`npy`] has, written in several ways.
fn frames(count: usize) -> String {
    let frame = |t: usize| {
        let numbers: Vec<String> = (0..5).map(|f| format!("{}", (t * 5 + f) as f32 / 8.0)).collect();
        match t % 3 {
            0 => numbers.join(","),
            1 => format!("  {}\t", numbers.join("  ")),
            _ => format!("[{}]", numbers.join(", ")),
        }
    };
    (0..count).map(|t| frame(t) + "\n").collect()
}

/// The numbers of a `.npy` file of 32-bit numbers.
fn values(bytes: &[u8]) -> Vec<f32> {
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

fn printed(stdout: &str) -> Vec<f32> {
    stdout.lines().flat_map(|line| line.split(',').map(|number| number.parse().unwrap())).collect()
}

#[test]
fn a_stream_prints_what_the_whole_sequence_gives() {
    let place = Place::new();
    let model = lstm(&place);
    let model: Vec<&str> = model.iter().map(String::as_str).collect();
    place.write("x.npy", npy([4, 5]));
    let apply = |options: &[&'static str]| [&["apply"][..], &model, options].concat();
    place.succeed(&apply(&["--input", "x.npy", "--output", "y.npy"]));
    let wanted = values(&std::fs::read(place.path("y.npy")).unwrap());
    let ran = place.run_with_input(&apply(&["--stream"]), &frames(4));
    assert_eq!((ran.code, printed(&ran.stdout)), (Some(0), wanted.clone()), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 4);

    // In two pieces; the last line has no end.
    let all = frames(4);
    let at = all.match_indices('\n').nth(1).unwrap().0 + 1;
    let first = place.run_with_input(&apply(&["--stream", "--state-out", "s.npz"]), &all[..at]);
    assert!(first.stderr.contains("s.npz: written"), "{first:?}");
    let second = place.run_with_input(&apply(&["--stream", "--state", "s.npz"]), all[at..].trim_end());
    assert_eq!(printed(&(first.stdout + &second.stdout)), wanted);
}

#[test]
fn a_line_is_answered_before_the_next_comes() {
    let place = Place::new();
    let model = lstm(&place);
    let model: Vec<&str> = model.iter().map(String::as_str).collect();
    let mut child = place
        .command(&[&["apply"][..], &model, &["--stream", "--state-out", "s.npz"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..3 {
        input.write_all(b"1 2 3 4 5\n").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(printed(&line).len(), 3, "{line}");
    }
    // A reader that has had enough is no error, and the state is kept.
    drop(output);
    let _ = input.write_all(b"1 2 3 4 5\n");
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(place.path("s.npz").exists());
}

#[test]
fn a_frame_that_cannot_be_is_named_by_its_line() {
    let place = Place::new();
    let model = lstm(&place);
    let model: Vec<&str> = model.iter().map(String::as_str).collect();
    let stream = [&["apply"][..], &model, &["--stream", "--state-out", "s.npz"]].concat();
    for (line, says) in [
        ("1,2,3", "line 1 of standard input: a frame: expected 5 numbers, found 3 numbers"),
        ("1,2,x,4,5", "line 1 of standard input: 'x' is no number"),
        ("1,2,,4,5", "line 1 of standard input: '' is no number"),
        ("1 2 NaN 4 5", "line 1 of standard input: a frame has NaN at feature 2"),
        ("1 2 1e999 4 5", "line 1 of standard input: a frame has inf at feature 2"),
        ("[1, 2, \"a\"]", "line 1 of standard input: it is no JSON array of numbers"),
        ("\n1 2 3 4 5", "line 1 of standard input: it is empty"),
    ] {
        place.refuse_with_input(&stream, line, &[says]);
    }
    let ran = place.run_with_input(&stream, "1 2 3 4 5\n5 4 3 2\n");
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(2), 1), "{ran:?}");
    assert!(ran.stderr.contains("line 2 of standard input"), "{ran:?}");
    assert!(!place.path("s.npz").exists());

    place.refuse(
        &["apply", &golden("gru_checkpoint.pt"), "--stream"],
        &["the model cannot stream: rnn has a second direction"],
    );
    place.write("x.npy", npy([1, 5]));
    place.refuse(&[&["apply"][..], &model, &["--stream", "--input", "x.npy"]].concat(), &["--stream"]);
    place.refuse(&[&["apply"][..], &model].concat(), &["--input"]);
    place.refuse(
        &[&["apply"][..], &model, &["--stream", "--state", "x.npy"]].concat(),
        &["x.npy: the state 'h_n'"],
    );
}

/// A NAM file of an LSTM of 2 units whose states are not zero, for 48000 samples a second.
fn amplifier() -> String {
    let weights: Vec<String> =
        (0..8 * 3 + 8 + 4 + 3).map(|k| format!("{}", ((k * 7) % 11) as f32 / 8.0 - 0.6)).collect();
    format!(
        r#"{{"version": "0.5.1", "architecture": "LSTM", "config": {{"input_size": 1, "hidden_size": 2, "num_layers": 1}},
        "weights": [{}], "sample_rate": 48000}}"#,
        weights.join(",")
    )
}

/// A WAV file of 16 bits.
fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<u8>>();
    let block = u32::from(channels) * 2;
    [
        b"RIFF".to_vec(),
        words(&[36 + data.len() as u32]),
        b"WAVEfmt ".to_vec(),
        words(&[16]),
        halves(&[1, channels]),
        words(&[rate, rate * block]),
        halves(&[block as u16, 16]),
        b"data".to_vec(),
        words(&[data.len() as u32]),
        data,
    ]
    .concat()
}

#[test]
fn sound_goes_through_a_model_channel_by_channel() {
    let place = Place::new();
    place.write("amp.nam", amplifier());
    let (left, right): (Vec<i16>, Vec<i16>) = (
        (0..50).map(|t| (t * 611 % 3000) as i16).collect(),
        (0..50).map(|t| -(t * 97 % 2000) as i16).collect(),
    );
    let both: Vec<i16> = left.iter().zip(&right).flat_map(|(&left, &right)| [left, right]).collect();
    place.write("left.wav", wav(48_000, 1, &left));
    place.write("both.wav", wav(44_100, 2, &both));
    let apply = |input: &str, output: &str, more: &[&str]| {
        place.succeed(&[&["apply", "amp.nam", "--input", input, "--output", output], more].concat())
    };
    let left_out = apply("left.wav", "left_out.wav", &[]);
    assert!(!left_out.stderr.contains("samples a second"), "{left_out:?}");
    let both_out = apply("both.wav", "both_out.wav", &["--sample-format", "float32"]);
    assert!(
        both_out
            .stderr
            .contains("note: the sound has 44100 samples a second, but the model was trained for 48000"),
        "{both_out:?}"
    );
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    let (one, two) = (bytes("left_out.wav"), bytes("both_out.wav"));
    assert_eq!((one.len(), two.len()), (44 + 100, 44 + 400));
    assert_eq!((&one[20..26], &two[20..26]), (&[1, 0, 1, 0, 0x80, 0xbb][..], &[3, 0, 2, 0, 0x44, 0xac][..]));
    let floats: Vec<f32> =
        two[44..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    let rounded: Vec<i16> = floats
        .iter()
        .step_by(2)
        .map(|value| (value * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
        .collect();
    let found: Vec<i16> = one[44..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    assert_eq!(found, rounded);

    // The same numbers as arrays, and as a stream, which begin with the states of the file.
    apply("left.wav", "left_out.npy", &[]);
    let array = values(&bytes("left_out.npy"));
    assert_eq!(array, floats.iter().step_by(2).copied().collect::<Vec<_>>());
    let lines: String = left.iter().map(|&sample| format!("{}\n", f32::from(sample) / 32_768.0)).collect();
    let streamed = place.run_with_input(&["apply", "amp.nam", "--stream"], &lines);
    assert_eq!(printed(&streamed.stdout), array, "{streamed:?}");

    // In two pieces.
    place.write("a.wav", wav(48_000, 1, &left[..20]));
    place.write("b.wav", wav(48_000, 1, &left[20..]));
    apply("a.wav", "a_out.wav", &["--state-out", "s.npz"]);
    apply("b.wav", "b_out.wav", &["--state", "s.npz"]);
    assert_eq!([&bytes("a_out.wav")[44..], &bytes("b_out.wav")[44..]].concat(), one[44..]);
}

#[test]
fn samples_that_are_clipped_are_counted_and_other_sound_is_refused() {
    let place = Place::new();
    let loud = amplifier().replace("\"sample_rate\": 48000", "\"sample_rate\": 8000");
    let last = loud.find("], \"sample_rate\"").unwrap();
    let comma = loud[..last].rfind(',').unwrap();
    place.write("loud.nam", format!("{},5{}", &loud[..comma], &loud[last..]));
    place.write("x.wav", wav(8000, 1, &[0; 10]));
    let ran = place.succeed(&["apply", "loud.nam", "--input", "x.wav", "--output", "y.wav"]);
    assert!(ran.stderr.contains("note: 10 samples were outside -1 to 1 and were clipped"), "{ran:?}");
    let ran = place.succeed(&[
        "apply",
        "loud.nam",
        "--input",
        "x.wav",
        "--output",
        "z.wav",
        "--sample-format",
        "float32",
    ]);
    assert!(!ran.stderr.contains("clipped"), "{ran:?}");

    place.write("x.npy", npy([4, 1]));
    place.write("cut.wav", &wav(8000, 1, &[0; 10])[..50]);
    for (input, output, more, says) in [
        ("x.npy", "y2.wav", &[][..], "x.npy has no samples a second, so y2.wav cannot be written"),
        (
            "x.wav",
            "y2.npz",
            &["--sample-format", "pcm24"],
            "--sample-format is for sound, and y2.npz is none",
        ),
        ("cut.wav", "y2.wav", &[], "cut.wav: "),
        ("x.wav", "x.wav", &[], "x.wav would be overwritten"),
    ] {
        place.refuse(&[&["apply", "loud.nam", "--input", input, "--output", output], more].concat(), &[says]);
    }
    let model = lstm(&place);
    let model: Vec<&str> = model.iter().map(String::as_str).collect();
    let apply = [&["apply"][..], &model, &["--input", "x.wav", "--output", "y2.wav"]].concat();
    place.refuse(&apply, &["x.wav: the model reads 5 numbers a step, and the sound has 1 channel"]);
}
