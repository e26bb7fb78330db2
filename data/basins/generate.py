"""Writes basins.csv: four years of days of 10 made-up river basins, rain and temperature as inputs, runoff as what to simulate.

    python3 generate.py > basins.csv

Each basin is two leaking tanks behind a snow pack. Snow falls below 0 °C and melts above it; rain and melt water fill a soil tank
whose size is the basin's; what the soil cannot hold runs off at once on steep ground and seeps into a groundwater tank on flat one,
which drains slowly; plants take water in summer. Area and slope say which basin it is; every 97th runoff is missing. Nothing but
Python's standard library is needed; `random` with a fixed seed gives the same file again (Python 3.11).
"""

import datetime
import math
import random

random.seed(7)
FIRST = datetime.date(2015, 1, 1)
DAYS = 4 * 365 + 1

print("basin,day,rain,temperature,area,slope,runoff")
for number in range(1, 11):
    area = round(math.exp(random.uniform(math.log(40), math.log(900))))
    slope = round(random.uniform(1, 25), 1)
    height = random.uniform(0, 6)
    wet = random.uniform(0.7, 1.4)
    size = 160 - 4 * slope
    slow = 0.01 + 0.0005 * slope
    snow, soil, ground, raining = 0.0, 0.5 * size, 20.0, False
    for day in range(DAYS):
        date = FIRST + datetime.timedelta(days=day)
        year = math.cos(2 * math.pi * (date.timetuple().tm_yday - 20) / 365.25)
        temperature = 9 - 10 * year - height + random.gauss(0, 3)
        raining = random.random() < (0.65 if raining else 0.2)
        rain = wet * random.expovariate(1 / 7.0) if raining else 0.0
        if temperature < 0:
            snow, water = snow + rain, 0.0
        else:
            melt = min(snow, 3 * temperature)
            snow, water = snow - melt, rain + melt
        soil = max(0.0, soil + water - max(0.0, 0.16 * temperature) * soil / size)
        spill = max(0.0, soil - size)
        # The wetter the soil, the more of the water leaves it.
        leaving = min(soil, water * (soil / size) ** 3 + spill)
        soil -= leaving
        fast = leaving * (0.3 + 0.025 * slope)
        ground += leaving - fast
        drained = slow * ground
        ground -= drained
        runoff = (fast + drained) * (1 + random.gauss(0, 0.03))
        shown = "" if day % 97 == 96 else f"{max(0.0, runoff):.3f}"
        print(f"B{number:02},{date},{rain:.1f},{temperature:.1f},{area},{slope},{shown}")
