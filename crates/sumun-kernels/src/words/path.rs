//! Which code computes.

use crate::words::Precision;

/// Which code computes a recurrence. Asked for, reported and asserted; never silently changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// The equations as they are written.
    Reference,
    /// The fused kernels in plain Rust, for any processor.
    Portable,
    /// The fused kernels with AVX2 and FMA.
    Avx2,
    /// The fused kernels with AVX-512.
    Avx512,
}

impl Path {
    /// Every path, slowest first.
    pub const ALL: [Path; 4] = [Path::Reference, Path::Portable, Path::Avx2, Path::Avx512];

    /// The fastest path of this processor.
    pub fn best() -> Path {
        *Self::ALL.iter().rfind(|p| p.is_available()).expect("the reference path is always there")
    }

    /// Whether this processor can run the path.
    pub fn is_available(self) -> bool {
        match self {
            Path::Reference | Path::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Path::Avx2 | Path::Avx512 => false,
        }
    }

    /// Whether it has products of a precision on this processor: every path those of floats, the fused ones all others, AVX-512
    /// those of 8-bit weights where there is VNNI.
    pub fn has(self, precision: Precision) -> bool {
        match (self, precision) {
            (Path::Reference, Precision::Bf16 | Precision::Int8) => false,
            #[cfg(target_arch = "x86_64")]
            (Path::Avx512, Precision::Int8) => self.is_available() && is_x86_feature_detected!("avx512vnni"),
            _ => self.is_available(),
        }
    }

    /// The fastest path of this processor for weights of a precision.
    pub fn best_for(precision: Precision) -> Path {
        *Self::ALL.iter().rfind(|path| path.has(precision)).expect("the portable path has all of them")
    }

    /// The path's name.
    pub fn name(self) -> &'static str {
        match self {
            Path::Reference => "reference",
            Path::Portable => "portable",
            Path::Avx2 => "AVX2",
            Path::Avx512 => "AVX-512",
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
