"""The parameters of the stack that watches, out of what the stage's stack was given and came to, and of what is said of it alone. A later value
counts. Prints a line NAME=VALUE for each that has one, and fails where one is missing, unknown, or not allowed."""

import argparse
import json
import pathlib

from samtranslator.yaml_helper import yaml_parse


CONCURRENCIES = ["WebhooksConcurrency", "LiveLogsConcurrency"]


def read(file):
    return {name: str(value) for name, value in json.loads(file.read_text()).items()}


def values_of(parameters, arguments):
    values = {}
    # Of the service's stack, whose other values and outputs are none of this one's.
    for file in [arguments.outputs, *arguments.shared]:
        values |= {name: value for name, value in read(file).items() if name in parameters}
    # Empty there is unlimited: as many as the account has.
    unlimited = [name for name in CONCURRENCIES if values.get(name) == ""]
    for file in arguments.values:
        values |= read(file)
    values |= dict(one.split("=", 1) for one in arguments.given)
    account = values.get("AccountConcurrency", parameters["AccountConcurrency"]["Default"])
    return values | {name: str(account) for name in unlimited if not values[name]}


def problems_of(parameters, values):
    for name in sorted(set(values) - set(parameters)):
        yield f"there is no parameter {name}"
    for name, parameter in parameters.items():
        value = values.get(name, parameter.get("Default"))
        if value is None:
            yield f"{name} has no value"
        elif value not in parameter.get("AllowedValues", [value]):
            yield f"{name} is {value}, and may be {', '.join(parameter['AllowedValues'])}"
    for name, value in values.items():
        if "\n" in value:
            yield f"{name} has several lines"
    # Staging may be silent. In production nobody would know that nobody is told.
    if values.get("Stage") == "production" and not values.get("AlarmEmail", "").strip():
        yield "production has no AlarmEmail: give AlarmEmail=…, or set ALARM_EMAIL"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--template", type=pathlib.Path, required=True)
    arguments.add_argument("--outputs", type=pathlib.Path, required=True, help="of the stack that is watched")
    arguments.add_argument("--shared", type=pathlib.Path, action="append", default=[], help="values of the parameters of that stack")
    arguments.add_argument("--values", type=pathlib.Path, action="append", default=[], help="values of this stack's parameters")
    arguments.add_argument("given", nargs="*", metavar="NAME=VALUE")
    arguments = arguments.parse_args()
    parameters = yaml_parse(arguments.template.read_text())["Parameters"]
    values = values_of(parameters, arguments)
    if problems := list(problems_of(parameters, values)):
        raise SystemExit("\n".join(f"infra/deploy/watched.py: {problem}" for problem in problems))
    for name, value in sorted(values.items()):
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
