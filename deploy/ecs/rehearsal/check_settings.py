"""check_settings.py ENVIRONMENT FOLDER: runs `check-config` of each program with exactly what its task would be told.

The config server is not there, so its address is left out: what is checked is that a task's environment is enough without it, which
migrations depend on.
"""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from deploying.aws import Aws  # noqa: E402
from deploying.environment import Environment  # noqa: E402


CONFIG_REPO = str(pathlib.Path(os.environ.get("CONFIG_REPO") or pathlib.Path(__file__).resolve().parents[3] / "config-repo"))


def main(name, folder):
    aws = Aws()
    environment = Environment(aws, name)
    failed, checked = [], 0
    for family in [*environment.families.values(), *environment.migrations.values()]:
        program = family.removeprefix(f"{name}-").removesuffix("-migrate")
        path = pathlib.Path(folder) / f"mall-{program}"
        if not path.is_file():
            print(f"NOT CHECKED: there is no {path}")
            continue
        container = aws.read("ecs", "describe-task-definition", task_definition=family)["taskDefinition"]["containerDefinitions"][0]
        told = {each["name"]: each["value"] for each in container["environment"]}
        for each in container["secrets"]:
            if each["name"] != "CONFIG_SERVER_URL":
                told[each["name"]] = secret(aws, each["valueFrom"])
        # Texts that only a real environment has, and a folder that only the image has.
        told.pop("SPRING_DATASOURCE_CA", None)
        if program == "config-server":
            told["SPRING_CLOUD_CONFIG_SERVER_NATIVE_SEARCHLOCATIONS"] = CONFIG_REPO
        done = subprocess.run([path, "check-config"], env={**told, "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
        checked += 1
        if done.returncode != 0:
            failed.append(f"{family}: {done.stderr.strip() or done.stdout.strip()}")
    for each in failed:
        print(each, file=sys.stderr)
    print(f"check-config: {checked - len(failed)} of {checked} task definitions are enough for their program")
    return 1 if failed else 0


def secret(aws, source):
    parts = source.split(":")
    text = aws.read("secretsmanager", "get-secret-value", secret_id=":".join(parts[:7]))["SecretString"]
    return json.loads(text)[parts[7]] if len(parts) > 7 and parts[7] else text


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
