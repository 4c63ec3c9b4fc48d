"""Checks the workflows of .github/: that they call what there is, pin what they use, and may do no more than they need."""

import json
import os
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github/workflows"
# An action at a commit: a tag can be moved to another.
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
# The repository's own commands, by the folders that they are in.
OWN = re.compile(r"(?<![\w/.-])(?:infra/deploy|tests|\.ci)/[\w/.-]+")


def expect(holds, what):
    if not holds:
        raise SystemExit(f"tests/deployment/workflows.py: {what}")


def check(file, called):
    workflow = yaml.safe_load(file.read_text())
    # YAML reads `on` as true.
    expect(True in workflow and workflow["permissions"] == {"contents": "read"}, f"{file.name} may do more than read, or never runs")
    for name, job in workflow["jobs"].items():
        where = f"{file.name}: {name}"
        allowed = job.get("permissions", {})
        deploys = "environment" in job or job.get("uses") == "./.github/workflows/stage.yml"
        expect(allowed == ({"contents": "read", "id-token": "write"} if deploys else {}), f"{where} has the permissions {allowed}")
        if "uses" in job:
            expect((ROOT / job["uses"]).is_file(), f"{where} uses {job['uses']}, which is not there")
            continue
        expect("timeout-minutes" in job, f"{where} may take for ever")
        for step in job["steps"]:
            if "uses" in step:
                expect(PINNED.fullmatch(step["uses"]), f"{where} uses {step['uses']} and no commit of it")
                continue
            expect("${{" not in step["run"], f"{where} writes a value into a command: {step['run']}")
            for script in OWN.findall(step["run"]):
                expect(os.access(ROOT / script, os.X_OK), f"{where} calls {script}, which is not there or cannot be run")
                called.add(script)
    return workflow


def main():
    called = set()
    workflows = {file.name: check(file, called) for file in sorted(WORKFLOWS.glob("*.yml"))}
    concurrency = workflows["deploy.yml"]["concurrency"]
    expect(concurrency["cancel-in-progress"] is False, "a deployment is cut off by the next")
    jobs = workflows["deploy.yml"]["jobs"]
    expect(set(jobs["staging"]["needs"]) == {"test", "build"} and jobs["production"]["needs"] == "staging", "stages are passed over")
    steps = {f"infra/deploy/{file.name}" for file in (ROOT / "infra/deploy").iterdir() if os.access(file, os.X_OK) and file.is_file()}
    expect(steps <= called, f"no workflow calls {sorted(steps - called)}")
    for step in sorted(steps):
        said = subprocess.run([ROOT / step, "--help"], capture_output=True, text=True)
        expect(said.returncode == 0 and f"usage: {step}" in said.stdout, f"{step} --help says {said.stdout or said.stderr}")
    at_once = int(re.search(r"infra/deploy/load .*--concurrency (\d+)", (WORKFLOWS / "stage.yml").read_text())[1])
    reserved = json.loads((ROOT / "infra/stages/staging.json").read_text())["WebhooksConcurrency"]
    # Where each request finds an instance that starts, none may be left over for the last: it would be throttled, which is no 2xx.
    expect(reserved == "" or int(reserved) > at_once, f"staging reserves {reserved} instances, and {at_once} requests come at once")
    print(f"{len(workflows)} workflows call {len(called)} scripts")


main()
