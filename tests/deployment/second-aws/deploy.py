"""Deploys template.yaml, with the functions that lie in a folder, to an AWS that is not Amazon's.

Does what `sam deploy` does: packs the functions, uploads them, creates the stack; before it, puts the service's secrets into
Parameter Store. Then it adds the routes of the HTTP API,
which this AWS does not read out of the API's body. Prints the API's id and the name of each resource as JSON.
"""

import argparse
import io
import json
import pathlib
import re
import zipfile

import boto3
from samtranslator.yaml_helper import yaml_parse

STACK = "signalbox"
BUCKET = "signalbox-functions"


def packed(folder):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as functions:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        functions.writestr(bootstrap, (folder / "bootstrap").read_bytes())
    return archive.getvalue()


def add_routes(api, processed, resources):
    """The routes that SAM has written into the API's body, each to the function that it names there."""
    gateway = boto3.client("apigatewayv2")
    integrations = {}
    for path, methods in processed["Resources"]["HttpApi"]["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            function = re.search(r"\$\{(\w+)\.Arn\}", uri)[1]
            if function not in integrations:
                arn = boto3.client("lambda").get_function(FunctionName=resources[function])["Configuration"]["FunctionArn"]
                integrations[function] = gateway.create_integration(
                    ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                )["IntegrationId"]
            target = f"integrations/{integrations[function]}"
            key = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            gateway.create_route(ApiId=api, RouteKey=f"{key} {path}", Target=target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--functions", type=pathlib.Path, required=True, help="a folder with NAME/bootstrap of each")
    arguments.add_argument("--parameters", type=pathlib.Path, required=True, help="the template's parameters, as JSON")
    arguments.add_argument("--secrets", type=pathlib.Path, required=True, help="parameters of SSM by their names, as JSON")
    arguments = arguments.parse_args()

    root = pathlib.Path(__file__).parents[3]
    template = yaml_parse((root / "template.yaml").read_text())
    storage = boto3.client("s3")
    storage.create_bucket(Bucket=BUCKET)
    # Without what moves traffic from version to version: there is one version of each function here, and no CodeDeploy.
    shared = template["Globals"]["Function"]
    for name in ("AutoPublishAlias", "DeploymentPreference"):
        shared.pop(name, None)
    beside = ("AWS::CloudWatch::Alarm",)
    template["Resources"] = {name: one for name, one in template["Resources"].items() if one["Type"] not in beside}
    del template["Resources"]["PreTraffic"]
    template["Outputs"] = {name: one for name, one in template["Outputs"].items() if not name.startswith("PreTraffic")}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"].pop("DeploymentPreference", None)
            name = pathlib.Path(resource["Properties"]["CodeUri"]).name
            storage.put_object(Bucket=BUCKET, Key=name, Body=packed(arguments.functions / name))
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{name}"
            # ministack asks for the right to all parameters where several are read at once; AWS asks for each.
            for policy in resource["Properties"].get("Policies", []):
                for statement in policy["Statement"]:
                    if statement["Action"] == "ssm:GetParameters":
                        statement["Resource"] = "*"

    for name, value in json.loads(arguments.secrets.read_text()).items():
        boto3.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")

    stacks = boto3.client("cloudformation")
    parameters = json.loads(arguments.parameters.read_text())

    def create(parameters):
        stacks.create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 300})

    try:
        create({**parameters, "Stage": "local"})
    except stacks.exceptions.ClientError as refused:
        if "Stage" not in str(refused):
            raise
    else:
        raise SystemExit("a stack with Stage=local was deployed")
    create(parameters)

    resources = {}
    for page in stacks.get_paginator("list_stack_resources").paginate(StackName=STACK):
        for resource in page["StackResourceSummaries"]:
            resources[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
    processed = stacks.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    add_routes(resources["HttpApi"], processed, resources)
    print(json.dumps(resources, indent=2))


main()
