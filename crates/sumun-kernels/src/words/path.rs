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

    /// Whether it has products of 8-bit weights ([`Precision::Int8`]) on this processor: the fused paths
    /// do, AVX-512 where there is VNNI.
    pub fn has_int8(self) -> bool {
        match self {
            Path::Reference => false,
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => self.is_available() && is_x86_feature_detected!("avx512vnni"),
            path => path.is_available(),
        }
    }

    /// The fastest path of this processor for weights of a precision.
    pub fn best_for(precision: Precision) -> Path {
        match precision {
            Precision::F32 => Self::best(),
            Precision::Int8 => {
                *Self::ALL.iter().rfind(|p| p.has_int8()).expect("the portable path has 8-bit weights")
            }
        }
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
