

# Tokens that the network reads at once.
CHUNK = 128


def read(file):
    """The tokens of a text of UTF-8; where words are tokens, so is the end of a line."""
    text = sys.stdin.read() if file == "-" else pathlib.Path(file).read_text(encoding="utf-8-sig")
    if HOW["reads"]["nfc"]:
        text = unicodedata.normalize("NFC", text)
    found = []
    for line in re.findall("[^\n]*\n|[^\n]+", text):
        found += tokens(line)
        if HOW["reads"]["line_ends"] and line.endswith("\n"):
            found.append("\n")
    return found


def predict(file):
    text = read(file)
    if not text:
        stop(f"{file}: there is no token in it; give a longer text")
    targets = ids(text)
    # Every token is predicted from those before it, the first from the one that texts are read as following.
    given = [HOW["reads"]["start"]] + targets[:-1]
    states = {i.name: np.zeros([n if isinstance(n, int) else 1 for n in i.shape], np.float32)
              for i in MODEL.get_inputs() if i.name != "input"}
    found = []
    for start in range(0, len(given), CHUNK):
        part = slice(start, start + CHUNK)
        outputs = run(input=np.array([given[part]], np.int64), **states)
        states = {name: outputs[name.replace("_0", "_n", 1)] for name in states}
        shares = np.log(softmax(outputs["output"][0]))
        found += shares[np.arange(len(shares)), targets[part]].tolist()
    return {"task": HOW["task"], "predictions": [{"tokens": text, "log_probabilities": found}]}
