"""Files of PyTorch of every kind that is read, beside the state_dicts of make_torch_files.py: small, each for one thing.

    venv/bin/python make_torch_kinds.py      # writes torch_files/kind_* next to itself
"""
import collections, io, os, zipfile, numpy as np, torch, torch.nn as nn
from safetensors.torch import save_file
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_files"); os.makedirs(OUT, exist_ok=True)


class Tagger(nn.Module):
    def __init__(s):
        super().__init__()
        s.norm = nn.BatchNorm1d(3); s.activation = torch.tanh
        s.rnn = nn.GRU(3, 2, batch_first=True)
        s.heads = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1, bias=False)])
        s.heads.append(s.heads[0])  # a module twice
        s.register_buffer("kept", torch.arange(3)); s.register_buffer("not_kept", torch.ones(2), persistent=False)

    def forward(s, x):
        y, _ = s.rnn(x)
        return s.heads[0](y)


def save(name, what, expected, **options):
    torch.save(what, f"{OUT}/kind_{name}.pt", **options)
    save_file({k: v.detach().contiguous().clone() for k, v in expected.items()}, f"{OUT}/kind_{name}.expected.safetensors")


torch.manual_seed(5)
module = Tagger().eval()
save("module", module, module.state_dict())
save("module_protocol4", module, module.state_dict(), pickle_protocol=4)
save("legacy_protocol5", module.state_dict(), module.state_dict(), pickle_protocol=5, _use_new_zipfile_serialization=False)
# TorchScript, without the code in it, which is PyTorch's.
torch.jit.save(torch.jit.script(module), script := io.BytesIO()); script.seek(0)
with zipfile.ZipFile(script) as source, zipfile.ZipFile(f"{OUT}/kind_torchscript.pt", "w") as target:
    for entry in source.namelist():
        if "/code/" not in entry: target.writestr(zipfile.ZipInfo(entry), source.read(entry))
# There, a buffer that a state_dict leaves out is an attribute as any other.
kept = {**module.state_dict(), "not_kept": module.not_kept}
save_file({k: v.detach().clone() for k, v in kept.items()}, f"{OUT}/kind_torchscript.expected.safetensors")

types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool]
tensors = {str(t).removeprefix("torch."): torch.tensor([[0, 1, 2], [3, 4, 5]]).to(t).t() for t in types}
tensors["empty"] = torch.zeros(0, 4); tensors["scalar"] = torch.tensor(7.5); tensors["repeated"] = torch.tensor([1., 2.]).expand(3, 2)
save("types", tensors, tensors)

# A checkpoint as trainers write it: optimizer, history, numbers of NumPy, a default dict, a tensor beside text.
optimizer = torch.optim.Adam(module.parameters(), lr=.01)
module.train(); module(torch.ones(2, 4, 3)).sum().backward(); optimizer.step(); module.eval()
history = collections.defaultdict(list); history["loss"] += [.5, np.float64(.25), np.float32(.125)]
checkpoint = {
    "epoch": np.int64(3), "best": np.float32(.5), "done": np.bool_(True), "big": 2 ** 80, "negative": -2 ** 40, "none": None,
    "history": history, "optimizer": optimizer.state_dict(), "state_dict": module.state_dict(), "words": ["가", "a"],
    "mean": np.arange(6, dtype=np.float64).reshape(2, 3), "fortran": np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)),
    "shape": torch.Size([2, 3]), "device": torch.device("cpu"), "dtype": torch.float16, "classes": {"a", "b"}, "raw": b"\0\xff",
}
state = optimizer.state_dict()["state"]
expected = {f"state_dict.{k}": v for k, v in module.state_dict().items()}
expected |= {f"optimizer.state.{i}.{k}": v for i, s in state.items() for k, v in s.items()}
expected |= {"mean": torch.from_numpy(checkpoint["mean"]), "fortran": torch.arange(6.).reshape(2, 3)}
save("checkpoint", checkpoint, expected)
arrays = {key: checkpoint[key] for key in ("mean", "fortran", "epoch")}
save("numpy_protocol5", arrays, {key: expected[key] for key in ("mean", "fortran")}, pickle_protocol=5)


floats = {k: v for k, v in module.state_dict().items() if v.dtype == torch.float32}


def rewritten(name, change, compression=zipfile.ZIP_STORED):
    """A file of single precision, each entry changed, its expected tensors the same."""
    buffer = io.BytesIO(); torch.save(floats, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(f"{OUT}/kind_{name}.pt", "w", compression) as target:
        for entry in source.namelist():
            renamed, data = change(entry, source.read(entry))
            info = zipfile.ZipInfo(renamed); info.compress_type = compression
            target.writestr(info, data)
    save_file({k: v.detach().clone() for k, v in floats.items()}, f"{OUT}/kind_{name}.expected.safetensors")


def big_endian(entry, data):
    """As a machine with the other byte order writes it."""
    if entry.endswith("byteorder"): data = b"big"
    return entry, np.frombuffer(data, "<f4").byteswap().tobytes() if "/data/" in entry else data


rewritten("big_endian", big_endian)
rewritten("deflated", lambda entry, data: (entry, data), zipfile.ZIP_DEFLATED)
rewritten("no_folder", lambda entry, data: (entry.split("/", 1)[1], data))
print(len(os.listdir(OUT)), "files")
