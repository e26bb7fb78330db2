

def inputs(rows):
    """What the network reads of the rows of a series, [T, F]."""
    channels = []
    for feature in HOW["features"]:
        channels.append(scaled(column(rows, feature["name"]), feature))
        if feature["marked"]:
            # The value is there.
            channels.append(np.ones(len(rows)))
    for static in HOW["statics"]:
        values = column(rows, static["name"])
        if (values != values[0]).any():
            stop(f"the column {static['name']} has two values in one series")
        channels.append(scaled(values, static))
    return np.stack(channels, axis=1).astype(np.float32)


def predict(file):
    predictions = []
    for rows in each_series(read(file)).values():
        values = unscaled(run(input=inputs(rows)[None])["output"][0, :, 0], HOW["output"])
        if HOW["least"] is not None:
            values = np.maximum(values, HOW["least"])
        predictions += values.tolist()
    return {"task": HOW["task"], "predictions": predictions}
