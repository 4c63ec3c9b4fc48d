"""The parameters of the stack that watches: template, outputs of the stack that is watched, a file of values, and NAME=VALUE; the later
counts. Prints a line NAME=VALUE for each parameter that has a value, and fails where one needs it and has none."""

import json
import pathlib
import sys

from samtranslator.yaml_helper import yaml_parse


def main(template, outputs, file, *given):
    parameters = yaml_parse(pathlib.Path(template).read_text())["Parameters"]
    values = json.loads(pathlib.Path(outputs).read_text())
    values = {name: value for name, value in values.items() if name in parameters}
    if pathlib.Path(file).exists():
        values |= json.loads(pathlib.Path(file).read_text())
    values |= dict(one.split("=", 1) for one in given)
    unknown = sorted(set(values) - set(parameters))
    missing = sorted(name for name, one in parameters.items() if "Default" not in one and name not in values)
    if unknown or missing:
        raise SystemExit(f"infra/deploy/watched.py: unknown {unknown}, without a value {missing}")
    for name, value in sorted(values.items()):
        print(f"{name}={value}")


if __name__ == "__main__":
    main(*sys.argv[1:])
