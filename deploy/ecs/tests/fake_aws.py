#!/usr/bin/env python3
"""Stands for the AWS command line in tests: an ECS in a JSON file, whose services fail as the test says."""

import json
import os
import pathlib
import sys

STATE = pathlib.Path(os.environ["FAKE_AWS"])
words = sys.argv[1:]
service, call, rest = words[0], words[1], words[2:]
options = {}
name = None
for word in rest:
    if word.startswith("--"):
        name = word[2:]
        options[name] = []
    else:
        options[name].append(word)


def one(key):
    return options[key][0]


state = json.loads(STATE.read_text())
state["calls"].append(f"{service} {call} {(options.get('service') or options.get('task-definition') or options.get('name') or options.get('resource-id') or [''])[0]}".strip())
answer = {}
if call == "get-parameter":
    if one("name") not in state["parameters"]:
        STATE.write_text(json.dumps(state))
        sys.exit("An error occurred (ParameterNotFound)")
    answer = {"Parameter": {"Value": state["parameters"][one("name")]}}
elif call == "put-parameter":
    state["parameters"][one("name")] = one("value")
elif call == "describe-task-definition":
    answer = {"taskDefinition": state["definitions"][one("task-definition")][-1]}
elif call == "register-task-definition":
    made = json.loads(one("cli-input-json"))
    assert "revision" not in made and "status" not in made, "what is told only must not be sent"
    revisions = state["definitions"][made["family"]]
    revisions.append({**made, "taskDefinitionArn": f"arn:task-definition/{made['family']}:{len(revisions) + 1}", "revision": len(revisions) + 1})
    answer = {"taskDefinition": revisions[-1]}
elif call == "run-task":
    state["networks"] = [*state.get("networks", []), one("network-configuration")]
    answer = {"tasks": [{"taskArn": "arn:task/" + one("task-definition").rsplit("/", 1)[-1]}]}
elif call == "describe-tasks":
    arn = one("tasks")
    container = {"exitCode": 1} if any(bad in arn for bad in state["bad_tasks"]) else {"exitCode": 0}
    if arn.rsplit("/", 1)[-1].startswith("silent"):
        container = {}
    answer = {"tasks": [{"lastStatus": "STOPPED", "containers": [container]}]}
elif call == "describe-scalable-targets":
    answer = {"ScalableTargets": [{"ResourceId": each} for each in options["resource-ids"] if each in state["scaling"]]}
elif call == "register-scalable-target":
    state["scaling"][one("resource-id")] = json.loads(one("suspended-state"))
elif call == "get-log-events":
    if "logs" not in state:
        STATE.write_text(json.dumps(state))
        sys.exit("An error occurred (ResourceNotFoundException)")
    answer = {"events": [{"message": each} for each in state["logs"]]}
elif call == "describe-services":
    answer = {"services": [state["services"][each] for each in options["services"] if each in state["services"]]}
elif call == "update-service":
    wanted = state["services"][one("service")]
    if "desired-count" in options:
        wanted["desiredCount"] = int(one("desired-count"))
    if "task-definition" in options:
        revision, was = one("task-definition"), wanted["taskDefinition"]
        # The circuit breaker: a bad revision is taken back at once.
        bad = revision in state["bad_revisions"]
        wanted["taskDefinition"] = was if bad else revision
    wanted["runningCount"] = wanted["desiredCount"]
    wanted["deployments"] = [{"status": "PRIMARY", "taskDefinition": wanted["taskDefinition"], "rolloutState": "COMPLETED"}]
STATE.write_text(json.dumps(state))
print(json.dumps(answer))
