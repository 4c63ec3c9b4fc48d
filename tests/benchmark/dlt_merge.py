"""Merges an NDJSON catalogue into DuckDB with dlt, twice, and prints the CPU seconds of each and its peak memory as JSON.

The extraction is a generator over parsed lines, as dlt's own tutorials do it. Importing dlt and creating the
pipeline are not counted; a load's CPU is this process's and that of any child it has waited for.
"""

import json
import os
import resource
import sys
import tempfile

# Nothing about this run leaves the machine.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402


def rows(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main(path):
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=os.path.join(folder, "pipelines"),
            destination=dlt.destinations.duckdb(os.path.join(folder, "benchmark.duckdb")),
            dataset_name="catalogue",
        )
        seconds = {}
        for name in ("first_load", "nothing_changed"):
            resource_of_rows = dlt.resource(
                rows(path), name="products", primary_key="catalogId", write_disposition="merge"
            )
            before = cpu()
            pipeline.run(resource_of_rows).raise_on_failed_jobs()
            seconds[name] = cpu() - before
        with pipeline.sql_client() as client:
            stored = client.execute_sql("SELECT count(*) FROM products")[0][0]
        with open(path, encoding="utf-8") as lines:
            expected = sum(1 for _ in lines)
        if stored != expected:
            sys.exit(f"dlt stored {stored} rows of {expected}")
        seconds["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        json.dump(seconds, sys.stdout)


main(sys.argv[1])
