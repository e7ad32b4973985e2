"""Shifts of a serial line in SimPy, from an empty line on: a process for each station, a store for each buffer.

Arguments: a JSON object with the line, and how many shifts. Prints a JSON object: the seconds that they took, and the
output of each.
"""

import json
import random
import sys
import time

import simpy


def station(env, line, before, after, chance, made):
    """Takes a part, works on it, stopped by failures in its working time, and holds it until there is room for it."""
    log_mean, log_sigma = line["log_mean"], line["log_sigma"]
    failure_rate, repair_rate = 1.0 / line["every_s"], 1.0 / line["repair_s"]
    until_failure_s = chance.expovariate(failure_rate)
    while True:
        if before is not None:
            yield before.get()
        work_s = chance.lognormvariate(log_mean, log_sigma)
        busy_s = work_s
        until_failure_s -= work_s
        while until_failure_s < 0.0:
            busy_s += chance.expovariate(repair_rate)
            until_failure_s += chance.expovariate(failure_rate)
        yield env.timeout(busy_s)
        if after is None:
            made[0] += 1
        else:
            yield after.put(1)


def shift(line, seed):
    """The output of one shift."""
    env = simpy.Environment()
    chance = random.Random(seed)
    buffers = [simpy.Store(env, capacity=line["buffer"]) for _ in range(line["stations"] - 1)]
    made = [0]
    for before, after in zip([None, *buffers], [*buffers, None]):
        env.process(station(env, line, before, after, chance, made))
    env.run(until=line["shift_s"])
    return made[0]


def main(line, shifts):
    shift(line, -1)
    begun = time.perf_counter()
    outputs = [shift(line, seed) for seed in range(shifts)]
    print(json.dumps({"seconds": time.perf_counter() - begun, "outputs": outputs}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))
