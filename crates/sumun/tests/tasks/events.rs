//! Event files for TensorBoard, read again by a reader of their own, say what the metrics say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sumun::Result;
use sumun::run::{EVENTS_FOLDER, LiveRun, METRICS_FILE, RunFolder};
use sumun::tasks::{About, AnyTraining, keep, resume};
use sumun::train::{Ending, EpochRecord, Keeper, Snapshot, Wish};

use crate::lessons::LESSONS;

/// CRC-32C bit by bit, masked.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc % 2 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// The fields of a message: number, and bytes or the number that they are.
fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    fn varint(message: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    }
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key % 8 {
            0 => {
                found.push((key / 8, varint(&mut message).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut message) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        found.push((key / 8, message[..length].to_vec()));
        message = &message[length..];
    }
    found
}

/// An event: when, the step, and the figures by name.
type Event = (f64, u64, Vec<(String, f32)>);

fn events(run: &Path) -> Vec<Event> {
    let folder = run.join(EVENTS_FOLDER);
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() == 1 && names[0].to_str().unwrap().contains("tfevents"), "{names:?}");
    let bytes = std::fs::read(folder.join(&names[0])).unwrap();
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let (message, end) = (&rest[12..12 + length], &rest[12 + length..]);
        assert_eq!(rest[8..12], checksum(&rest[..8]).to_le_bytes());
        assert_eq!(end[..4], checksum(message).to_le_bytes());
        rest = &end[4..];
        let (mut time, mut step, mut figures) = (0.0, 0, Vec::new());
        for (number, value) in fields(message) {
            match number {
                1 => time = f64::from_le_bytes(value.try_into().unwrap()),
                2 => step = u64::from_le_bytes(value.try_into().unwrap()),
                3 => assert!(found.is_empty() && value == b"brain.Event:2", "the version comes first"),
                5 => {
                    for (number, value) in fields(&value) {
                        assert_eq!(number, 1);
                        let parts = fields(&value);
                        let [(1, name), (2, figure)] = &parts[..] else { panic!("{parts:?}") };
                        let figure = f32::from_le_bytes(figure[..].try_into().unwrap());
                        figures.push((String::from_utf8(name.clone()).unwrap(), figure));
                    }
                }
                other => panic!("field {other}"),
            }
        }
        found.push((time, step, figures));
    }
    found
}

/// What an event of an epoch says, from a line of the metrics.
fn said(line: &str) -> (u64, Vec<(String, f32)>) {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut figures = Vec::new();
    for (key, value) in line.as_object().unwrap() {
        let mut push = |name: String, value: &serde_json::Value| {
            figures.push((name, value.as_f64().unwrap() as f32));
        };
        match key.as_str() {
            "train_loss" => push("loss/train".into(), value),
            "valid_loss" => push("loss/valid".into(), value),
            "learning_rate" | "clipped" => push(format!("train/{key}"), value),
            "gradient_norm" => push("gradient_norm/all".into(), value),
            "layer_norms" => {
                for pair in value.as_array().unwrap() {
                    push(format!("gradient_norm/{}", pair[0].as_str().unwrap()), &pair[1]);
                }
            }
            "epoch" | "rows_per_second" | "seconds" => {}
            figure => push(format!("valid/{figure}"), value),
        }
    }
    (line["epoch"].as_u64().unwrap(), figures)
}

/// A run that stops after some epochs.
struct Until {
    live: LiveRun,
    left: usize,
}

impl Keeper for Until {
    fn wish(&mut self) -> Wish {
        if self.left == 0 { Wish::Stop } else { Wish::Continue }
    }

    fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        self.live.save(snapshot)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.left -= 1;
        self.live.epoch(record)
    }
}

fn train(mut training: Box<dyn AnyTraining>, live: LiveRun, epochs: usize) -> Option<RunFolder> {
    let live = live.tensorboard(training.tensorboard());
    let mut until = Until { live, left: epochs };
    match training.run(&mut (), &mut until).unwrap() {
        Ending::Interrupted => None,
        _ => Some(keep(&*training.finish().unwrap(), until.live, &About::default()).unwrap()),
    }
}

#[test]
fn event_files_say_what_the_metrics_say_whatever_was_interrupted() {
    for lesson in LESSONS.iter().filter(|lesson| ["classify texts", "simulate"].contains(&lesson.name)) {
        let folder = tempfile::tempdir().unwrap();
        let begin = |name: &str, settings: &[(&str, &str)]| {
            let training = lesson.begin(
                folder.path(),
                &[&[("train.epochs", "4"), ("train.patience", "9")], settings].concat(),
            );
            let (options, first) = (training.config_toml().unwrap(), training.checkpoint().unwrap());
            let staged = RunFolder::stage(folder.path().join(name)).unwrap();
            let live = LiveRun::begin(staged, &options, &first, Duration::MAX, Arc::default()).unwrap();
            (training, live)
        };
        let asked = [("train.tensorboard", "true")];
        let (training, live) = begin("whole", &asked);
        let whole = train(training, live, usize::MAX).unwrap();
        let found = events(whole.path());
        let metrics = std::fs::read_to_string(whole.path().join(METRICS_FILE)).unwrap();
        let expected: Vec<_> = metrics.lines().map(said).collect();
        assert_eq!((found.len(), expected.len(), found[0].2.len()), (5, 4, 0));
        let sorted = |figures: &[(String, f32)]| {
            let mut figures = figures.to_vec();
            figures.sort_by(|a, b| a.0.cmp(&b.0));
            figures
        };
        for ((_, step, figures), (epoch, said)) in found[1..].iter().zip(&expected) {
            assert_eq!((*step, sorted(figures)), (*epoch, sorted(said)), "{}", lesson.name);
            assert!(
                figures.iter().any(|(name, _)| name.starts_with("gradient_norm/") && !name.ends_with("/all"))
            );
        }
        assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0), "time goes on");

        // What was written after the last checkpoint is written anew.
        let (training, live) = begin("parts", &asked);
        assert!(train(training, live, 2).is_none());
        let path = folder.path().join("parts");
        let file = path.join(EVENTS_FOLDER).join("events.out.tfevents.sumun");
        let two = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&two[..], &two[..]].concat()).unwrap();
        let (live, checkpoint) = LiveRun::resume(&path, Arc::default()).unwrap();
        let (training, _) = resume(checkpoint).unwrap();
        train(training, live, usize::MAX).unwrap();
        let without_time = |all: &[Event]| all.iter().map(|one| (one.1, one.2.clone())).collect::<Vec<_>>();
        assert_eq!(without_time(&events(&path)), without_time(&found), "{}", lesson.name);

        // Nothing is written that was not asked for.
        let (training, live) = begin("plain", &[]);
        let plain = train(training, live, usize::MAX).unwrap();
        assert!(!plain.path().join(EVENTS_FOLDER).exists());
        let config = std::fs::read_to_string(plain.path().join("config.toml")).unwrap();
        assert!(!config.contains("tensorboard"), "{config}");
    }
}
