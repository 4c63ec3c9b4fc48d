"""Makes of template.yaml what is deployed: plain CloudFormation, with what SAM cannot say.

SAM gives each route of a function a statement of its own in that function's policy, which may have 20 KB: some fifty routes. Here each
function has one statement, for the whole HTTP API. And SAM makes a new version of a function when its code changes, or the text of its
variables, in which a parameter is only named: here also when the value of a parameter changes that it is told of, so that a setting goes
out, and comes back, as code does.

What `sam build` made is read, and a JSON file written, in which the functions' code is named by its folders: `sam deploy` uploads it. Beside
it are written the values of its parameters, as `sam deploy` reads them: it takes no JSON, so the file is called YAML, which JSON is as well.
"""

import argparse
import copy
import hashlib
import json
import logging
import os
import pathlib
import sys

# The translator asks for the region where a name in it depends on the partition alone.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samtranslator.intrinsics.actions import RefAction, SubAction  # noqa: E402
from samtranslator.intrinsics.resolver import IntrinsicsResolver  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]
FUNCTION = "AWS::Serverless::Function"
# Of a function's properties, those by which nothing changes that it does: another route or alarm needs no new version.
BESIDE = ("CodeUri", "Events", "DeploymentPreference")


def values_of(template, given):
    """The parameters' values, all as text: those that are given, else the defaults."""
    unknown = sorted(set(given) - set(template["Parameters"]))
    if unknown:
        raise SystemExit(f"infra/deploy/template.py: template.yaml has no parameter {', '.join(unknown)}")
    values = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
    return values | {name: str(value) for name, value in given.items()}


def version_of(code, properties, values):
    """What tells a function's version from others: its code, and its properties with the values that they have."""
    resolver = IntrinsicsResolver(values, {"Ref": RefAction(), "Fn::Sub": SubAction()})
    text = json.dumps(resolver.resolve_parameter_refs(copy.deepcopy(properties)), sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for file in sorted(code.rglob("*")) if code.is_dir() else []:
        if file.is_file():
            digest.update(str(file.relative_to(code)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:10]


def one_permission_each(resources):
    """One permission for each function that the HTTP API invokes, in place of one for each route."""
    of_routes = {}
    for name, resource in list(resources.items()):
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Permission" and properties["Principal"] == "apigateway.amazonaws.com":
            of_routes.setdefault(json.dumps(properties["FunctionName"]), []).append(resources.pop(name))
    for permissions in of_routes.values():
        permission = permissions[0]
        alias = permission["Properties"]["FunctionName"]["Ref"]
        permission["Properties"]["SourceArn"] = {
            "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*"
        }
        resources[f"{alias}ApiPermission"] = permission


def without_idle_rights(resources, values):
    """Takes back the rights to X-Ray, which SAM gives every function that names a mode of tracing, also where nothing is traced."""
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role" and values["Tracing"] != "Active":
            policies = resource["Properties"].get("ManagedPolicyArns", [])
            policies[:] = [policy for policy in policies if "xray" not in json.dumps(policy).lower()]


def say_that_no_alarm_counts(resources):
    """Says where no alarm takes a release back that none does: SAM leaves that empty, and CodeDeploy is not said to drop what it had."""
    for resource in resources.values():
        if resource["Type"] == "AWS::CodeDeploy::DeploymentGroup":
            chosen = resource["Properties"]["AlarmConfiguration"]["Fn::If"]
            if chosen[2] == {}:
                chosen[2] = {"Enabled": False, "Alarms": []}


def marked(text, given, folder):
    """The template with a mark for each function by which its version is known, its parameters' values, and where each one's code is:
    below `folder`, as CodeUri says."""
    template = yaml_parse(text)
    values = values_of(template, given)
    shared = template.get("Globals", {}).get("Function", {})
    code = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == FUNCTION:
            properties = resource["Properties"]
            code[name] = folder / properties["CodeUri"]
            does = [{of: value for of, value in part.items() if of not in BESIDE} for part in (shared, properties)]
            # SAM puts it into the description too: Lambda publishes nothing where nothing has changed.
            properties["AutoPublishCodeSha256"] = version_of(code[name], does, values)
    return template, values, code


def transform(text, given, folder):
    """The template of CloudFormation."""
    template, values, code = marked(text, given, folder)
    for name in code:
        # The translator knows S3 alone.
        template["Resources"][name]["Properties"]["CodeUri"] = f"s3://replaced/{name}"
    translated = Translator({}, Parser()).translate(template, values)
    resources = translated["Resources"]
    one_permission_each(resources)
    without_idle_rights(resources, values)
    say_that_no_alarm_counts(resources)
    for name, place in code.items():
        resources[name]["Properties"]["Code"] = str(place)
    return translated


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--parameters", type=pathlib.Path, action="append", default=[], metavar="FILE",
                           help="values of parameters, as a JSON object; of two files the later counts")
    arguments.add_argument("--source", type=pathlib.Path, default=ROOT / ".aws-sam/build/template.yaml",
                           help="what sam build made (default: %(default)s)")
    arguments.add_argument("--out", type=pathlib.Path, default=ROOT / ".aws-sam/deploy/template.json",
                           help="what is written (default: %(default)s)")
    arguments = arguments.parse_args()
    logging.disable(logging.CRITICAL)

    if not arguments.source.is_file():
        raise SystemExit(f"infra/deploy/template.py: there is no {arguments.source}: infra/deploy/build makes it")
    given = {}
    for file in arguments.parameters:
        given |= json.loads(file.read_text())
    translated = transform(arguments.source.read_text(), given, arguments.source.parent.resolve())
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(translated, indent=1))
    # Some are secret.
    parameters = arguments.out.with_name("parameters.yaml")
    parameters.touch(mode=0o600)
    parameters.write_text(json.dumps({name: str(value) for name, value in given.items()}, indent=1))
    versions = sum(resource["Type"] == "AWS::Lambda::Version" for resource in translated["Resources"].values())
    print(f"{arguments.out}: {len(translated['Resources'])} resources, {versions} versions", file=sys.stderr)


if __name__ == "__main__":
    main()
