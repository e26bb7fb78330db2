//! `cargo run --release -p sumun-fuzz -- TARGET --runs N --seed S`: runs targets, counts what went wrong, keeps what did it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sumun_fuzz::judge::{judge, keep_panics};
use sumun_fuzz::mutate::mutate;
use sumun_fuzz::{TARGETS, Target, corpus};

const USAGE: &str = "\
usage: sumun-fuzz TARGET|all [--runs N] [--seed S] [--from K] [--seconds X] [--keep FOLDER] [--here yes]
       sumun-fuzz TARGET --file FILE

  --runs N       how many inputs for each target [default: 10000]
  --seed S       which inputs [default: 0]
  --from K       the number of the first input [default: 0]
  --seconds X    stops a target after so long
  --keep FOLDER  where inputs are kept that did harm [default: target/fuzz]
  --here yes     in one process and without a limit of time, for memory checkers
  --file FILE    runs one file and says what happened

exit codes: 0 nothing went wrong, 1 something did, 2 the arguments cannot be used";

/// A run that takes longer is taken for one that never ends.
const HANG: Duration = Duration::from_secs(30);

/// So many inputs are kept of faults with one cause.
const KEPT: usize = 3;

/// What the environment tells a process that does the work.
const WORKER: &str = "SUMUN_FUZZ_WORKER";

/// What is asked for.
struct Asked {
    targets: Vec<&'static Target>,
    runs: u64,
    seed: u64,
    from: u64,
    seconds: f64,
    keep: PathBuf,
    here: bool,
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let asked = match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = if std::env::var_os(WORKER).is_some() || asked.here || asked.file.is_some() {
        work(&asked)
    } else {
        supervise(&asked)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("sumun-fuzz: {error}");
            ExitCode::from(2)
        }
    }
}

impl Asked {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let name = words.next().ok_or("no target is named")?;
        let names = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
        let targets = match (name.as_str(), Target::named(&name)) {
            ("all", _) => TARGETS.iter().collect(),
            (_, Some(target)) => vec![target],
            (_, None) => return Err(format!("there is no target {name:?}; there are all, {}", names())),
        };
        let keep = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
        let mut asked = Self {
            targets,
            runs: 10_000,
            seed: 0,
            from: 0,
            seconds: f64::INFINITY,
            keep,
            here: false,
            file: None,
        };
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} has no value"))?;
            let number = || value.parse().map_err(|_| format!("{option} is {value:?}; give a whole number"));
            match option.as_str() {
                "--runs" => asked.runs = number()?,
                "--seed" => asked.seed = number()?,
                "--from" => asked.from = number()?,
                "--seconds" => {
                    asked.seconds =
                        value.parse().map_err(|_| format!("{option} is {value:?}; give seconds"))?
                }
                "--here" => asked.here = value == "yes",
                "--keep" => asked.keep = std::path::absolute(&value).map_err(|error| error.to_string())?,
                "--file" => {
                    asked.file = Some(std::path::absolute(&value).map_err(|error| error.to_string())?)
                }
                _ => return Err(format!("there is no option {option}")),
            }
        }
        Ok(asked)
    }
}

/// What a worker has come to: after each input, in a file, which outlives it.
struct Progress(File);

impl Progress {
    fn write(&mut self, next: u64, read: u64) -> std::io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&[next.to_le_bytes(), read.to_le_bytes()].concat())
    }

    fn read(path: &Path) -> std::io::Result<[u64; 2]> {
        let mut bytes = [0; 16];
        File::open(path)?.read_exact(&mut bytes)?;
        Ok([&bytes[..8], &bytes[8..]].map(|part| u64::from_le_bytes(part.try_into().expect("eight bytes"))))
    }
}

/// Runs a process for each target, and one more behind every input that ended one: an abort, a stack that is used up, a run
/// without an end.
fn supervise(asked: &Asked) -> std::io::Result<bool> {
    fs::create_dir_all(&asked.keep)?;
    let mut good = true;
    for target in &asked.targets {
        let (begun, mut ended, mut from, mut all_read) = (Instant::now(), 0, asked.from, 0);
        let last = asked.from.saturating_add(asked.runs);
        let progress = tempfile::NamedTempFile::new()?;
        while from < last && begun.elapsed().as_secs_f64() < asked.seconds {
            Progress(progress.reopen()?).write(from, 0)?;
            let left = asked.seconds - begun.elapsed().as_secs_f64();
            let status = Command::new(std::env::current_exe()?)
                .args([target.name, "--runs", &(last - from).to_string(), "--seed", &asked.seed.to_string()])
                .args(["--from", &from.to_string(), "--seconds", &left.to_string()])
                .arg("--keep")
                .arg(&asked.keep)
                .env(WORKER, progress.path())
                .stdin(Stdio::null())
                .status()?;
            let [next, read] = Progress::read(progress.path())?;
            (from, all_read) = (next, all_read + read);
            match status.code() {
                Some(0) => break,
                Some(1) => {
                    good = false;
                    break;
                }
                _ => {
                    good = false;
                    ended += 1;
                    let path = keep(asked, target, "ended", from, &input(target, asked.seed, from)?)?;
                    println!(
                        "{}: input {from} ended the process ({status}): {}",
                        target.name,
                        path.display()
                    );
                    from += 1;
                    if ended >= 20 {
                        println!("{}: left alone after {ended} of these", target.name);
                        break;
                    }
                }
            }
        }
        let runs = from - asked.from;
        println!(
            "{}: {runs} inputs, {:.0} % read, {ended} ended the process; {:.0} a second",
            target.name,
            100.0 * all_read as f64 / runs.max(1) as f64,
            runs as f64 / begun.elapsed().as_secs_f64()
        );
    }
    Ok(good)
}

fn input(target: &Target, seed: u64, number: u64) -> std::io::Result<Vec<u8>> {
    Ok(mutate(&corpus::seeds(target)?, seed, number))
}

fn keep(asked: &Asked, target: &Target, kind: &str, number: u64, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let path = asked.keep.join(format!("{}-{kind}-{}-{number}", target.name, asked.seed));
    fs::write(&path, bytes)?;
    Ok(path)
}

/// Works in this process; whether nothing went wrong.
fn work(asked: &Asked) -> std::io::Result<bool> {
    // Data files are named relative to this crate.
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    // On this thread, so that its memory and its time are all there is to count.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .map_err(std::io::Error::other)?;
    keep_panics();
    let mut good = true;
    for target in &asked.targets {
        good &= match &asked.file {
            Some(file) => examine(target, &fs::read(file)?),
            None => run(asked, target)?,
        };
    }
    Ok(good)
}

/// Says what a target does with one input.
fn examine(target: &Target, bytes: &[u8]) -> bool {
    let verdict = judge(target, bytes, true);
    println!("read: {}; {} bytes of memory", verdict.read, verdict.memory);
    if let Err(message) = std::panic::catch_unwind(|| (target.run)(bytes)).unwrap_or(Ok(())) {
        println!("{message:?}");
    }
    verdict.fault.iter().for_each(|fault| println!("{fault}"));
    verdict.fault.is_none()
}

/// Runs inputs one after the other.
fn run(asked: &Asked, target: &Target) -> std::io::Result<bool> {
    fs::create_dir_all(&asked.keep)?;
    let mut progress = match std::env::var_os(WORKER) {
        Some(path) => Some(Progress(File::options().write(true).open(path)?)),
        None => None,
    };
    let seeds = corpus::seeds(target)?;
    let at = if asked.here { Arc::default() } else { watched() };
    let (begun, mut read, mut found) = (Instant::now(), 0, Vec::<(String, usize)>::new());
    for number in asked.from..asked.from.saturating_add(asked.runs) {
        if begun.elapsed().as_secs_f64() >= asked.seconds {
            break;
        }
        at.store(number + 1, Ordering::Relaxed);
        let bytes = mutate(&seeds, asked.seed, number);
        let verdict = judge(target, &bytes, !asked.here);
        read += u64::from(verdict.read);
        if let Some(progress) = &mut progress {
            progress.write(number + 1, read)?;
        }
        let Some(fault) = verdict.fault else { continue };
        let signature = fault.signature();
        let place = found.iter().position(|(known, _)| *known == signature).unwrap_or_else(|| {
            found.push((signature, 0));
            found.len() - 1
        });
        found[place].1 += 1;
        if found[place].1 <= KEPT {
            let path = keep(asked, target, fault.kind(), number, &bytes)?;
            println!("{}: {fault}: {} ({} bytes)", target.name, path.display(), bytes.len());
        }
    }
    for (signature, times) in &found {
        println!("{}: {times} times: {signature}", target.name);
    }
    if asked.here {
        println!("{}: {} inputs, {read} read", target.name, asked.runs);
    }
    Ok(found.is_empty())
}

/// The number of the present run goes in; a run without an end ends the process.
fn watched() -> Arc<AtomicU64> {
    let at = Arc::new(AtomicU64::new(0));
    let watched = Arc::clone(&at);
    std::thread::spawn(move || {
        loop {
            let before = watched.load(Ordering::Relaxed);
            std::thread::sleep(HANG);
            if before != 0 && watched.load(Ordering::Relaxed) == before {
                std::process::abort();
            }
        }
    });
    at
}
