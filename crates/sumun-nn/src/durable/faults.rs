//! Every change of a disk, as a test sees it and may have it fail. Outside tests nobody looks.

use std::cell::RefCell;
use std::io;
use std::path::Path;

/// A change of the disk that is about to be made.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// A new file without content.
    Create(&'a Path),
    /// Bytes at the end of a file.
    Append(&'a Path, &'a [u8]),
    /// What was written to a file survives from now on.
    Sync(&'a Path),
    /// A file or folder gets another name.
    Rename(&'a Path, &'a Path),
    /// A file goes.
    Remove(&'a Path),
    /// The names in a folder survive from now on.
    SyncFolder(&'a Path),
}

/// What is made of an operation: how many of its bytes are written before the disk is full, where it has any, and 0 where
/// what was written is not really to be made to survive; or an error.
pub type Answer = io::Result<usize>;

type Observer = Box<dyn FnMut(Operation<'_>) -> Answer>;

thread_local! {
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
}

/// Has every operation that follows on this thread asked for, until it is given None.
pub fn observe(observer: Option<Observer>) {
    OBSERVER.with(|here| *here.borrow_mut() = observer);
}

/// Asks whether an operation may be made.
pub(super) fn ask(operation: Operation<'_>) -> io::Result<()> {
    ask_for(operation, 0).map(|_| ())
}

/// Asks whether to wait until the disk has what was written.
pub(super) fn ask_to_wait(operation: Operation<'_>) -> io::Result<bool> {
    ask_for(operation, 1).map(|most| most > 0)
}

/// Asks how many of `bytes` bytes may be written.
pub(super) fn ask_for(operation: Operation<'_>, bytes: usize) -> Answer {
    OBSERVER.with(|here| match here.borrow_mut().as_mut() {
        Some(observer) => observer(operation).map(|most| most.min(bytes)),
        None => Ok(bytes),
    })
}
