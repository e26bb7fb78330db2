"""Files as Keras 2 and TensorFlow's Keras wrote them, laid out by hand with h5py, and what Keras 3 makes of the same weights.

    python3 -m venv venv && venv/bin/pip install torch keras safetensors h5py
    KERAS_BACKEND=torch venv/bin/python make_keras_two.py FOLDER

There is no Keras 2 for today's Python. Attributes, groups, names of weights and configurations are those that its
`hdf5_format.save_model_to_hdf5` writes (of 2.15.0 within TensorFlow, and of 2.2.4 by itself); the numbers are computed by Keras 3
with layers that mean the same. NAME.safetensors has the inputs by name and the outputs, expected.0 and so on. Compare with
|got - want| <= 1e-5 + 1e-4 * |want|.
"""
import json, os, sys
os.environ.setdefault("KERAS_BACKEND", "torch")
import h5py, keras, numpy as np
from keras import layers as L, ops
from safetensors.numpy import save_file

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(11)
weight = lambda *shape: (rng.standard_normal(shape) * .4).astype(np.float32)


def save(name, version, config, weights, model, inputs):
    """`weights` has, for each layer in order, the names and arrays; `model` of Keras 3 answers."""
    with h5py.File(f"{out}/{name}.h5", "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = json.dumps({"loss": "mse", "metrics": None, "optimizer_config": {"class_name": "Adam", "config": {}}}).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer.encode() for layer, _ in weights]
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = version.encode()
        for layer, arrays in weights:
            own = group.create_group(layer)
            own.attrs["weight_names"] = [array.encode() for array, _ in arrays]
            for array, values in arrays:
                own.create_dataset(array, values.shape, dtype=values.dtype)[:] = values
        if version != "2.2.4":
            group.create_group("top_level_model_weights").attrs["weight_names"] = np.array([])
    answers = model.predict(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())), verbose=0)
    answers = answers if isinstance(answers, (list, tuple)) else [answers]
    tensors = dict(inputs) if len(inputs) > 1 else {"input": next(iter(inputs.values()))}
    tensors |= {f"expected.{k}": np.ascontiguousarray(answer) for k, answer in enumerate(answers)}
    save_file(tensors, f"{out}/{name}.safetensors")


def initializer(name, **config):
    return {"class_name": name, "config": config}


def common(name, **more):
    return {"name": name, "trainable": True, "dtype": "float32", **more}


def recurrent(name, units, **more):
    """What TensorFlow's Keras 2.15 says of an LSTM or a GRU."""
    return common(name, **{
        "return_sequences": False, "return_state": False, "go_backwards": False, "stateful": False, "unroll": False,
        "time_major": False, "units": units, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True,
        "kernel_initializer": initializer("GlorotUniform", seed=None), "recurrent_initializer": initializer("Orthogonal", gain=1.0, seed=None),
        "bias_initializer": initializer("Zeros"), "kernel_regularizer": None, "recurrent_regularizer": None,
        "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "recurrent_constraint": None,
        "bias_constraint": None, "dropout": 0.0, "recurrent_dropout": 0.0, "implementation": 2, **more})


def dense(name, units, activation="linear"):
    return common(name, units=units, activation=activation, use_bias=True, kernel_initializer=initializer("GlorotUniform", seed=None),
                  bias_initializer=initializer("Zeros"), kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                  kernel_constraint=None, bias_constraint=None)


def layer(kind, config):
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


x = rng.standard_normal((3, 6, 5)).astype(np.float32)
ids = rng.integers(1, 12, (3, 6)).astype(np.int32)
ids[0, 4:] = 0

# TensorFlow's Keras 2.15: a Sequential with a mask, both directions, and a GRU that resets after the product.
table = weight(12, 4)
both = [weight(4, 12), weight(3, 12), weight(12), weight(4, 12), weight(3, 12), weight(12)]
gru = [weight(6, 9), weight(3, 9), weight(2, 9)]
head = [weight(3, 1), weight(1)]
unit = recurrent("lstm", 3, return_sequences=True, unit_forget_bias=True)
config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
    layer("InputLayer", {"batch_input_shape": [None, None], "dtype": "float32", "sparse": False, "ragged": False, "name": "embedding_input"}),
    layer("Embedding", common("embedding", batch_input_shape=[None, None], input_dim=12, output_dim=4, embeddings_initializer=initializer("RandomUniform", minval=-.05, maxval=.05, seed=None),
                              embeddings_regularizer=None, activity_regularizer=None, embeddings_constraint=None, mask_zero=True, input_length=None)),
    layer("Bidirectional", common("bidirectional", layer=layer("LSTM", unit), merge_mode="concat")),
    layer("GRU", recurrent("gru", 3, reset_after=True)),
    layer("Dropout", common("dropout", rate=.2, noise_shape=None, seed=None)),
    layer("Dense", dense("dense", 1, "sigmoid")),
]}}
side = lambda which, arrays: [(f"bidirectional/{which}_lstm/lstm_cell/{part}:0", array) for part, array in zip(("kernel", "recurrent_kernel", "bias"), arrays)]
model = keras.Sequential([keras.Input((None,), dtype="int32"), L.Embedding(12, 4, mask_zero=True), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(3), L.Dense(1, activation="sigmoid")])
model.set_weights([table, *both, *gru, *head])
save("sequential", "2.15.0", config, [
    ("embedding", [("embedding/embeddings:0", table)]),
    ("bidirectional", side("forward", both[:3]) + side("backward", both[3:])),
    ("gru", [(f"gru/gru_cell/{part}:0", array) for part, array in zip(("kernel", "recurrent_kernel", "bias"), gru)]),
    ("dropout", []),
    ("dense", [("dense/kernel:0", head[0]), ("dense/bias:0", head[1])]),
], model, {"input": ids})

# Keras 2.2.4: the hard sigmoid of its gates, a GRU that resets before, a normalisation, a convolution; the graph of a Model.
older = lambda config: {key: value for key, value in config.items() if key not in ("dtype", "time_major")}
kernel, statistics = [weight(3, 5, 4), weight(4)], [weight(4) + 1, weight(4), weight(4), np.abs(weight(4)) + .5]
lstm, before = [weight(4, 16), weight(4, 16), weight(16)], [weight(4, 9), weight(3, 9), weight(9)]
node = lambda name: [[[name, 0, 0, {}]]]
named = lambda kind, config, nodes: {"name": config["name"], "class_name": kind, "config": config, "inbound_nodes": nodes}
config = {"class_name": "Model", "config": {"name": "model_1", "layers": [
    named("InputLayer", {"batch_input_shape": [None, None, 5], "dtype": "float32", "sparse": False, "name": "input_1"}, []),
    named("Conv1D", {"name": "conv1d_1", "trainable": True, "filters": 4, "kernel_size": [3], "strides": [1], "padding": "causal", "data_format": "channels_last", "dilation_rate": [1], "activation": "relu", "use_bias": True}, node("input_1")),
    named("BatchNormalization", {"name": "batch_normalization_1", "trainable": True, "axis": -1, "momentum": .99, "epsilon": .001, "center": True, "scale": True}, node("conv1d_1")),
    named("LSTM", older(recurrent("lstm_1", 4, return_sequences=True, recurrent_activation="hard_sigmoid", unit_forget_bias=True, implementation=1)), node("batch_normalization_1")),
    named("GRU", older(recurrent("gru_1", 3, recurrent_activation="hard_sigmoid", reset_after=False, implementation=1)), node("lstm_1")),
], "input_layers": [["input_1", 0, 0]], "output_layers": [["gru_1", 0, 0], ["lstm_1", 0, 0]]}}
hard = lambda x: ops.clip(.2 * x + .5, 0., 1.)
a = keras.Input((None, 5))
h = L.LSTM(4, return_sequences=True, recurrent_activation=hard)(L.BatchNormalization()(L.Conv1D(4, 3, padding="causal", activation="relu")(a)))
model = keras.Model(a, [L.GRU(3, recurrent_activation=hard, reset_after=False)(h), h])
model.set_weights([*kernel, *statistics, *lstm, *before])
three = ("kernel", "recurrent_kernel", "bias")
save("model", "2.2.4", config, [
    ("input_1", []),
    ("conv1d_1", [("conv1d_1/kernel:0", kernel[0]), ("conv1d_1/bias:0", kernel[1])]),
    ("batch_normalization_1", [(f"batch_normalization_1/{part}:0", array) for part, array in zip(("gamma", "beta", "moving_mean", "moving_variance"), statistics)]),
    ("lstm_1", [(f"lstm_1/{part}:0", array) for part, array in zip(three, lstm)]),
    ("gru_1", [(f"gru_1/{part}:0", array) for part, array in zip(three, before)]),
], model, {"input": x})


# The layers of CuDNN, whose weights Keras 2 turns into its own as `preprocess_weights_for_loading` does.
def turned(arrays, gates):
    kernel, hidden, bias = arrays
    kernel = np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, gates)])
    hidden = np.hstack([k.T for k in np.hsplit(hidden, gates)])
    return [kernel, hidden, bias.reshape(2, -1).sum(0) if gates == 4 else bias.reshape(2, -1)]


lstm, gru = [weight(5, 16), weight(4, 16), weight(32)], [weight(4, 9), weight(3, 9), weight(18)]
cudnn = lambda name, units, **more: {key: value for key, value in recurrent(name, units, **more).items() if key not in (
    "dtype", "time_major", "activation", "recurrent_activation", "use_bias", "unroll", "dropout", "recurrent_dropout", "implementation")}
config = {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": [
    {"class_name": "CuDNNLSTM", "config": cudnn("cu_dnnlstm_1", 4, return_sequences=True, unit_forget_bias=True, batch_input_shape=[None, 6, 5], dtype="float32")},
    {"class_name": "CuDNNGRU", "config": cudnn("cu_dnngru_1", 3)},
]}}
model = keras.Sequential([keras.Input((6, 5)), L.LSTM(4, return_sequences=True), L.GRU(3)])
model.set_weights(turned(lstm, 4) + turned(gru, 3))
save("cudnn", "2.2.4", config, [
    ("cu_dnnlstm_1", [(f"cu_dnnlstm_1/{part}:0", array) for part, array in zip(three, lstm)]),
    ("cu_dnngru_1", [(f"cu_dnngru_1/{part}:0", array) for part, array in zip(three, gru)]),
], model, {"input": x})

# TensorFlow's Keras: a decoder that begins with the states of an encoder, which are written among what it reads.
encoder, decoder, head = [weight(5, 16), weight(4, 16), weight(16)], [weight(3, 16), weight(4, 16), weight(16)], [weight(4, 2), weight(2)]
config = {"class_name": "Functional", "config": {"name": "model", "trainable": True, "layers": [
    named("InputLayer", {"batch_input_shape": [None, None, 5], "dtype": "float32", "sparse": False, "ragged": False, "name": "source"}, []),
    named("InputLayer", {"batch_input_shape": [None, None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "target"}, []),
    named("LSTM", recurrent("encoder", 4, return_state=True, unit_forget_bias=True), node("source")),
    named("LSTM", recurrent("decoder", 4, return_sequences=True, unit_forget_bias=True), [[["target", 0, 0, {}], ["encoder", 0, 1, {}], ["encoder", 0, 2, {}]]]),
    named("TimeDistributed", common("time_distributed", layer=layer("Dense", dense("dense", 2, "softmax"))), node("decoder")),
], "input_layers": [["source", 0, 0], ["target", 0, 0]], "output_layers": [["time_distributed", 0, 0]]}}
s, t = keras.Input((None, 5), name="source"), keras.Input((None, 3), name="target")
_, hs, cs = L.LSTM(4, return_state=True)(s)
model = keras.Model([s, t], L.TimeDistributed(L.Dense(2, activation="softmax"))(L.LSTM(4, return_sequences=True)(t, initial_state=[hs, cs])))
model.set_weights([*encoder, *decoder, *head])
save("states", "2.15.0", config, [
    ("source", []), ("target", []),
    ("encoder", [(f"encoder/lstm_cell/{part}:0", array) for part, array in zip(three, encoder)]),
    ("decoder", [(f"decoder/lstm_cell_1/{part}:0", array) for part, array in zip(three, decoder)]),
    ("time_distributed", [("time_distributed/kernel:0", head[0]), ("time_distributed/bias:0", head[1])]),
], model, {"source": x, "target": rng.standard_normal((3, 4, 3)).astype(np.float32)})

# A model within a model, used twice: its uses are counted from 1, and what is trained stands before what is not.
lstm, statistics, head = [weight(5, 16), weight(4, 16), weight(16)], [weight(4) + 1, weight(4), weight(4), np.abs(weight(4)) + .5], [weight(4, 2), weight(2)]
inner = {"class_name": "Sequential", "config": {"name": "tower", "layers": [
    layer("InputLayer", {"batch_input_shape": [None, None, 5], "dtype": "float32", "sparse": False, "ragged": False, "name": "masking_input"}),
    layer("Masking", common("masking", batch_input_shape=[None, None, 5], mask_value=-1.0)),
    layer("LSTM", recurrent("lstm_2", 4, unit_forget_bias=True)),
    layer("BatchNormalization", common("batch_normalization", axis=[1], momentum=.99, epsilon=.001, center=True, scale=True)),
    layer("Dense", dense("dense_1", 2, "relu")),
]}, "name": "tower", "inbound_nodes": [node("left")[0], node("right")[0]]}
config = {"class_name": "Functional", "config": {"name": "model_1", "trainable": True, "layers": [
    named("InputLayer", {"batch_input_shape": [None, None, 5], "dtype": "float32", "sparse": False, "ragged": False, "name": "left"}, []),
    named("InputLayer", {"batch_input_shape": [None, None, 5], "dtype": "float32", "sparse": False, "ragged": False, "name": "right"}, []),
    inner,
    named("Subtract", common("subtract"), [[["tower", 1, 0, {}], ["tower", 2, 0, {}]]]),
], "input_layers": [["left", 0, 0], ["right", 0, 0]], "output_layers": [["subtract", 0, 0]]}}
l, r = keras.Input((None, 5), name="left"), keras.Input((None, 5), name="right")
tower = keras.Sequential([keras.Input((None, 5)), L.Masking(-1.), L.LSTM(4), L.BatchNormalization(), L.Dense(2, activation="relu")])
model = keras.Model([l, r], L.Subtract()([tower(l), tower(r)]))
model.set_weights([*lstm, *statistics, *head])
padded = rng.standard_normal((3, 6, 5)).astype(np.float32)
padded[0, 3:], padded[2, 1] = -1, -1
save("towers", "2.15.0", config, [
    ("left", []), ("right", []),
    ("tower", [(f"lstm_2/lstm_cell_2/{part}:0", array) for part, array in zip(three, lstm)]
     + [("batch_normalization/gamma:0", statistics[0]), ("batch_normalization/beta:0", statistics[1]), ("dense_1/kernel:0", head[0]), ("dense_1/bias:0", head[1])]
     + [("batch_normalization/moving_mean:0", statistics[2]), ("batch_normalization/moving_variance:0", statistics[3])]),
    ("subtract", []),
], model, {"left": x, "right": padded})

# TensorFlow's operators between layers: as layers of functions since Keras 2.4, and as nodes of a graph before.
lstm, head = [weight(5, 16), weight(4, 16), weight(16)], [weight(4, 4), weight(4)]
function = lambda name, of, nodes, kind="TFOpLambda": named(kind, {"name": name, "trainable": True, "dtype": "float32", "function": of}, nodes)
whole = {"start": None, "stop": None, "step": None}
config = {"class_name": "Functional", "config": {"name": "model_2", "trainable": True, "layers": [
    named("InputLayer", {"batch_input_shape": [None, 6, 5], "dtype": "float32", "sparse": False, "ragged": False, "name": "input_2"}, []),
    named("LSTM", recurrent("lstm_3", 4, return_sequences=True, unit_forget_bias=True), node("input_2")),
    named("Dense", dense("dense_2", 4), node("lstm_3")),
    function("tf.math.sigmoid", "math.sigmoid", [[["dense_2", 0, 0, {"name": None}]]]),
    function("tf.math.multiply", "math.multiply", [[["lstm_3", 0, 0, {"y": ["tf.math.sigmoid", 0, 0], "name": None}]]]),
    function("tf.__operators__.add", "__operators__.add", [[["tf.math.multiply", 0, 0, {"y": 0.5, "name": None}]]]),
    function("tf.math.subtract", "math.subtract", [[["_CONSTANT_VALUE", -1, 1.0, {"y": ["tf.__operators__.add", 0, 0], "name": None}]]]),
    function("tf.concat", "concat", [[["tf.math.subtract", 0, 0, {"axis": -1}], ["lstm_3", 0, 0, {"axis": -1}]]]),
    function("tf.math.reduce_mean", "math.reduce_mean", [[["tf.concat", 0, 0, {"axis": 1, "keepdims": False}]]]),
    function("tf.__operators__.getitem", "__operators__.getitem", [[["tf.concat", 0, 0, {"slice_spec": [whole, -1, {"start": 1, "stop": 3, "step": None}]}]]], "SlicingOpLambda"),
    function("tf.nn.leaky_relu", "nn.leaky_relu", [[["dense_2", 0, 0, {"alpha": 0.3, "name": None}]]]),
    function("tf.linalg.matmul", "linalg.matmul", [[["lstm_3", 0, 0, {"b": ["dense_2", 0, 0], "transpose_b": True}]]]),
    function("tf.nn.softmax", "nn.softmax", [[["tf.linalg.matmul", 0, 0, {"axis": -1}]]]),
    function("tf.linalg.matmul_1", "linalg.matmul", [[["tf.nn.softmax", 0, 0, {"b": ["dense_2", 0, 0]}]]]),
], "input_layers": [["input_2", 0, 0]], "output_layers": [[name, 0, 0] for name in ("tf.math.reduce_mean", "tf.__operators__.getitem", "tf.nn.leaky_relu", "tf.linalg.matmul_1")]}}
a = keras.Input((6, 5))
h = L.LSTM(4, return_sequences=True)(a)
d = L.Dense(4)(h)
both = ops.concatenate([1. - (h * ops.sigmoid(d) + .5), h], axis=-1)
model = keras.Model(a, [ops.mean(both, axis=1), both[:, -1, 1:3], ops.leaky_relu(d, .3), ops.matmul(ops.softmax(ops.matmul(h, ops.transpose(d, (0, 2, 1))), axis=-1), d)])
model.set_weights([*lstm, *head])
saved = [("input_2", []), ("lstm_3", [(f"lstm_3/lstm_cell_3/{part}:0", array) for part, array in zip(three, lstm)]), ("dense_2", [("dense_2/kernel:0", head[0]), ("dense_2/bias:0", head[1])])]
every = lambda: saved + [(layer["name"], []) for layer in config["config"]["layers"][3:]]
save("functions", "2.15.0", config, every(), model, {"input": x})

operator = lambda name, op, nodes, constants={}, **attributes: {"name": f"tf_op_layer_{name}", "class_name": "TensorFlowOpLayer", "config": {
    "name": name, "trainable": True, "dtype": "float32", "node_def": {"name": name, "op": op, "input": [], "attr": {"T": {"type": "DT_FLOAT"}, **attributes}},
    "constants": {str(place): value for place, value in constants.items()}}, "inbound_nodes": [[[node, 0, 0, {}] for node in nodes]]}
config = {"class_name": "Model", "config": {"name": "model_3", "layers": [
    *[layer for layer in config["config"]["layers"] if layer["name"] in ("input_2", "lstm_3", "dense_2")],
    operator("Sigmoid", "Sigmoid", ["dense_2"]),
    operator("mul", "Mul", ["lstm_3", "tf_op_layer_Sigmoid"]),
    operator("sub", "Sub", ["tf_op_layer_mul"], {0: 1.0}),
    operator("concat", "ConcatV2", ["tf_op_layer_sub", "lstm_3"], {2: -1}),
    operator("Mean", "Mean", ["tf_op_layer_concat"], {1: 1}, keep_dims={"b": False}),
    operator("MatMul", "BatchMatMulV2", ["lstm_3", "dense_2"], adj_x={"b": False}, adj_y={"b": True}),
    operator("Softmax", "Softmax", ["tf_op_layer_MatMul"]),
    operator("MatMul_1", "BatchMatMulV2", ["tf_op_layer_Softmax", "dense_2"], adj_x={"b": False}, adj_y={"b": False}),
], "input_layers": [["input_2", 0, 0]], "output_layers": [["tf_op_layer_Mean", 0, 0], ["tf_op_layer_MatMul_1", 0, 0]]}}
both = ops.concatenate([1. - h * ops.sigmoid(d), h], axis=-1)
model = keras.Model(a, [ops.mean(both, axis=1), ops.matmul(ops.softmax(ops.matmul(h, ops.transpose(d, (0, 2, 1))), axis=-1), d)])
model.set_weights([*lstm, *head])
save("nodes", "2.3.0", config, every(), model, {"input": x})
