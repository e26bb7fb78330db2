

def read(file):
    """The rows of a table with a header (.csv), oldest first, all in even steps: columns by name, with numbers as programs
    write them. Rows at the end that leave the targets empty say what is known ahead."""
    source = sys.stdin if file == "-" else open(file, encoding="utf-8-sig", newline="")
    with source:
        rows = list(csv.DictReader(source))
    only = HOW["series"]
    if rows and only and only["column"] in rows[0]:
        rows = [row for row in rows if row[only["column"]] == only["value"]]
    return rows


def column(rows, name):
    try:
        return np.array([float(row[name]) for row in rows])
    except KeyError:
        stop(f"there is no column {name}")
    except ValueError as problem:
        stop(f"the column {name} has a value that is missing or no number: {problem}")


def times(rows, count):
    """The times of the rows, and so many after the last."""
    found = [datetime.datetime.strptime(row[HOW["time"]["column"]].strip(), HOW["time"]["format"]) for row in rows]
    step = HOW["time"]["step"]
    while len(found) < len(rows) + count:
        last = found[-1]
        if "seconds" in step:
            found.append(last + datetime.timedelta(seconds=step["seconds"]))
            continue
        month = last.month - 1 + step["months"]
        year, month = last.year + month // 12, month % 12 + 1
        following = datetime.date(year + month // 12, month % 12 + 1, 1)
        longest = (following - datetime.timedelta(days=1)).day
        found.append(last.replace(year=year, month=month, day=min(step["day"], longest)))
    return found


def calendar(time):
    """What is told of a time: a list of numbers."""
    found = []
    second = time.second + time.microsecond / 1e6
    hour = time.minute * 60 + second
    day, year = time.timetuple().tm_yday - 1, datetime.date(time.year, 12, 31).timetuple().tm_yday
    for part in HOW["calendar"]["parts"]:
        place, index, places = {
            "minute": (hour / 3600, time.minute, 60),
            "hour": ((time.hour * 3600 + hour) / 86400, time.hour, 24),
            "weekday": (time.weekday() / 7, time.weekday(), 7),
            "month": (day / year if HOW["calendar"]["days_of_year"] else (time.month - 1) / 12, time.month - 1, 12),
        }[part["cycle"]]
        angle = math.tau * place
        if part["encoding"] == "onehot":
            found += [float(place == index) for place in range(places)]
        else:
            found += [math.sin(angle), math.cos(angle)]
        if part["encoding"] == "mixed":
            found += [math.sin(2 * angle), math.cos(2 * angle)]
    return found


def marks(is_marked, count):
    """Of a column that had missing values in training: the value is there, and was read 0 steps ago."""
    return [np.ones(count), np.zeros(count)] if is_marked else []


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


def predict(file):
    rows = read(file)
    names = [target["name"] for target in HOW["networks"][0]["targets"]]
    end = len(rows)
    while end > 0 and not any((rows[end - 1].get(name) or "").strip() for name in names):
        end -= 1
    count, horizon = HOW["rows_needed"], HOW["horizon"]
    if end < count:
        stop(f"{file}: a forecast needs {count} rows, and there are {end}")
    rows, later = rows[end - count : end], rows[end:]
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
    forecast = {name: (values / len(HOW["networks"])).tolist() for name, values in zip(names, sums)}
    return {"task": HOW["task"], "horizon": horizon, "forecast": forecast}
