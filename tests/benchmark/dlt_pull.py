"""Pulls a vendor's lists with dlt's REST source and merges them into DuckDB, twice, and prints the CPU seconds of each as JSON.

Arguments: the API's address, its key, rows a page, and for each list ENTITY=ROWS. The source is configured as dlt's own documentation
does it. Importing dlt and creating the pipeline are not counted; a load's CPU is this process's and that of any child it has waited for.
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
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402


def source(base_url, key, page_rows, entities):
    return rest_api_source(
        {
            "client": {
                "base_url": base_url + "/",
                "auth": {"type": "bearer", "token": key},
                # The vendor says how many rows there are and not how many pages: a list ends with an empty page.
                "paginator": PageNumberPaginator(base_page=1, page_param="page_number", total_path=None),
            },
            "resource_defaults": {
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {"params": {"page_size": page_rows}, "data_selector": "data"},
            },
            "resources": list(entities),
        },
        name="vendor",
    )


def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main(base_url, key, page_rows, *lists):
    entities = {name: int(rows) for name, rows in (text.split("=") for text in lists)}
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=os.path.join(folder, "pipelines"),
            destination=dlt.destinations.duckdb(os.path.join(folder, "benchmark.duckdb")),
            dataset_name="vendor",
        )
        measured = {}
        for name in ("first_load", "nothing_changed"):
            lists_of_vendor = source(base_url, key, int(page_rows), entities)
            before = cpu()
            pipeline.run(lists_of_vendor).raise_on_failed_jobs()
            measured[name] = cpu() - before
        with pipeline.sql_client() as client:
            for entity, expected in entities.items():
                stored = client.execute_sql(f"SELECT count(*) FROM {entity}")[0][0]
                if stored != expected:
                    sys.exit(f"dlt stored {stored} {entity} of {expected}")
        # Kibibytes, on Linux.
        measured["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        json.dump(measured, sys.stdout)


main(*sys.argv[1:])
