"""Holds models of Keras against Keras: as they were saved, and as they are written here.

    python3 -m venv venv && venv/bin/pip install torch keras safetensors h5py
    cargo build --release
    KERAS_BACKEND=torch venv/bin/python benches/interchange_keras.py [--sumun target/release/sumun]

Makes models of every kind of layer that is read (`make_kinds.py` among the golden files), lets `sumun apply` run each from its
.keras and .h5, lets `sumun export` write both forms anew, loads those with Keras, and prints the largest differences. Ends
with 1 where one is over 1e-5, and with the names of models that have layers which Keras cannot hold as they are here.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parent / "crates" / "sumun-testing" / "golden" / "keras_kinds" / "make_kinds.py"
MOST = 1e-5


def answer(sumun, model, inputs, folder):
    """What a model answers here, in the order of its outputs' names."""
    save_file(inputs, folder / "x.safetensors")
    command = [sumun, "apply", model, "--input", folder / "x.safetensors", "--output", folder / "y.safetensors"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return load_file(folder / "y.safetensors")


def difference(found, expected):
    """The largest, of the output that is nearest to each expected one."""
    def nearest(want):
        same = [value for value in found.values() if value.shape == want.shape]
        return min((float(np.abs(value - want).max()) for value in same), default=float("inf"))
    return max(nearest(want) for want in expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sumun", default=HERE.parent / "target" / "release" / "sumun", type=pathlib.Path)
    sumun = parser.parse_args().sumun
    worst, refused = 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([sys.executable, SCRIPT, folder / "kinds"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for case in sorted((folder / "kinds").glob("*.safetensors")):
            tensors = load_file(case)
            expected = [tensors[name] for name in sorted(tensors) if name.startswith("expected.")]
            inputs = {name: value for name, value in tensors.items() if not name.startswith("expected.")}
            row = [case.stem]
            for form in ("keras", "h5"):
                model = case.with_suffix("." + form)
                there = difference(answer(sumun, model, inputs, folder), expected)
                written = folder / f"written.{form}"
                done = subprocess.run([sumun, "export", model, "--to", form, "--out", written], capture_output=True, text=True)
                if done.returncode:
                    refused.append(f"{case.name}: {done.stderr.strip()}")
                    row.append(f"{form} {there:.1e}, not written")
                    worst = max(worst, there)
                    continue
                again = keras.models.load_model(written, compile=False)
                given = [inputs.get(tensor.name, inputs.get("input")) for tensor in again.inputs]
                found = again.predict(given if len(given) > 1 else given[0], verbose=0)
                found = dict(enumerate(found if isinstance(found, (list, tuple)) else [found]))
                back = difference(found, expected)
                row.append(f"{form} {there:.1e}, written {back:.1e}")
                worst = max(worst, there, back)
                written.unlink()
            print("; ".join(row), flush=True)
    print(f"largest difference: {worst:.1e}", *refused, sep="\n")
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
