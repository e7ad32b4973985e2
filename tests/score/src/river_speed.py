import random
import time

from river import drift

SIGNALS = 100
VALUES = 2_000
random.seed(1)
values = [random.gauss(0.0, 1.0) for _ in range(SIGNALS * VALUES)]
detectors = [drift.PageHinkley() for _ in range(SIGNALS)]
begun = time.perf_counter()
for place, value in enumerate(values):
    detectors[place % SIGNALS].update(value)
print(len(values) / (time.perf_counter() - begun))
