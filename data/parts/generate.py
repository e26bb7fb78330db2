"""Writes parts.csv: weekly demand for 60 spare parts, most of it 0.

    python3 generate.py > parts.csv

Made up, for models of counts: each part has a rate of its own (0.1 to 2 pieces a week), a year that its class shapes, a trend, and
demand that is a negative binomial number around that rate, so that a quiet part may have five orders in one week. Parts begin at
different weeks. Nothing but Python's standard library is needed; `random` with a fixed seed gives the same file again (Python 3.11).
"""

import datetime
import math
import random

random.seed(20261130)
CLASSES = {"brake": 0.0, "wiper": 0.8, "cooling": -0.7}
END = datetime.date(2026, 6, 29)

print("part,week,class,demand")
for number in range(1, 61):
    kind = random.choice(sorted(CLASSES))
    rate = math.exp(random.uniform(math.log(0.1), math.log(2.0)))
    shape = random.choice([0.4, 0.8, 2.0])
    trend = random.uniform(-0.4, 0.4)
    weeks = random.choice([78, 104, 130])
    for week in range(weeks):
        date = END - datetime.timedelta(weeks=weeks - 1 - week)
        year = math.cos(2 * math.pi * (date.timetuple().tm_yday - 15) / 365.25)
        mean = rate * math.exp(CLASSES[kind] * year + trend * (week / weeks - 0.5))
        # A Poisson number whose rate is drawn from a gamma distribution.
        drawn, pieces, left = random.gammavariate(shape, mean / shape), 0, random.random()
        probability = math.exp(-drawn)
        while left > probability:
            left -= probability
            pieces += 1
            probability *= drawn / pieces
            if pieces > 1000:
                break
        print(f"P{number:02},{date},{kind},{pieces}")
