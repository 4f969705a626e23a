"""What an operator does beside deploys: takes services away and brings them back, asks for the books, empties Redis."""

from . import rollout, tasks
from .aws import Failed, say, until

DIMENSION = "ecs:service:DesiredCount"


def chosen(environment, programs):
    """The groups of a deploy, of these programs only."""
    unknown = set(programs) - set(environment.programs())
    if unknown:
        raise Failed(f"there is no program {', '.join(sorted(unknown))}")
    groups = [[program for program in group if not programs or program in programs] for group in environment.order]
    return [group for group in groups if group]


def scaling(aws, environment, group, suspended):
    """Scaling would start again what was stopped."""
    ids = [f"service/{environment.cluster}/{program}" for program in group]
    known = aws.read("application-autoscaling", "describe-scalable-targets", service_namespace="ecs", resource_ids=ids)
    for target in known["ScalableTargets"]:
        aws.change(
            "application-autoscaling", "register-scalable-target", service_namespace="ecs", resource_id=target["ResourceId"],
            scalable_dimension=DIMENSION,
            suspended_state={
                f"{what}Suspended": suspended for what in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
            },
        )


def stop(aws, environment, programs, seconds):
    """No task of these programs is left, callers first; scaling sleeps until `start`."""
    for group in reversed(chosen(environment, programs)):
        scaling(aws, environment, group, True)
        rollout.describe(aws, environment.cluster, group)
        for program in group:
            aws.change("ecs", "update-service", cluster=environment.cluster, service=program, desired_count="0")
        if not aws.dry_run:
            until(f"{', '.join(group)}: stopped", seconds, lambda group=group: gone(aws, environment, group))
        say(f"{', '.join(group)}: stopped")


def gone(aws, environment, group):
    """True when no task is left."""
    services = rollout.describe(aws, environment.cluster, group).values()
    return True if all(service["runningCount"] == 0 and service.get("pendingCount", 0) == 0 for service in services) else None


def start(aws, environment, programs, seconds):
    """The least number of tasks where there is none, the called first; scaling is awake again."""
    for group in chosen(environment, programs):
        wanted = {}
        for program, service in rollout.describe(aws, environment.cluster, group).items():
            if service["desiredCount"] == 0:
                wanted[program] = service["taskDefinition"]
                aws.change(
                    "ecs", "update-service", cluster=environment.cluster, service=program,
                    desired_count=str(environment.tasks[program]),
                )
        if wanted:
            rollout.wait(aws, environment, wanted, seconds)
        scaling(aws, environment, group, False)
        say(f"{', '.join(group)}: started")


def once(aws, environment, name, what):
    """One of the environment's own tasks."""
    one = environment.once[name]
    return tasks.run_once(aws, environment, one["family"], what, security_groups=one["security_groups"])


def audit(aws, environment):
    """Prints what the audit wrote; fails when a law does not hold, or when that can't be known."""
    try:
        arn, failure = once(aws, environment, "audit", "audit"), None
    except tasks.Ended as ended:
        arn, failure = ended.arn, ended
    if arn is not None:
        print(log(aws, environment, "audit", arn))
    if failure:
        raise Failed(str(failure)) from failure


def log(aws, environment, name, arn):
    """What a task that ran once wrote, or where it should stand."""
    group, stream = f"/mall/{environment.name}/{name}", f"{name}/{name}/{arn.rsplit('/', 1)[-1]}"
    try:
        events = aws.read("logs", "get-log-events", log_group_name=group, log_stream_name=stream)["events"]
    except Failed:
        return f"its log can't be read: {group}, {stream}"
    return "\n".join(event["message"] for event in events)
