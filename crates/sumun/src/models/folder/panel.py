

LEARNT = {tuple(series["id"]): series["first"] for series in HOW["learnt"]}
# The largest number that the network sees of a target.
MOST = 30.0


def levels_of(rows, count):
    """The levels of the last rows, and how many rows ago each was last read: where levels are logarithms, those of values that
    have none lie on the straight line between their neighbours."""
    target = HOW["target"]
    values = column(rows[-count:], target["name"])
    if not target["log"] or (values > 0).all():
        return values, np.log(values) if target["log"] else values, np.zeros(len(values))
    every = column(rows, target["name"])
    places, read = np.arange(len(every)), np.flatnonzero(every > 0)
    if not len(read):
        levels, since = np.zeros(len(every)), places + 1.0
    else:
        levels = np.interp(places, read, np.log(every[read]))
        last = np.searchsorted(read, places, side="right") - 1
        since = np.where(last < 0, places + 1.0, places - read[last])
    return values, levels[-count:], since[-count:]


def mean(values):
    return float(values.mean()) if len(values) else None


def scale_of(network, levels, since):
    """What is subtracted from the levels of a window, and what they are divided by."""
    first, read = max(0, len(levels) - HOW["window"]), since == 0
    rows, difference = levels[first:], network["difference"]
    level = float(rows.mean()) if difference == "none" else float(levels[-1])

    def changes(lag):
        start, end = max(first, lag), len(levels)
        sizes = np.abs(levels[start:] - levels[start - lag : end - lag])
        return mean(sizes[read[start:] & read[start - lag : end - lag]]) if start < end else None

    if difference == "none":
        spread = mean(np.abs(rows - level)[read[first:]])
    else:
        spread = changes(HOW["season"]) if difference == "season" else None
        spread = changes(1) if spread is None else spread
    least = 1e-3 if HOW["target"]["log"] else 1e-3 * float(np.abs(rows).mean())
    spread = max(spread or 0.0, least)
    return level, spread if 0 < spread < math.inf else 1.0


def a_season_before(rows, step):
    """The last of the rows that is whole seasons before the row so many steps ahead; None where the series begins later."""
    place = rows - 1 + step - HOW["season"] * math.ceil(step / HOW["season"])
    return place if place >= 0 else None


def window(network, levels, since, scale, beside, known):
    """What a network reads of the rows, [T, F]."""
    (level, spread), season = scale, HOW["season"]
    first, rows = max(0, len(levels) - HOW["window"]), len(levels)

    def changes(lag):
        found = np.zeros(rows)
        found[lag:] = np.clip((levels[lag:] - levels[:-lag]) / spread, -MOST, MOST)
        return found

    seen = spread if HOW["target"]["log"] else spread / (spread + abs(level))
    channels = [np.clip((levels - level) / spread, -MOST, MOST), changes(1)]
    channels.append(np.full(rows, scaled(math.log(seen), network["spread"])))
    if season > 1:
        channels += [changes(season), (np.arange(rows) >= season).astype(float)]
    if HOW["target"]["marked"]:
        channels += [(since == 0).astype(float), since / (1 + since)]
    channels = np.stack(channels + beside, axis=1)
    return np.concatenate([channels, known[:rows]], axis=1)[first:].astype(np.float32)


def ahead(levels, scale, known):
    """What a network reads of the steps ahead, [horizon, F]."""
    found = []
    for step in range(1, HOW["horizon"] + 1):
        row = list(known[len(levels) - 1 + step])
        if HOW["season"] > 1:
            place = a_season_before(len(levels), step)
            before = None if place is None else (levels[place] - scale[0]) / scale[1]
            row += [0.0, 0.0] if before is None else [min(max(before, -MOST), MOST), 1.0]
        found.append(row)
    return np.array(found, np.float32)


def reference(network, levels, scale, step):
    """What was subtracted from the level so many steps ahead."""
    place = a_season_before(len(levels), step) if network["difference"] == "season" else None
    return scale[0] if place is None else levels[place]


def value(level):
    """The values of levels: those that can come."""
    values, least = np.exp(level) if HOW["target"]["log"] else level, HOW["target"]["min"]
    values = values if least is None else np.maximum(values, least)
    # Counts are whole.
    return np.copysign(np.floor(np.abs(values) + 0.5), values) if is_of_counts() else values


def is_of_counts():
    return HOW["distribution"] in ("negative-binomial", "zero-inflated")


def static(rows, name, series):
    """The one value of a column in a series; where there is none, None."""
    try:
        found = {float(row[name]) for row in rows if (row[name] or "").strip()}
    except KeyError:
        stop(f"there is no column {name}")
    except ValueError as problem:
        stop(f"the column {name} has a value that is no number: {problem}")
    if len(found) > 1:
        stop(f"the column {name} has two values in the series {series}")
    return found.pop() if found else None


def forecast(file, name, rows):
    """What comes after a series; None of one that is too short."""
    target, horizon, needed, series = HOW["target"]["name"], HOW["horizon"], HOW["rows_needed"], " / ".join(name)
    end = len(rows)
    while end > 0 and not (rows[end - 1].get(target) or "").strip():
        end -= 1
    every, later = rows[:end], rows[end : end + horizon]
    if end < HOW["fewest_rows"]:
        print(f"note: {file}: the series {series} has {end} of the {HOW['fewest_rows']} rows that are needed", file=sys.stderr)
        return None
    if end < needed and name in LEARNT:
        there = {(row.get(HOW["time_column"]) or "").strip() for row in every}
        if LEARNT[name] not in there:
            stop(
                f"{file}: the series {series} was learnt and has {end} rows here, of the {needed} that are needed; "
                f"give so many, or all from {LEARNT[name]} on"
            )
    if HOW["known"] and len(later) < horizon:
        stop(f"{file}: what is known ahead of the series {series} must be there for {horizon} rows, and there are {len(later)}")
    past = every[-needed:]
    values, levels, since = levels_of(every, needed)
    known = []
    for one in HOW["known"]:
        numbers = column(past + later, one["name"])
        known += [scaled(numbers, one)] + marks(one["marked"], len(numbers))
    known = np.stack(known, axis=1) if known else np.zeros((len(past) + horizon, 0))
    if HOW["calendar"]:
        known = np.concatenate([known, np.array([calendar(time) for time in times(past, horizon)])], axis=1)
    beside = []
    for feature in HOW["features"]:
        beside += [scaled(column(past, feature["name"]), feature)] + marks(feature["marked"], len(past))
    for one in HOW["statics"]:
        found = static(rows, one["name"], series)
        beside.append(np.full(len(past), 0.0 if found is None else scaled(found, one)))
    scales = [scale_of(network, levels, since) for network in HOW["networks"]]
    arrays = {}
    for network, scale in zip(HOW["networks"], scales):
        arrays[network["input"]] = window(network, levels, since, scale, beside, known)[None]
        if network["known_ahead"]:
            arrays[network["known_ahead"]] = ahead(levels, scale, known)[None]
    z, means, count_scale = 0.0, 0.0, 1.0 + float(values[-HOW["window"] :].mean())
    for network, scale, output in zip(HOW["networks"], scales, run(**arrays).values()):
        before = np.array([[reference(network, levels, scale, step)] for step in range(1, horizon + 1)])
        z = z + quantiles(output[0], count_scale, lambda found: before + scale[1] * found)
        if is_of_counts():
            outputs = output[0].astype(np.float64)
            means = means + np.array([(1 - more_zeros(row)) * mean_count(row, count_scale) for row in outputs])
    z = z / len(scales)
    middle, intervals, lower, upper = len(HOW["levels"]), {}, math.inf, -math.inf
    for place, level in enumerate(HOW["levels"]):
        offset = np.array(HOW["calibration"][place]) * scales[0][1] if HOW["calibration"] else 0.0
        # Each interval holds the median, and those of smaller shares.
        lower = np.minimum(lower, np.minimum(z[:, middle - 1 - place] - offset, z[:, middle]))
        upper = np.maximum(upper, np.maximum(z[:, middle + 1 + place] + offset, z[:, middle]))
        share = f"{math.floor(1000 * level + 0.5) / 10:g}"
        intervals |= {f"lower_{share}": value(lower).tolist(), f"upper_{share}": value(upper).tolist()}
    told = {"series": dict(zip(HOW["tells_apart"], name)), "forecast": value(z[:, middle]).tolist(), "intervals": intervals}
    return told | {"mean": (means / len(scales)).tolist()} if is_of_counts() else told


def predict(file):
    rows = read(file)
    if rows and HOW["target"]["name"] not in rows[0]:
        stop(f"{file}: there is no column {HOW['target']['name']}")
    every = [forecast(file, name, rows) for name, rows in each_series(rows).items()]
    every = [one for one in every if one]
    if not every:
        stop(f"{file}: no series has the {HOW['fewest_rows']} rows that a forecast needs")
    return {"task": HOW["task"], "target": HOW["target"]["name"], "levels": HOW["levels"], "series": every}
