"""The AWS command line, and what a deploy says on its way."""

import json
import os
import subprocess
import sys
import time


class Failed(Exception):
    """Something that ends a deploy, in words for the one who started it."""


def say(text):
    """One line of progress, at once."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Aws:
    """Calls `aws`; in a dry run only what reads."""

    def __init__(self, dry_run=False, program=None):
        self.dry_run = dry_run
        self.program = program or os.environ.get("AWS_PROGRAM", "aws")

    def read(self, *words, **options):
        """A call that changes nothing, or what it answers if there is no such thing: None."""
        done = self._run(words, options)
        if done.returncode == 0:
            return json.loads(done.stdout or "null")
        if "ParameterNotFound" in done.stderr:
            return None
        raise Failed(f"aws {' '.join(words[:2])}: {done.stderr.strip()}")

    def change(self, *words, **options):
        """A call that changes something."""
        if self.dry_run:
            say(f"would call: aws {' '.join(words)} {' '.join(f'--{k}' for k in options)}".rstrip())
            return {}
        done = self._run(words, options)
        if done.returncode != 0:
            raise Failed(f"aws {' '.join(words[:2])}: {done.stderr.strip()}")
        return json.loads(done.stdout or "null") or {}

    def _run(self, words, options):
        line = [self.program, *words]
        for name, value in options.items():
            line.append("--" + name.replace("_", "-"))
            values = value if isinstance(value, list) else [value]
            line += [one if isinstance(one, str) else json.dumps(one) for one in values]
        line += ["--output", "json"]
        try:
            return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
        except FileNotFoundError:
            raise Failed(f"there is no {self.program}: install the AWS command line, version 2") from None
        except subprocess.TimeoutExpired:
            raise Failed(f"aws {' '.join(words[:2])} did not answer in five minutes") from None


def until(what, seconds, ask, pause=5):
    """Asks until the answer is not None."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(pause)
