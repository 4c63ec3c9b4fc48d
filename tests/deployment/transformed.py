"""Checks what template.yaml comes to in CloudFormation, without an account: its limits, and that a release can be taken back.

Whatever invokes a function does so by its alias; each alias has a deployment group with the hook and alarms; a release is over before the
credentials of whoever deploys it; a version is made when a function's code or a value that it is told of changes, and at no other time;
and nothing goes in a circle, which CloudFormation finds only when it is deployed.
"""

import json
import logging
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "infra/deploy"))
from template import marked, transform, yaml_parse  # noqa: E402

HOOK = "PreTraffic"
# CloudFormation's quotas, of a template that is uploaded to S3.
LIMITS = {"resources": 500, "parameters": 200, "outputs": 200, "bytes": 1_000_000}
# Lambda's, of what is written in a function's own policy.
POLICY_BYTES_MAX = 20_480
# A statement, with the longest names and ids: `aws lambda get-policy` shows them.
STATEMENT_BYTES = 520


# What a role lets one stay for an hour is used up by, beside tables and uploads: minutes.
ROLL_OUT_MAX = 45
# The waves that docs/rollout.md tells of.
WAVES = 3


def of_type(resources, kind):
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def expect(holds, what):
    if not holds:
        raise SystemExit(f"tests/deployment/transformed.py: {what}")


def references(value):
    """The logical ids that a value names."""
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref":
                yield one
            elif key == "Fn::GetAtt":
                yield one[0] if isinstance(one, list) else one.split(".")[0]
            elif key == "Fn::Sub":
                text = one[0] if isinstance(one, list) else one
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text))
                yield from references(one[1:] if isinstance(one, list) else [])
            elif key == "DependsOn":
                yield from [one] if isinstance(one, str) else one
            else:
                yield from references(one)


def in_a_circle(resources):
    """The first circle of references, or nothing."""
    named = {name: {one for one in references(resource) if one in resources} for name, resource in resources.items()}
    done = set()

    def visit(name, path):
        if name in path:
            return [*path[path.index(name):], name]
        if name not in done:
            for other in sorted(named[name]):
                if circle := visit(other, [*path, name]):
                    return circle
            done.add(name)
        return None

    return next(filter(None, (visit(name, []) for name in named)), None)


def check_limits(translated):
    sizes = {
        "resources": len(translated["Resources"]),
        "parameters": len(translated["Parameters"]),
        "outputs": len(translated["Outputs"]),
        "bytes": len(json.dumps(translated)),
    }
    for what, limit in LIMITS.items():
        expect(sizes[what] <= limit, f"{sizes[what]} {what}, where {limit} may be")
    statements = {}
    for permission in of_type(translated["Resources"], "AWS::Lambda::Permission").values():
        function = json.dumps(permission["FunctionName"])
        statements[function] = statements.get(function, 0) + 1
    for function, count in statements.items():
        expect(count * STATEMENT_BYTES <= POLICY_BYTES_MAX, f"{count} statements in the policy of {function}")
    return sizes


def check_roll_out(resources):
    functions = of_type(resources, "AWS::Lambda::Function")
    groups = of_type(resources, "AWS::CodeDeploy::DeploymentGroup")
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    own_names = {json.dumps(alarm["AlarmName"]) for alarm in alarms.values() if "AlarmName" in alarm}
    expect(HOOK in functions and len(functions) > 1, f"there is no function {HOOK}")
    name = functions[HOOK]["FunctionName"]["Fn::Sub"]
    expect(name.startswith("CodeDeployHook_"), f"CodeDeploy may not invoke a hook of the name {name}")
    for function in functions:
        alias = resources.get(f"{function}Aliaslive")
        expect(alias is not None, f"{function} has no alias")
        if function == HOOK:
            expect("UpdatePolicy" not in alias, f"{HOOK} would have to let itself in")
            continue
        update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        expect(update["BeforeAllowTrafficHook"] == {"Ref": HOOK}, f"{function} has no hook")
        group = groups[update["DeploymentGroupName"]["Ref"]]
        expect("DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"], f"{function} stays where an alarm rings")
        condition, wanted, otherwise = group["AlarmConfiguration"]["Fn::If"]
        expect((condition, otherwise) == ("RolloutAlarmsWanted", {"Enabled": False, "Alarms": []}), f"the alarms of {function} are not those of a parameter")
        named = [alarm["Name"] for alarm in wanted.get("Alarms", [])]
        missing = [alarm for alarm in named if alarm.get("Ref") not in alarms and json.dumps(alarm) not in own_names]
        expect(named and wanted["Enabled"] and not missing, f"{function} is taken back by alarms that are not there: {missing}")
        errors = alarms[f"{function}Errors"]
        expect({"Ref": f"{function}Errors"} in named, f"errors of {function} do not take it back")
        version = alias["Properties"]["FunctionVersion"]
        watched = {dimension["Name"]: dimension["Value"] for dimension in errors["Dimensions"]}
        expect(watched["ExecutedVersion"] == version, f"the alarm of {function} watches another version")
    expect(all(alarm.get("TreatMissingData") for alarm in alarms.values()), "an alarm leaves open what no data means")


def minutes(preference):
    """How long CodeDeploy moves traffic, by its own configurations' names."""
    every = re.search(r"Every(\d+)Minute", preference)
    after = re.search(r"Percent(\d+)Minutes", preference)
    return 10 * int(every[1]) if every else int(after[1]) if after else 0


def check_how_long(template, resources):
    """For each roll-out that there is: an alias goes once those have gone that it needs, by whatever it needs them."""
    usual = json.dumps(template["Parameters"]["Rollout"]["Default"])

    def needs(name, took, waves):
        """How many waves and minutes pass until something is there, where what takes the usual roll-out takes so many minutes."""
        if name not in waves:
            before = [needs(one, took, waves) for one in set(references(resources[name])) if one in resources]
            wave, spent = max((one[0] for one in before), default=0), max((one[1] for one in before), default=0)
            if update := resources[name].get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate"):
                moves = json.dumps(resources[update["DeploymentGroupName"]["Ref"]]["Properties"]["DeploymentConfigName"])
                wave, spent = wave + 1, spent + (took if usual in moves else minutes(moves))
            waves[name] = wave, spent
        return waves[name]

    for rollout in template["Parameters"]["Rollout"]["AllowedValues"]:
        waves = {}
        last = max(needs(name, minutes(rollout), waves)[0] for name in resources)
        spent = max(minutes for _, minutes in waves.values())
        expect(last == WAVES, f"functions go in {last} waves, and docs/rollout.md says {WAVES}")
        expect(spent <= ROLL_OUT_MAX, f"{rollout} takes {spent} minutes, of {ROLL_OUT_MAX}")


def check_rights(text, resources):
    """Nothing of X-Ray where nothing is traced, and what it needs where something is."""
    def traced(resources):
        return [name for name, role in of_type(resources, "AWS::IAM::Role").items() if "xray" in json.dumps(role).lower()]

    expect(not traced(resources), f"{traced(resources)} may write to X-Ray, which is off")
    expect(traced(transform(text, {"Tracing": "Active"}, ROOT)["Resources"]), "nothing may write to X-Ray, which is on")


def check_alias_is_invoked(resources):
    aliases = {f"{name}Aliaslive" for name in of_type(resources, "AWS::Lambda::Function")}
    invoked = []
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        invoked.append((name, mapping["FunctionName"]))
    for name, schedule in of_type(resources, "AWS::Scheduler::Schedule").items():
        invoked.append((name, schedule["Target"]["Arn"]))
    for name, url in of_type(resources, "AWS::Lambda::Url").items():
        invoked.append((name, url["TargetFunctionArn"]))
    for name, permission in of_type(resources, "AWS::Lambda::Permission").items():
        invoked.append((name, permission["FunctionName"]))
    for name, rule in of_type(resources, "AWS::Events::Rule").items():
        targets = [target["Arn"] for target in rule["Targets"]]
        # The others are queues.
        invoked.extend((name, target) for target in targets if "Ref" in target)
    for name, value in invoked:
        expect(value.get("Ref") in aliases, f"{name} invokes {value} and no alias")
    routes = 0
    for path, methods in resources["HttpApi"]["Properties"]["Body"]["paths"].items():
        for operation in methods.values():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            named = re.findall(r"\$\{(\w+)\}", uri)
            expect(aliases & set(named), f"{path} invokes no alias: {uri}")
            routes += 1
    expect(len(invoked) > 10 and routes > 100, "the check looks in the wrong place")
    return routes


def check_versions(text, resources):
    """By the marks, which SAM makes the versions' names of."""
    def marks(**given):
        template, _, code = marked(text, given, ROOT)
        return {name: template["Resources"][name]["Properties"]["AutoPublishCodeSha256"] for name in code}

    before = marks()
    named = {f"{name}Version{mark}" for name, mark in before.items()}
    expect(set(of_type(resources, "AWS::Lambda::Version")) == named, "versions have other names than their marks")

    def changed(**given):
        return {name for name, mark in marks(**given).items() if mark != before[name]}

    expect(not changed(ThrottlingRate=7, Rollout="AllAtOnce", NightlySchedule="rate(1 day)"),
           "what no function is told of makes new versions")
    expect(changed(DigestFrom="signalbox@shop.example") == {"Digests"}, "what one is told of makes other versions than its own")
    expect(changed(LogLevel="debug") == set(before), "what all are told of leaves some as they were")


def main():
    logging.disable(logging.CRITICAL)
    text = (ROOT / "template.yaml").read_text()
    translated = transform(text, {}, ROOT)
    resources = translated["Resources"]
    sizes = check_limits(translated)
    check_roll_out(resources)
    check_rights(text, resources)
    check_how_long(yaml_parse(text), resources)
    routes = check_alias_is_invoked(resources)
    circle = in_a_circle(resources)
    expect(not circle, f"goes in a circle: {' -> '.join(circle or [])}")
    expect("ReservedConcurrentExecutions" in resources["Webhooks"]["Properties"], "webhooks reserves nothing")
    check_versions(text, resources)
    print(", ".join(f"{size} {what} of {LIMITS[what]}" for what, size in sizes.items()) + f"; {routes} routes")


if __name__ == "__main__":
    main()
