//! The equations, forward and backward, as they are written: slow, plain, generic over `f32` and `f64`.
