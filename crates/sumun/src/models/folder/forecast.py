

def window(network, levels, features, ahead, rows):
    """What a network reads of the last rows, [T, F]."""
    channels = []
    lag = network["season"] or 1
    for target, level in zip(network["targets"], levels):
        own = scaled(level, target["level"]).astype(np.float32)
        for channel in target["channels"]:
            if channel == "change":
                changes = np.concatenate([np.zeros(lag), level[lag:] - level[:-lag]])
                channels.append(scaled(changes, target["change"]).astype(np.float32))
            else:
                channels.append(own - own[-1] if channel == "relative" else own)
        channels += marks(target["marked"], rows)
    for feature, values in zip(HOW["features"], features):
        channels += [scaled(values, feature)] + marks(feature["marked"], rows)
    all_rows = np.stack(channels, axis=1).astype(np.float32)
    return np.concatenate([all_rows, ahead[:rows]], axis=1)[-network["window"] :]


def reference(network, level, step):
    """What was subtracted from the level so many steps ahead."""
    if network["season"]:
        return level[len(level) - 1 + step - network["season"] * math.ceil(step / network["season"])]
    return level[-1] if network["difference"] == "last" else 0.0


def product(a, b):
    """Of two polynomials in the step back, {lag: coefficient}."""
    found = {}
    for i, u in a.items():
        for j, v in b.items():
            found[i + j] = found.get(i + j, 0.0) + u * v
    return {lag: value for lag, value in sorted(found.items()) if value != 0.0}


def arima(how, values, horizon):
    """The forecasts of an ARIMA model from the newest rows. What was before the first of them is forecast backwards."""
    period = how["period"]
    seasonal = period > 1
    ar = {lag: value for lag, value in enumerate([1.0] + [-value for value in how["ar"]]) if value != 0.0}
    ma = product({0: 1.0, 1: -how["ma"]}, {0: 1.0, period: -how["seasonal_ma"]} if seasonal else {0: 1.0})
    difference = product({0: 1.0, 1: -float(how["differenced"])}, {0: 1.0, period: -1.0} if seasonal else {0: 1.0})
    levels = np.log(values).tolist() if how["log"] else list(values)
    lost, p = min(max(difference), len(levels)), max(ar)

    def earlier(row):
        return sum(value * levels[max(row - lag, 0)] for lag, value in difference.items() if lag)

    def expected(differences, errors):
        t = len(differences)
        found = -sum(value * differences[t - lag] for lag, value in ar.items() if 0 < lag <= t)
        return found + sum(value * errors[t - lag] for lag, value in ma.items() if 0 < lag <= t and t - lag < len(errors))

    def gone_through(differences, errors, more):
        for value in more:
            errors.append(0.0 if len(differences) < p else value - expected(differences, errors))
            differences.append(value)
        return differences, errors

    own = [levels[row] + earlier(row) - how["mean"] for row in range(lost, len(levels))]
    back, errors = gone_through([], [], own[::-1])
    before = p + max(ma) + 8 if own else 0
    for _ in range(before):
        back.append(expected(back, errors))
    differences, errors = gone_through([], [], back[len(own) :][::-1])
    for value in own:
        errors.append(value - expected(differences, errors))
        differences.append(value)
    for _ in range(horizon):
        differences.append(expected(differences, errors))
        levels.append(differences[-1] + how["mean"] - earlier(len(levels)))
    ahead = np.array(levels[-horizon:])
    return np.exp(ahead) if how["log"] else ahead


def predict(file):
    rows = read(file)
    names = [target["name"] for target in HOW["networks"][0]["targets"]]
    end = len(rows)
    while end > 0 and not any((rows[end - 1].get(name) or "").strip() for name in names):
        end -= 1
    count, horizon = HOW["rows_needed"], HOW["horizon"]
    if end < count:
        stop(f"{file}: a forecast needs {count} rows, and there are {end}")
    every, rows, later = rows[:end], rows[end - count : end], rows[end:]
    if HOW["known"] and len(later) < horizon:
        stop(f"{file}: what is known ahead must be there for {horizon} rows, and there are {len(later)}")
    ahead = []
    for known in HOW["known"]:
        values = column(rows + later[:horizon], known["name"])
        ahead += [scaled(values, known)] + marks(known["marked"], len(values))
    ahead = np.stack(ahead, axis=1) if ahead else np.zeros((count + horizon, 0))
    if HOW["calendar"]:
        told = [calendar(time) for time in times(rows, horizon)]
        ahead = np.concatenate([ahead, np.array(told)], axis=1)
    ahead = ahead.astype(np.float32)
    features = [column(rows, feature["name"]) for feature in HOW["features"]]
    arrays, kept = {}, []
    for network in HOW["networks"]:
        levels = [column(rows, target["name"]) for target in network["targets"]]
        for place, target in enumerate(network["targets"]):
            if target["log"]:
                if (levels[place] <= 0).any():
                    stop(f"{file}: the model takes logarithms, and {target['name']} has values that are not above 0")
                levels[place] = np.log(levels[place])
        arrays[network["input"]] = window(network, levels, features, ahead, count)[None]
        kept.append(levels)
    if ahead.shape[1]:
        arrays["known_ahead"] = ahead[None, count:]
    sums = [np.zeros(horizon) for _ in HOW["networks"][0]["targets"]]
    for network, levels, output in zip(HOW["networks"], kept, run(**arrays).values()):
        for place, (target, level) in enumerate(zip(network["targets"], levels)):
            values = unscaled(output[0, :, place], target["change"])
            values += [reference(network, level, step) for step in range(1, horizon + 1)]
            values = np.exp(values) if target["log"] else values
            sums[place] += values if target["min"] is None else np.maximum(values, target["min"])
    forecasts = [values / len(HOW["networks"]) for values in sums]
    for place, how in enumerate(HOW["together"]):
        if how:
            target = HOW["networks"][0]["targets"][place]
            values = column(every[-how["rows"] :], target["name"])
            if how["log"] and (values <= 0).any():
                stop(f"{file}: the model takes logarithms, and {target['name']} has values that are not above 0")
            other = arima(how, values, horizon)
            other = other if target["min"] is None else np.maximum(other, target["min"])
            forecasts[place] = how["networks"] * forecasts[place] + (1 - how["networks"]) * other
    forecast = {name: values.tolist() for name, values in zip(names, forecasts)}
    return {"task": HOW["task"], "horizon": horizon, "forecast": forecast}
