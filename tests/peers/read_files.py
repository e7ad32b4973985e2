"""What DuckDB, pandas, polars and MCAP's own library find in a closed segment and in an MCAP file, as JSON."""

import json
import sys

import duckdb
import pandas
import polars
from mcap.reader import make_reader

segment, mcap = sys.argv[1:]
found = {}

query = f"""SELECT count(*), count(*) FILTER (signal = 'weld-20/current' AND value_float > 0)
            FROM '{segment}' WHERE kind = 'sample'"""
duckdb.sql("SET TimeZone = 'UTC'")
samples, currents = duckdb.sql(query).fetchall()[0]
first = duckdb.sql(f"SELECT strftime(min(received), '%Y-%m-%dT%H:%M:%S.%f') FROM '{segment}'").fetchall()[0][0]
found["duckdb"] = {"samples": samples, "first_received": first[:26] + "+00:00", "currents": currents}

frame = pandas.read_parquet(segment)
of_kind = frame[frame["kind"] == "sample"]
found["pandas"] = {
    "samples": len(of_kind),
    "first_received": frame["received"].min().isoformat(timespec="microseconds"),
    "currents": int(((of_kind["signal"] == "weld-20/current") & (of_kind["value_float"] > 0)).sum()),
}

frame = polars.read_parquet(segment)
of_kind = frame.filter(polars.col("kind") == "sample")
is_current = (polars.col("signal") == "weld-20/current") & (polars.col("value_float") > 0)
found["polars"] = {
    "samples": len(of_kind),
    "first_received": frame["received"].min().isoformat(timespec="microseconds"),
    "currents": len(of_kind.filter(is_current)),
}

samples, has_value_of = 0, ""
with open(mcap, "rb") as file:
    for _, channel, message in make_reader(file).iter_messages():
        if channel.topic == "linetwin/events":
            continue
        samples += 1
        content = json.loads(message.data)
        if channel.topic == "weld-20/current" and content["value"] > 0 and content["quality"] == "good":
            has_value_of = channel.topic
found["mcap"] = {"samples": samples, "has_value_of": has_value_of}

print(json.dumps(found))
