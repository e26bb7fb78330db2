

def read(file):
    """What is predicted from. FILE has a JSON object in every line, or is a table with a header (.csv); the field that is
    read is named in preprocessing.json."""
    field = HOW["field"]
    if str(file).endswith(".csv"):
        with open(file, encoding="utf-8-sig", newline="") as table:
            rows = list(csv.DictReader(table))
    else:
        rows = json_lines(file)
    for number, row in enumerate(rows, 1):
        if field not in row:
            stop(f"{file}: record {number} has no {field}")
    return [row[field] for row in rows]


def numbers(value):
    """The steps of a record, [T, F], from a list over time, or a list of lists."""
    reads = HOW["reads"]
    steps = np.asarray(value, np.float32)
    if steps.ndim == 1:
        steps = steps[:, None]
    elif reads["layout"] == "channel-time":
        steps = steps.T
    channels = reads["channels"]
    if steps.ndim != 2 or steps.shape[1] != len(channels):
        stop(f"a record has the shape {steps.shape}, and the model reads {len(channels)} channels")
    return np.stack([scaled(steps[:, place], scaler) for place, scaler in enumerate(channels)], axis=1)


def predict(file):
    predictions = []
    for value in read(file):
        if HOW["reads"]["kind"] == "text":
            found = tokens(stripped(value))
            if not found:
                predictions.append(None)
                continue
            array = read_by_network(found)
        else:
            array = numbers(value)[None].astype(np.float32)
        row = run(input=array)["output"][0] * HOW["together"]["network"]
        if HOW["together"]["linear"]:
            row = row + HOW["together"]["linear"] * linear(value)
        returns = HOW["returns"]
        if returns["kind"] == "number":
            predictions.append(float(unscaled(row[0], returns)))
        elif returns["kind"] == "labels":
            probabilities = 0.5 * (1 + np.tanh(0.5 * row.astype(np.float64)))
            found = zip(returns["labels"], probabilities, returns["thresholds"])
            labels = [label for label, probability, least in found if probability >= least]
            predictions.append({"labels": labels, "probabilities": probabilities.tolist()})
        else:
            label = returns["classes"][int(row.argmax())]
            predictions.append({"label": label, "probabilities": softmax(row).tolist()})
    return {"task": HOW["task"], "predictions": predictions}


# The columns of the linear model by the hashes of their n-grams.
COLUMNS = {place: column for column, place in enumerate(HOW["linear"]["places"])} if "linear" in HOW else {}


def linear(text):
    """What the linear model says of a text, in units of the network's output."""
    model = HOW["linear"]
    text = unicodedata.normalize("NFC", text).lower()
    letter = lambda c: unicodedata.category(c)[0] in "LN" or KINDS.get(ord(c), "O") in "ApHNK"
    found = [word for word in words(text) if any(letter(character) for character in word)]
    counts = {}
    for gram in [[word] for word in found] + [list(pair) for pair in zip(found, found[1:])]:
        column = COLUMNS.get(hashed(gram))
        if column is not None:
            counts[column] = counts.get(column, 0) + 1
    weights = {
        column: (1 + math.log(count)) * (math.log((1 + model["of"]) / (1 + model["documents"][column])) + 1)
        for column, count in counts.items()
    }
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    scores = [
        row[-1] + sum(row[column] * weight / length for column, weight in weights.items()) for row in model["weights"]
    ]
    if model["kind"] == "number":
        returns = HOW["returns"]
        return np.array([(scores[0] * model["scale"] + model["offset"] - returns["offset"]) / returns["scale"]])
    return np.array([0.0, scores[0]] if model["kind"] == "classes" and len(scores) == 1 else scores)


def hashed(words):
    """FNV-1a of 64 bits of words, each with a byte behind it that none has, folded to a place of the linear model."""
    value = 0xCBF29CE484222325
    for word in words:
        for byte in word.encode("utf-8") + b"\xff":
            value = (value ^ byte) * 0x100000001B3 % 2**64
    return (value >> 32 ^ value) % 2**22
