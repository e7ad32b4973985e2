"""A table with a column of each kind that historians have, as pandas writes it by default."""

import sys

import pandas

pandas.DataFrame(
    {
        "time": pandas.to_datetime(["2026-11-23T07:00:00.000+01:00", "2026-11-23T07:00:00.250+01:00"]).as_unit("us"),
        "current": [11.5, 12.25],
        "count": pandas.array([3, None], dtype="Int64"),
        "variant": ["EV1", "EV2"],
        "active": [True, False],
    }
).to_parquet(sys.argv[1])
