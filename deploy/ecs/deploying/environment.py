"""One environment, as Terraform describes it in a parameter, and what is released in it."""

import datetime
import json

from .aws import Failed


class Environment:
    """`/mall/<name>/deploy` and `/mall/<name>/release/*`."""

    def __init__(self, aws, name):
        self.aws = aws
        self.name = name
        found = self._parameter("deploy")
        if found is None:
            raise Failed(f"there is no parameter /mall/{name}/deploy: has Terraform been applied, and is the region right?")
        self.cluster = found["cluster"]
        self.address = found["address"]
        self.order = found["order"]
        self.tasks = found["tasks"]
        self.families = found["families"]
        self.migrations = found["migrations"]
        # Name to {family, security_groups} of tasks that an operator runs once.
        self.once = found["once"]
        self.network = found["network"]
        self.drops = found["drops"]

    def programs(self):
        """In the order of a deploy."""
        return [program for group in self.order for program in group]

    def release(self, which):
        """`current` or `previous`: {commit, images, revisions}, or None."""
        return self._parameter(f"release/{which}")

    def remember(self, which, release):
        """Writes one."""
        self.aws.change(
            "ssm", "put-parameter", "--overwrite", name=f"/mall/{self.name}/release/{which}", type="String",
            value=json.dumps(release, sort_keys=True),
        )

    def frozen(self, now):
        """The drop during which nothing is deployed, if there is one: from half an hour before it opens until it closes."""
        for name, drop in sorted(self.drops.items()):
            opens, closes = moment(drop["opens_at"]), moment(drop["closes_at"])
            if opens - datetime.timedelta(minutes=30) <= now <= closes:
                return f"{name} ({drop['opens_at']} to {drop['closes_at']})"
        return None

    def _parameter(self, path):
        found = self.aws.read("ssm", "get-parameter", name=f"/mall/{self.name}/{path}")
        return None if found is None else json.loads(found["Parameter"]["Value"])


def moment(text):
    """RFC 3339."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
