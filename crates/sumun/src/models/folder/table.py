

def read(file):
    """The rows of a table with a header (.csv), oldest first, all in even steps: columns by name, with numbers as programs
    write them. Of several series, those of the one that was learnt, where one was. Rows at the end of a forecaster's table that
    leave the targets empty say what is known ahead."""
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
