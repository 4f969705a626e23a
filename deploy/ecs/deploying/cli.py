"""The command line."""

import argparse
import datetime
import json
import pathlib
import sys

from . import operate, rollout, smoke, tasks
from .aws import Aws, Failed, say
from .environment import Environment

HELP = """\
Brings images into one environment of the mall, or back.

  mall-deploy --environment mall-staging release --images images.tfvars.json --commit abc123
      migrations, then all services in order, then the smoke test; what fails is taken back
  mall-deploy --environment mall-staging rollback
      the release before this one; schemas stay (each works beside the release before)

Needs the AWS command line with credentials, and Python 3.9. Exit codes: 0 done, 1 failed and taken back, 2 wrong words.
"""


def main(words):
    """Runs one command."""
    arguments = parser().parse_args(words)
    aws = Aws(dry_run=arguments.dry_run)
    try:
        environment = Environment(aws, arguments.environment)
        arguments.run(aws, environment, arguments)
    except Failed as failure:
        print(f"mall-deploy: {failure}", file=sys.stderr)
        return 1
    return 0


def parser():
    """All words that it knows."""
    top = argparse.ArgumentParser(prog="mall-deploy", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--environment", required=True, help="its name in Terraform: mall-staging, mall-production")
    top.add_argument("--dry-run", action="store_true", help="reads, and says what it would change")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("release", help="migrations, services, smoke test")
    images(one)
    one.add_argument("--commit", default="unknown", help="what the images were built from")
    one.add_argument("--no-smoke", action="store_true", help="without the smoke test")
    one.add_argument("--during-drop", action="store_true", help="even while a limited edition is open")
    one.add_argument("--seconds", type=int, default=1200, help="how long a group of services may take")
    one.set_defaults(run=release)

    one = commands.add_parser("rollback", help="back to the release before")
    one.add_argument("--seconds", type=int, default=1200, help="how long a group of services may take")
    one.set_defaults(run=rollback)

    one = commands.add_parser("migrate", help="migrations alone")
    images(one)
    one.set_defaults(run=migrate)

    one = commands.add_parser("database-setup", help="schemas and users, or their new passwords")
    one.set_defaults(run=database_setup)

    one = commands.add_parser("stop", help="no task is left; scaling sleeps")
    programs_and_patience(one)
    one.set_defaults(run=lambda aws, environment, a: operate.stop(aws, environment, a.programs, a.seconds))

    one = commands.add_parser("start", help="what was stopped runs again, and scales")
    programs_and_patience(one)
    one.set_defaults(run=lambda aws, environment, a: operate.start(aws, environment, a.programs, a.seconds))

    one = commands.add_parser("audit", help="whether the books are right, from MySQL and Redis; ask when nothing is under way")
    one.set_defaults(run=lambda aws, environment, _: operate.audit(aws, environment))

    one = commands.add_parser("empty-redis", help="forgets all that Redis knows: counts are made anew, shoppers log in again")
    one.add_argument("--during-drop", action="store_true", help="even while a limited edition is open")
    one.set_defaults(run=empty_redis)

    one = commands.add_parser("restart", help="new tasks of the same revision: they read secrets anew")
    programs_and_patience(one)
    one.set_defaults(run=restart)

    one = commands.add_parser("smoke", help="the smoke test alone")
    one.add_argument("--address", help="default: the environment's own")
    one.set_defaults(run=lambda aws, environment, a: smoke.smoke(a.address or environment.address))

    one = commands.add_parser("images", help="prints the images of the current release, for another environment")
    one.set_defaults(run=show_images)
    return top


def programs_and_patience(command):
    """What commands of single services know."""
    command.add_argument("programs", nargs="*", help="default: all, in order")
    command.add_argument("--seconds", type=int, default=1200, help="how long a group of services may take")


def images(command):
    """The option that several commands have."""
    command.add_argument("--images", type=pathlib.Path, required=True, help='{"images": {program: repository@sha256:...}}')


def read_images(environment, path):
    """Every program's image."""
    try:
        found = json.loads(path.read_text())["images"]
    except (OSError, ValueError, KeyError) as error:
        raise Failed(f"{path}: {error}") from None
    missing = [program for program in [*environment.programs(), "audit"] if program not in found]
    if missing:
        raise Failed(f"{path} names no image of {', '.join(missing)}")
    return tasks.by_digest(found)


def release(aws, environment, arguments):
    """All of it."""
    thaw(environment, arguments, "nothing is deployed")
    wanted = read_images(environment, arguments.images)
    run_migrations(aws, environment, wanted)
    revisions = {program: tasks.register(aws, environment.families[program], wanted[program]) for program in environment.programs()}
    tasks.register(aws, environment.once["audit"]["family"], wanted["audit"])
    say("task definitions: registered by digest")
    before = rollout.roll(aws, environment, revisions, arguments.seconds)
    if not arguments.no_smoke and not aws.dry_run:
        try:
            smoke.smoke(environment.address)
        except Failed as failure:
            rollout.back(aws, environment, before, arguments.seconds)
            raise Failed(f"{failure}. What had been changed was taken back") from failure
    current = environment.release("current")
    if current and current["revisions"] != revisions:
        environment.remember("previous", current)
    environment.remember("current", {"commit": arguments.commit, "images": pick(wanted, environment), "revisions": revisions})
    say(f"{environment.name} runs {arguments.commit}")


def thaw(environment, arguments, refusal):
    """Fails while a limited edition is open, unless the operator insists."""
    drop = environment.frozen(datetime.datetime.now(datetime.timezone.utc))
    if drop and not arguments.during_drop:
        raise Failed(f"{refusal} while a limited edition is open: {drop}; --during-drop does it all the same")


def pick(wanted, environment):
    """Images of programs that are deployed, and the audit's."""
    return {program: wanted[program] for program in [*environment.programs(), "audit"]}


def empty_redis(aws, environment, arguments):
    """Safe at any time - no count of Redis is believed against MySQL -, but everybody waits for the counts that are made anew."""
    thaw(environment, arguments, "Redis is not emptied")
    operate.once(aws, environment, "empty-redis", "emptying Redis")


def rollback(aws, environment, arguments):
    """The same order: what is called must understand callers of both releases, and does."""
    previous, current = environment.release("previous"), environment.release("current")
    if previous is None:
        raise Failed("there is no release before this one")
    say(f"back to {previous['commit']}")
    rollout.roll(aws, environment, previous["revisions"], arguments.seconds, order=list(reversed(environment.order)))
    environment.remember("current", previous)
    if current:
        # A second rollback goes forward again.
        environment.remember("previous", current)
    say(f"{environment.name} runs {previous['commit']}")


def migrate(aws, environment, arguments):
    """Alone."""
    run_migrations(aws, environment, read_images(environment, arguments.images))


def run_migrations(aws, environment, wanted):
    """One schema after the other; the first that fails ends it, before any service has changed."""
    for program, family in sorted(environment.migrations.items()):
        tasks.run_once(aws, environment, tasks.register(aws, family, wanted[program]), f"migration of {program}")


def database_setup(aws, environment, _arguments):
    """Makes schemas and users."""
    operate.once(aws, environment, "database-setup", "database setup")


def restart(aws, environment, arguments):
    """Group by group, as a deploy."""
    for group in operate.chosen(environment, arguments.programs):
        wanted = {}
        for program, service in rollout.describe(aws, environment.cluster, group).items():
            aws.change("ecs", "update-service", "--force-new-deployment", cluster=environment.cluster, service=program)
            wanted[program] = service["taskDefinition"]
        rollout.wait(aws, environment, wanted, arguments.seconds)
        say(f"{', '.join(wanted)}: restarted")


def show_images(_aws, environment, _arguments):
    """For the promotion to the next environment."""
    current = environment.release("current")
    if current is None:
        raise Failed("nothing is released here yet")
    print(json.dumps({"commit": current["commit"], "images": current["images"]}))
