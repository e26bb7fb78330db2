//! Files that were made to do harm. Each is refused by one line, in little memory: nothing is run, no length is believed, and
//! what is small in the file does not become large here.

mod archive;
mod json;
mod pickles;
mod protobuf;
mod zips;

use std::fmt::Display;

use sumun_formats::{Result, safetensors};

/// The most memory that refusing a small file may take.
const MOST_MEMORY: u64 = 64 << 20;

/// Reads a file that must be refused, and gives back the reason.
#[track_caller]
fn refused<T>(name: impl Display, read: impl FnOnce() -> Result<T>) -> String {
    let mut result = None;
    let memory = allocation_counter::measure(|| result = Some(read().map(drop)));
    assert!(memory.bytes_max < MOST_MEMORY, "{name}: {} bytes of memory", memory.bytes_max);
    match result.expect("the closure was called") {
        Ok(()) => panic!("{name} is read"),
        Err(error) => {
            let text = error.to_string();
            assert!(text.chars().count() < 500 && !text.contains(char::is_control), "{name}: {text:?}");
            text
        }
    }
}

/// That a reason says something.
#[track_caller]
fn assert_says(reason: &str, part: &str) {
    assert!(reason.contains(part), "{reason:?} lacks {part:?}");
}

#[test]
fn headers_of_safetensors_files() {
    let file = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    let huge =
        r#"{"w":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#;
    let axes =
        format!(r#"{{"w":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,0]}}}}"#, "0,".repeat(1_000_000));
    for header in [
        huge.to_owned(),
        axes,
        "[".repeat(1 << 20),
        r#"{"a":"#.repeat(1 << 18),
        r#"{"__metadata__":"#.repeat(1 << 18),
    ] {
        refused(&header[..header.len().min(40)], || safetensors::read(&file(&header)));
    }
    refused("a length of 2⁶³", || safetensors::read(&(1_u64 << 63).to_le_bytes()));
}
