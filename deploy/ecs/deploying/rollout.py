"""Services, one group after the other, and the way back."""

from .aws import Failed, say, until


def describe(aws, cluster, programs):
    """Program to its service."""
    found = aws.read("ecs", "describe-services", cluster=cluster, services=list(programs))
    services = {service["serviceName"]: service for service in found["services"] if service.get("status") == "ACTIVE"}
    missing = [program for program in programs if program not in services]
    if missing:
        raise Failed(f"there is no service of {', '.join(missing)} in {cluster}")
    return services


def update(aws, environment, program, revision, service):
    """Asks for a revision; a service that has no task yet gets its least number."""
    options = {"cluster": environment.cluster, "service": program, "task_definition": revision}
    if service["desiredCount"] == 0:
        options["desired_count"] = str(environment.tasks[program])
    aws.change("ecs", "update-service", **options)


def verdict(service, revision):
    """None while it is being rolled out, True when all its tasks are of this revision, else why not."""
    primary = next((d for d in service["deployments"] if d["status"] == "PRIMARY"), None)
    if primary is None:
        return None
    if primary["taskDefinition"] != revision:
        return primary.get("rolloutStateReason") or "ECS took the deployment back"
    state = primary.get("rolloutState")
    if state == "FAILED":
        return primary.get("rolloutStateReason") or "the deployment failed"
    settled = len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"]
    return True if settled and state in (None, "COMPLETED") else None


def wait(aws, environment, wanted, seconds):
    """Waits until every service of `wanted` (program to revision) is settled; fails with the first that is not to be."""
    if aws.dry_run:
        return

    def settled():
        waiting = []
        for program, service in describe(aws, environment.cluster, wanted).items():
            answer = verdict(service, wanted[program])
            if answer is None:
                waiting.append(program)
            elif answer is not True:
                raise Failed(f"{program}: {answer}")
        return None if waiting else True

    until(f"{', '.join(wanted)}: rolled out", seconds, settled)


def roll(aws, environment, revisions, seconds=1200, order=None):
    """Brings all programs to `revisions`. Groups follow each other; the programs of one go at the same time. When one fails,
    everything that was changed goes back, callers first, and the failure is told."""
    before = {}
    try:
        for group in order or environment.order:
            services = describe(aws, environment.cluster, group)
            wanted = {}
            for program in group:
                if services[program]["taskDefinition"] == revisions[program] and services[program]["desiredCount"] > 0:
                    say(f"{program}: is there already")
                    continue
                before[program] = services[program]
                wanted[program] = revisions[program]
                update(aws, environment, program, revisions[program], services[program])
                say(f"{program}: {short(services[program]['taskDefinition'])} -> {short(revisions[program])}")
            if wanted:
                wait(aws, environment, wanted, seconds)
                say(f"{', '.join(wanted)}: settled")
    except Failed as failure:
        back(aws, environment, before, seconds)
        raise Failed(f"{failure}. What had been changed was taken back") from failure
    return before


def back(aws, environment, before, seconds):
    """Returns services to what they were, the last changed first. A service that had no task has none again."""
    for program in reversed(list(before)):
        say(f"{program}: back to {short(before[program]['taskDefinition'])}")
        aws.change(
            "ecs", "update-service", cluster=environment.cluster, service=program,
            task_definition=before[program]["taskDefinition"], desired_count=str(before[program]["desiredCount"]),
        )
    wanted = {program: service["taskDefinition"] for program, service in before.items()}
    if wanted:
        wait(aws, environment, wanted, seconds)


def short(arn):
    """family:revision."""
    return arn.rsplit("/", 1)[-1]
