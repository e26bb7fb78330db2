//! Runs a target on bytes and says what went wrong.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::Target;

/// CPU that one input may take.
pub const MOST_CPU: Duration = Duration::from_secs(1);

/// Memory that any input may take, and what it may take more for each of its bytes.
pub const MOST_MEMORY: (u64, u64) = (64 << 20, 20);

/// More memory than a machine that this runs on has.
const THERE_IS: u64 = 1 << 35;

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// A panic: where, and its message.
    Panic(String, String),
    /// Too much CPU.
    Slow(Duration),
    /// Too much memory, in bytes.
    Memory(u64),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the bytes were read, not refused.
    pub read: bool,
    /// The most memory at any time, in bytes.
    pub memory: u64,
    /// What went wrong, if anything.
    pub fault: Option<Fault>,
}

impl Fault {
    /// Its kind, as counts name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Panic(..) => "panic",
            Self::Slow(_) => "slow",
            Self::Memory(_) => "memory",
        }
    }

    /// What is the same of two faults with one cause, as far as can be seen.
    pub fn signature(&self) -> String {
        match self {
            Self::Panic(place, _) => format!("panic {place}"),
            _ => self.kind().into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(place, message) => write!(f, "panic at {place}: {}", shown(message)),
            Self::Slow(cpu) => write!(f, "{:.1} s of CPU", cpu.as_secs_f64()),
            Self::Memory(bytes) => write!(f, "{:.1} MB of memory", *bytes as f64 / 1e6),
        }
    }
}

/// The beginning of a text on one line.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

thread_local! {
    /// Where this thread's last panic was, and what it said.
    static LAST_PANIC: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Keeps panics for [`judge`] and prints nothing. Once in a process, before the first [`judge`].
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| place.to_string()).unwrap_or_default();
        LAST_PANIC
            .with(|last| *last.borrow_mut() = (place, info.payload_as_str().unwrap_or_default().to_owned()));
    }));
}

/// Runs a target on bytes. The worst fault counts; time does only where `timed`.
pub fn judge(target: &Target, bytes: &[u8], timed: bool) -> Verdict {
    let (outcome, memory, wall) = once(target, bytes);
    let fault = match &outcome {
        None => LAST_PANIC.with(|last| {
            let (place, message) = last.borrow().clone();
            Some(Fault::Panic(place, message))
        }),
        _ if timed && wall > MOST_CPU => slow(target, bytes),
        _ => None,
    };
    let most = MOST_MEMORY.0 + MOST_MEMORY.1 * bytes.len() as u64;
    // What there is not was asked for and refused, and yet counted; where a refusal is not expected, it ends the process.
    let memory = if memory > THERE_IS { 0 } else { memory };
    let fault = fault.or_else(|| (memory > most).then_some(Fault::Memory(memory)));
    Verdict { read: matches!(outcome, Some(Ok(()))), memory, fault }
}

/// Runs a target once; None where it panicked.
fn once(target: &Target, bytes: &[u8]) -> (Option<Result<(), String>>, u64, Duration) {
    let begun = Instant::now();
    let mut outcome = None;
    let cost =
        allocation_counter::measure(|| outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).ok());
    (outcome, cost.bytes_max, begun.elapsed())
}

/// Runs it again and measures what the processor did for it: the machine may have been busy with something else.
fn slow(target: &Target, bytes: &[u8]) -> Option<Fault> {
    let (before, begun) = (cpu(), Instant::now());
    once(target, bytes);
    let spent = match (before, cpu()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => begun.elapsed(),
    };
    (spent > MOST_CPU).then_some(Fault::Slow(spent))
}

/// The CPU time of this thread, where the system says it in a file.
fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(run: fn(&[u8]) -> Result<(), String>) -> Verdict {
        judge(&Target { name: "test", about: "", corpus: &[], ends: &[], run }, b"ab", true)
    }

    #[test]
    fn every_fault_is_seen() {
        keep_panics();
        assert_eq!(verdict(|_| Ok(())), Verdict { read: true, memory: 0, fault: None });
        let refused = verdict(|_| Err("a: is none; give one".into()));
        assert_eq!((refused.read, refused.fault), (false, None));
        let Some(Fault::Panic(place, message)) = verdict(|bytes| panic!("{} bytes", bytes.len())).fault
        else {
            panic!("a panic went unseen");
        };
        assert!(place.contains("judge.rs:") && message == "2 bytes", "{place}: {message}");
        let greedy = verdict(|_| {
            std::hint::black_box(Vec::<u8>::with_capacity(65 << 20));
            Ok(())
        });
        assert_eq!(greedy.fault.unwrap().kind(), "memory");
    }
}
