#!/usr/bin/env python3
"""Predicts with the model of this folder, as the program that trained it does.

    python predict.py FILE > predictions.json

Reads preprocessing.json and the networks, which lie beside this file, and needs numpy and onnxruntime. What FILE has to
look like is said at `read` below; - stands for standard input. One JSON object is printed.
"""

import csv
import datetime
import functools
import json
import math
import pathlib
import re
import statistics
import sys
import unicodedata

import numpy as np
import onnxruntime

FOLDER = pathlib.Path(__file__).resolve().parent
HOW = json.loads((FOLDER / "preprocessing.json").read_text(encoding="utf-8"))


def stop(problem):
    sys.exit(f"error: {problem}")


def lines(file):
    """The lines of a file of UTF-8, without their ends."""
    if file == "-":
        return sys.stdin.read().splitlines()
    return pathlib.Path(file).read_text(encoding="utf-8-sig").split("\n")


def json_lines(file):
    """The JSON value of every line that is not blank."""
    return [json.loads(line) for line in lines(file) if line.strip()]


def network(name):
    return onnxruntime.InferenceSession(str(FOLDER / name), providers=["CPUExecutionProvider"])


def outputs(model, arrays):
    """The outputs of a network by name."""
    names = [output.name for output in model.get_outputs()]
    return dict(zip(names, model.run(names, arrays)))


def scaled(values, scaler):
    return (np.asarray(values, np.float64) - scaler["offset"]) / scaler["scale"]


def unscaled(values, scaler):
    return np.asarray(values, np.float64) * scaler["scale"] + scaler["offset"]


def softmax(logits):
    raised = np.exp((logits - logits.max(axis=-1, keepdims=True)).astype(np.float64))
    return raised / raised.sum(axis=-1, keepdims=True)
