"""Files of NumPy of every kind that is read, small, each with the same numbers.

    venv/bin/python make_numpy.py            # writes numpy/* next to itself
"""
import os, numpy as np
from safetensors.numpy import save_file
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "numpy"); os.makedirs(OUT, exist_ok=True)

types = "f8 f4 f2 i8 i4 i2 i1 u8 u4 u2 u1 b1".split()
arrays = {}
for kind in types:
    values = np.arange(6).reshape(2, 3).astype(kind)
    arrays[f"{kind}_little"] = values.astype("<" + kind)
    arrays[f"{kind}_big"] = values.astype(">" + kind)
    arrays[f"{kind}_fortran"] = np.asfortranarray(values)
arrays |= {"scalar": np.float32(7.5), "empty": np.zeros((0, 4), "f4"), "deep": np.arange(24, dtype=">f4").reshape(2, 3, 4, order="F")}
np.savez(f"{OUT}/arrays.npz", **arrays)
np.savez_compressed(f"{OUT}/compressed.npz", **arrays)
np.save(f"{OUT}/one.npy", arrays["f4_little"])
native = {k: np.ascontiguousarray(v.astype(v.dtype.newbyteorder("="))).reshape(v.shape) for k, v in arrays.items()}
save_file(native, f"{OUT}/arrays.expected.safetensors")
