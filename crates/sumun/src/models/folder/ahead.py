

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
