"""HDF5 files of the forms that are read, by h5py: python3 -m venv venv && venv/bin/pip install h5py && venv/bin/python make_hdf5.py

Arrays count from 0, halved where they are floats, so that a test knows what must be in them."""
import os
import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def count(shape, dtype):
    values = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    return (values / 2 if np.dtype(dtype).kind == "f" else values).astype(dtype)


def write(name, **options):
    with h5py.File(os.path.join(HERE, name), "w", **options) as file:
        file.attrs["text"] = "한국어 text"
        file.attrs["texts"] = ["a", "", "longer than the others"]
        file.attrs["fixed"] = np.array([b"ab", b"c"], "S4")
        file.attrs["none"] = np.zeros(0)
        for dtype in ("<f8", ">f4", "<f2", "<i8", ">i4", "<u1"):
            file.create_dataset(f"types/{dtype[1:]}", data=count((2, 3), dtype))
        file.create_dataset("scalar", data=np.float32(2.5))
        file.create_dataset("unwritten", (4,), "<f4")
        for k in range(100):
            file.create_dataset(f"many/{k}", data=count((1,), "<f4"))


write("older.h5")
write("newer.h5", libver="latest", track_order=False)
with h5py.File(os.path.join(HERE, "chunks.h5"), "w") as file:
    file.create_dataset("plain", data=count((5, 7), "<f4"), chunks=(2, 3))
    file.create_dataset("packed", data=count((5, 7, 3), "<f8"), chunks=(2, 3, 2), compression="gzip", shuffle=True)
    file.create_dataset("line", data=count((1000,), "<i4"), chunks=(3,), compression="gzip")
    part = file.create_dataset("part", (6, 4), "<f4", chunks=(3, 2))
    part[0:2, 0:2] = 1
