//! Changes inside ZIP archives, which workbooks are.

use std::io::{Cursor, Read, Write};

use sumun_testing::Random;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::bytes::Change;
use crate::lie;

/// How much of a member is unpacked.
const MOST: u64 = 1 << 20;

/// Changes a member or two and packs the archive again; false where the bytes are none.
pub(super) fn change(bytes: &mut Vec<u8>, random: &mut Random, inner: Change) -> bool {
    if !bytes.starts_with(b"PK") {
        return false;
    }
    let Some(mut members) = members(bytes) else { return false };
    if members.is_empty() {
        return false;
    }
    // Words of the corpus are words of its archives' members, not of packed bytes.
    let inside: Vec<Vec<u8>> = members.iter().map(|member| member.1.clone()).collect();
    for _ in 0..lie::few(random) {
        let place = random.below(members.len());
        match random.below(20) {
            0 => drop(members.swap_remove(place)),
            1 => members[place].0 = lie::text(random).to_owned(),
            2 => members.push((members[place].0.clone(), Vec::new(), CompressionMethod::Stored)),
            _ => inner(&mut members[place].1, &inside, random),
        }
        if members.is_empty() {
            break;
        }
    }
    match written(&members) {
        Some(new) => *bytes = new,
        None => return false,
    }
    true
}

type Member = (String, Vec<u8>, CompressionMethod);

fn members(bytes: &[u8]) -> Option<Vec<Member>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = Vec::new();
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).ok()?;
        let (mut content, method) = (Vec::new(), member.compression());
        (&mut member).take(MOST).read_to_end(&mut content).ok()?;
        let name = member.name().ok()?.into_owned();
        members.push((name, content, method));
    }
    Some(members)
}

/// The archive; None where the writer refuses a name.
fn written(members: &[Member]) -> Option<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, method) in members {
        writer.start_file(name.as_str(), SimpleFileOptions::default().compression_method(*method)).ok()?;
        writer.write_all(content).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}
