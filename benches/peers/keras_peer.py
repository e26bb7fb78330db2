"""Keras 3 on TensorFlow on the speed grid's training and forward cases, XLA as Keras chooses. See serve.py."""

import os

import serve

given = serve.arguments()
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS=str(given.threads), KERAS_BACKEND="tensorflow")

import numpy as np  # noqa: E402  after the backend is chosen
import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(given.threads)
tf.config.threading.set_inter_op_parallelism_threads(given.threads)
import keras  # noqa: E402

CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
random = np.random.default_rng(0)


def work(case):
    n, t, vocabulary, cell = case["batch"], case["steps"], case.get("vocab", 0), CELLS[case["cell"]]
    x = random.integers(1, vocabulary, (n, t)) if vocabulary else random.standard_normal((n, t, case["input"])).astype("f")
    if case["kind"] == "forward":
        network = keras.Sequential([keras.Input(x.shape[1:]), cell(case["hidden"])])
        graph, held = tf.function(lambda rows: network(rows, training=False)), tf.constant(x)
        return lambda: graph(held)
    layers, every_step = [keras.Input(x.shape[1:])], case["loss"] == "ce_steps"
    if vocabulary:
        layers.append(keras.layers.Embedding(vocabulary, case["input"]))
    if "lengths" in case:
        for row, length in zip(x, case["lengths"]):
            row[length:] = 0
        layers.append(keras.layers.Masking())
    depth = case.get("layers", 1)
    for k in range(depth):
        layer = cell(case["hidden"], return_sequences=every_step or k + 1 < depth)
        layers.append(keras.layers.Bidirectional(layer) if case.get("bidirectional") else layer)
    classes = case.get("classes", 1)
    network = keras.Sequential([*layers, keras.layers.Dense(classes)])
    if case["loss"].startswith("ce"):
        y = random.integers(0, classes, (n, t) if every_step else (n,))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        y = random.integers(0, 2, (n, 1)).astype("f")
        loss = "mse" if case["loss"] == "mse" else keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3), loss)
    return lambda: network.train_on_batch(x, y)


def works(case):
    return [] if case["kind"] == "step" or given.precision == "bf16" else [lambda: work(case)]


serve.serve(f"keras {keras.__version__}", given, works)
