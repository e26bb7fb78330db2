//! The machine: the path that computes, its cores and its caches, and the sizes of blocks that follow from them.

use std::sync::OnceLock;

use crate::words::Path;

/// What the kernels take into account of a machine. Blocks are sized by its caches; no number that is computed depends on
/// them.
///
/// Where a function takes a machine it also takes a [`Path`], which stands for [this machine](Self::this) on that path.
///
/// ```
/// use sumun_kernels::{Machine, Path};
/// let half = Machine { l2: Machine::this().l2 / 2, ..Path::Portable.into() };
/// assert_eq!(half.path, Path::Portable);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machine {
    /// The path that computes.
    pub path: Path,
    /// Threads that this process may run at once. How many compute is the caller's pool to decide.
    pub cores: usize,
    /// Bytes of a core's L1 data cache.
    pub l1: usize,
    /// Bytes of the L2 cache that a core uses.
    pub l2: usize,
    /// Bytes of the L3 cache, 0 where there is none.
    pub l3: usize,
    /// Whether products of bf16 may use the matrix registers of AMX, where the path is AVX-512 and the processor has them. No number
    /// depends on it.
    pub amx: bool,
}

impl Machine {
    /// This machine, on its fastest path. The caches are read once a process, on Linux those of the first core (sysfs). Where
    /// they are not known, as on other systems, a core with 48 KiB of L1, 2 MiB of L2 and 32 MiB of L3 is assumed.
    pub fn this() -> Self {
        static THIS: OnceLock<Machine> = OnceLock::new();
        *THIS.get_or_init(|| {
            let mut machine = Self { amx: true, ..Self::with_usual_caches(Path::best()) };
            machine.cores = std::thread::available_parallelism().map_or(1, usize::from);
            #[cfg(target_os = "linux")]
            machine.read_caches(std::path::Path::new("/sys/devices/system/cpu/cpu0/cache"));
            machine
        })
    }

    /// One core with the caches that are assumed where they are not known: sizes of blocks, and so counts of
    /// instructions, are then the same on every machine. Without AMX.
    pub fn with_usual_caches(path: Path) -> Self {
        Self { path, cores: 1, l1: 48 << 10, l2: 2 << 20, l3: 32 << 20, amx: false }
    }

    /// Takes over the caches that a folder of sysfs lists, where it lists any.
    #[cfg(any(target_os = "linux", test))]
    fn read_caches(&mut self, folder: &std::path::Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut found = [None; 3];
        for entry in entries.flatten() {
            let read = |name| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let level: Option<usize> = read("level").trim().parse().ok();
            let data = matches!(read("type").trim(), "Data" | "Unified");
            if let (Some(level @ 1..=3), true, Some(bytes)) = (level, data, bytes_of(read("size").trim())) {
                found[level - 1] = Some(bytes);
            }
        }
        let [l1, l2, l3] = found;
        if let (Some(l1), Some(l2)) = (l1, l2) {
            (self.l1, self.l2, self.l3) = (l1, l2, l3.unwrap_or(0));
        }
    }
}

impl From<Path> for Machine {
    fn from(path: Path) -> Self {
        Self { path, ..Self::this() }
    }
}

/// The bytes of `48K`, `2M` or `512`. Nothing for 0 and for what is no size.
#[cfg(any(target_os = "linux", test))]
fn bytes_of(size: &str) -> Option<usize> {
    let (digits, unit) = match size.as_bytes().last()? {
        b'K' => (&size[..size.len() - 1], 1 << 10),
        b'M' => (&size[..size.len() - 1], 1 << 20),
        _ => (size, 1),
    };
    digits.parse::<usize>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
}

/// The widest panel in floats: four vectors of the widest instruction set.
pub(crate) const MOST_COLUMNS: usize = 64;

/// The most rows that [`Blocks::rows_at_once`] can be.
pub(crate) const MOST_ROWS_AT_ONCE: usize = 128;

/// How much is computed at a time, so that it stays in a cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    /// Pre-activations of a chunk of steps, or their gradients, in floats: a quarter of L2.
    pub(crate) chunk_floats: usize,
    /// Floats of the output of a product over all rows that are summed before the next: a quarter of L2, so that they are not
    /// read from and written to L3 for every piece of rows, and the next rows fit beside them.
    pub(crate) output_floats: usize,
    /// Rows of such a product that are summed before its tile of outputs is stored: the panel of B that they are is two
    /// thirds of L1, which leaves space for the columns of A.
    pub(crate) rows_at_once: usize,
    /// How much of K is multiplied at once: a panel of B that deep is an eighth of L2 and stays there from one tile of rows to
    /// the next.
    pub(crate) depth: usize,
    /// Recurrent weights, in floats, that fill L2.
    pub(crate) large_weights: usize,
}

impl Blocks {
    pub(crate) fn of(machine: &Machine) -> Self {
        // What is smaller is no cache; blocks of some rows remain.
        let floats = |bytes: usize| bytes.max(16 << 10) / size_of::<f32>();
        let (l1, l2) = (floats(machine.l1), floats(machine.l2));
        Self {
            chunk_floats: l2 / 4,
            output_floats: l2 / 4,
            rows_at_once: (l1 / 3 * 2 / MOST_COLUMNS).min(MOST_ROWS_AT_ONCE),
            depth: l2 / 8 / MOST_COLUMNS,
            large_weights: l2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_from_the_caches() {
        let usual = Machine::with_usual_caches(Path::Portable);
        let of = |l1: usize, l2: usize| {
            let b = Blocks::of(&Machine { l1: l1 << 10, l2: l2 << 10, ..usual });
            [b.chunk_floats, b.output_floats, b.rows_at_once, b.depth, b.large_weights]
        };
        assert_eq!(of(48, 2048), [131_072, 131_072, 128, 1024, 524_288]);
        assert_eq!(of(32, 256), [16_384, 16_384, 85, 128, 65_536]);
        assert_eq!(of(192, 65_536), [4 << 20, 4 << 20, 128, 32_768, 16 << 20]);
        assert_eq!(of(0, 0), [1024, 1024, 42, 8, 4096]);
    }

    #[test]
    fn caches_are_read_as_linux_lists_them() {
        let folder = tempfile::tempdir().unwrap();
        let add = |index: usize, level: &str, kind: &str, size: &str| {
            let cache = folder.path().join(format!("index{index}"));
            std::fs::create_dir(&cache).unwrap();
            for (name, text) in [("level", level), ("type", kind), ("size", size)] {
                std::fs::write(cache.join(name), format!("{text}\n")).unwrap();
            }
        };
        let usual = Machine::with_usual_caches(Path::Portable);
        let read = || {
            let mut machine = usual;
            machine.read_caches(folder.path());
            [machine.l1, machine.l2, machine.l3]
        };
        assert_eq!(read(), [usual.l1, usual.l2, usual.l3]);
        add(0, "1", "Data", "32K");
        // An L1 without an L2 is no description of a machine.
        assert_eq!(read(), [usual.l1, usual.l2, usual.l3]);
        add(1, "1", "Instruction", "64K");
        add(2, "2", "Unified", "1M");
        add(3, "2", "Unified", "many");
        add(4, "9", "Unified", "1K");
        assert_eq!(read(), [32 << 10, 1 << 20, 0]);
        add(5, "3", "Unified", "49152K");
        assert_eq!(read(), [32 << 10, 1 << 20, 48 << 20]);
        for none in ["", "K", "0K", "x", "-1K", "18446744073709551615K"] {
            assert_eq!(bytes_of(none), None, "{none}");
        }
        assert_eq!(bytes_of("512"), Some(512));
    }

    #[test]
    fn a_path_stands_for_this_machine() {
        let this = Machine::this();
        assert!(this.path == Path::best() && this.cores > 0 && this.l1 > 0 && this.l2 >= this.l1);
        assert_eq!(Machine::from(Path::Reference), Machine { path: Path::Reference, ..this });
    }
}
