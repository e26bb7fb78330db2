

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
            found = ids(tokens(stripped(value)))
            if not found:
                predictions.append(None)
                continue
            array = np.array([found], np.int64)
        else:
            array = numbers(value)[None].astype(np.float32)
        row = run(input=array)["output"][0]
        returns = HOW["returns"]
        if returns["kind"] == "number":
            predictions.append(float(unscaled(row[0], returns)))
        else:
            label = returns["classes"][int(row.argmax())]
            predictions.append({"label": label, "probabilities": softmax(row).tolist()})
    return {"task": HOW["task"], "predictions": predictions}
