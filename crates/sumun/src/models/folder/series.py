

def each_series(rows):
    """The rows of each series by what names it, in the order in which the table begins them."""
    found = {}
    for row in rows:
        try:
            found.setdefault(tuple(row[name] for name in HOW["tells_apart"]), []).append(row)
        except KeyError as problem:
            stop(f"there is no column {problem}")
    return found
