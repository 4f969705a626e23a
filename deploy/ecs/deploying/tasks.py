"""Task definitions and tasks that run once."""

import re

from .aws import Failed, say, until

# What describe-task-definition tells and register-task-definition does not want to hear.
TOLD_ONLY = {
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
    "deregisteredAt", "enableFaultInjection",
}

class Ended(Failed):
    """A task that ended badly, and which one it was."""

    def __init__(self, text, arn):
        super().__init__(text)
        self.arn = arn


DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}$")


def by_digest(images):
    """Refuses a name that could mean another image tomorrow."""
    for program, image in images.items():
        if not DIGEST.match(image):
            raise Failed(f"the image of {program} is not named by its digest: {image}")
    return images


def render(definition, image):
    """The newest revision of a family with another image: what Terraform changed since the last deploy is in it."""
    fresh = {key: value for key, value in definition.items() if key not in TOLD_ONLY and value not in (None, [])}
    if len(fresh["containerDefinitions"]) != 1:
        raise Failed(f"{definition['family']} has more than one container")
    fresh["containerDefinitions"] = [{**fresh["containerDefinitions"][0], "image": image}]
    return fresh


def register(aws, family, image):
    """Registers it, unless the newest revision has this image already; its ARN."""
    newest = aws.read("ecs", "describe-task-definition", task_definition=family)["taskDefinition"]
    if newest["containerDefinitions"][0]["image"] == image:
        return newest["taskDefinitionArn"]
    made = aws.change("ecs", "register-task-definition", cli_input_json=render(newest, image))
    return made.get("taskDefinition", {}).get("taskDefinitionArn", f"{family}:dry-run")


def run_once(aws, environment, task_definition, what, seconds=900, security_groups=None):
    """Runs a task and waits for its end; its ARN. Anything but exit code 0 is a failure, and so is none."""
    network = {
        "awsvpcConfiguration": {
            "subnets": environment.network["subnets"],
            "securityGroups": security_groups or environment.network["security_groups"],
            "assignPublicIp": "DISABLED",
        }
    }
    say(f"{what}: runs")
    started = aws.change(
        "ecs", "run-task", cluster=environment.cluster, task_definition=task_definition, launch_type="FARGATE", count="1",
        network_configuration=network, started_by="mall-deploy",
    )
    if aws.dry_run:
        return None
    if started.get("failures") or not started.get("tasks"):
        raise Failed(f"{what}: ECS does not start the task: {started.get('failures')}")
    arn = started["tasks"][0]["taskArn"]

    def ended():
        task = aws.read("ecs", "describe-tasks", cluster=environment.cluster, tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else None

    try:
        task = until(what, seconds, ended)
    except Failed:
        # Not left to change a schema after we said that it failed.
        aws.change("ecs", "stop-task", cluster=environment.cluster, task=arn, reason="took too long")
        raise
    code = task["containers"][0].get("exitCode")
    if code != 0:
        reason = task["containers"][0].get("reason") or task.get("stoppedReason") or "no reason given"
        raise Ended(f"{what}: exit code {code} ({reason}); its log says why", arn)
    say(f"{what}: done")
    return arn
