//! Rounds of pieces of work: all of a round at once, each round after the one before.
//!
//! No thread waits for work that none has begun, so that one thread can finish all of it while the others are busy elsewhere,
//! and calls may be nested or share a pool. A thread that waits for a piece spins for some microseconds and then sleeps.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Looks at a counter before going to sleep: some thirty microseconds.
const SPINS: usize = 2_000;

/// A counter on a cache line of its own, and on that which the processor fetches with it.
#[repr(align(128))]
struct Counter(AtomicUsize);

struct Rounds<F> {
    rounds: usize,
    /// For each piece, the first round for which no thread has taken it.
    taken: Vec<Counter>,
    /// Pieces that are finished, of all rounds.
    done: Counter,
    sleepers: Counter,
    lock: Mutex<()>,
    woken: Condvar,
    run: F,
}

/// Calls `run(round, piece)` for all pieces of all rounds. A piece is run by the same thread from round to round, unless
/// that has not come yet.
pub(crate) fn for_each_round(rounds: usize, pieces: usize, run: impl Fn(usize, usize) + Sync) {
    let threads = rayon::current_num_threads().min(pieces);
    if threads <= 1 {
        (0..rounds).for_each(|round| (0..pieces).for_each(|piece| run(round, piece)));
        return;
    }
    let counter = || Counter(AtomicUsize::new(0));
    let taken = (0..pieces).map(|_| counter()).collect();
    let (lock, woken) = (Mutex::new(()), Condvar::new());
    let all = &Rounds { rounds, taken, done: counter(), sleepers: counter(), lock, woken, run };
    rayon::scope(|scope| {
        for thread in 1..threads {
            scope.spawn(move |_| all.work(part((thread, threads), pieces).start));
        }
        all.work(0);
    });
}

/// What of `0..whole` is a piece's, the `0`-th of `1`.
pub(crate) fn part((piece, pieces): (usize, usize), whole: usize) -> Range<usize> {
    piece * whole / pieces..(piece + 1) * whole / pieces
}

impl<F: Fn(usize, usize)> Rounds<F> {
    /// Takes part until all rounds are finished; of a round's pieces, those from `first` on come first.
    fn work(&self, first: usize) {
        let pieces = self.taken.len();
        loop {
            // What was written in earlier rounds can be read after this.
            let round = self.done.0.load(Ordering::Acquire) / pieces;
            if round == self.rounds {
                return;
            }
            let take = |&piece: &usize| {
                let taken = &self.taken[piece].0;
                taken.compare_exchange(round, round + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            };
            match (first..pieces).chain(0..first).find(take) {
                Some(piece) => {
                    let _through = Through(self);
                    (self.run)(round, piece);
                }
                None => self.wait(round),
            }
        }
    }

    /// Waits until the round is finished.
    fn wait(&self, round: usize) {
        let through = |order| self.done.0.load(order) / self.taken.len() > round;
        for _ in 0..SPINS {
            if through(Ordering::Relaxed) {
                return;
            }
            std::hint::spin_loop();
        }
        // Sequentially consistent: either this thread reads that the round's last piece is finished, or the thread that
        // finishes it reads that one sleeps.
        self.sleepers.0.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !through(Ordering::SeqCst) {
            guard = self.woken.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.sleepers.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A piece that is finished once this is dropped, also where it panicked, so that no thread waits for ever.
struct Through<'a, F>(&'a Rounds<F>);

impl<F> Drop for Through<'_, F> {
    fn drop(&mut self) {
        let all = self.0;
        let done = all.done.0.fetch_add(1, Ordering::SeqCst) + 1;
        if done.is_multiple_of(all.taken.len()) && all.sleepers.0.load(Ordering::SeqCst) > 0 {
            drop(all.lock.lock());
            all.woken.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    /// Each piece reads what all pieces of the round before wrote, so that an early or a missing one shows.
    fn last_round(rounds: usize, pieces: usize) -> Vec<u64> {
        let numbers: Vec<AtomicU64> = (0..2 * pieces).map(|p| AtomicU64::new(p as u64)).collect();
        for_each_round(rounds, pieces, |round, piece| {
            let (from, to) = (round % 2 * pieces, (round + 1) % 2 * pieces);
            let before = &numbers[from..from + pieces];
            let sum = before
                .iter()
                .fold(piece as u64, |sum, n| sum.wrapping_mul(31).wrapping_add(n.load(Ordering::Relaxed)));
            numbers[to + piece].store(sum, Ordering::Relaxed);
        });
        let last = rounds % 2 * pieces;
        numbers[last..last + pieces].iter().map(|n| n.load(Ordering::Relaxed)).collect()
    }

    fn on<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
    }

    #[test]
    fn every_round_reads_the_whole_one_before() {
        for pieces in [1, 2, 3, 7] {
            let one = on(1, || last_round(501, pieces));
            for threads in [2, 3, 8] {
                assert_eq!(on(threads, || last_round(501, pieces)), one, "{pieces} on {threads}");
            }
        }
    }

    /// More calls at once than the pool has threads, each with more pieces than it has.
    #[test]
    fn calls_that_meet_in_a_pool_all_end() {
        use rayon::prelude::*;
        let one = on(1, || last_round(60, 5));
        let all: Vec<_> = on(3, || (0..40).into_par_iter().map(|_| last_round(60, 5)).collect());
        assert!(all.iter().all(|found| *found == one));
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let run = || for_each_round(50, 3, |round, piece| assert!((round, piece) != (20, 1), "piece 1"));
        let caught = std::panic::catch_unwind(|| on(3, run));
        assert!(caught.is_err());
    }
}
