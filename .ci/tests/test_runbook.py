"""That check-runbook sees what is not so, on the line where it stands."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

PATH = pathlib.Path(__file__).resolve().parent.parent / "check-runbook"
LOADER = importlib.machinery.SourceFileLoader("check_runbook", str(PATH))
runbook = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_runbook", LOADER))
LOADER.exec_module(runbook)

# A command as it is, the same with what is not so, and what is said then.
DEPLOY = "deploy/ecs/bin/mall-deploy --environment mall-staging"
PAIRS = [
    ("cargo mall up --detach", "cargo mall up --daemon", "knows no --daemon"),
    ("cargo mall audit --json", "cargo mall check", "knows no 'check'"),
    ("cargo mall bench drop --buyers 10", "cargo mall bench drop --crowd 10", "knows no --crowd"),
    ("cargo mall bench drop --base http://x --tokens f", "cargo mall bench drop --at http://x --tokens f", "knows no --at"),
    (f"{DEPLOY} restart stock", f"{DEPLOY} reboot stock", "invalid choice: 'reboot'"),
    (f"{DEPLOY} rollback", f"{DEPLOY} rollback --to 1", "--to"),
    (f"{DEPLOY} migrate --images f", f"{DEPLOY} migrate", "--images"),
    ("deploy/ecs/bin/secrets --environment e rotate jwt", "deploy/ecs/bin/secrets --environment e rotate tokens", "makes no tokens"),
    ("deploy/ecs/bin/build-push h/mall <commit>", "deploy/ecs/bin/push h/mall <commit>", "there is no deploy/ecs/bin/push"),
    ("PLATFORM=x deploy/ecs/bin/build-push h c", "ARCH=x deploy/ecs/bin/build-push h c", "knows nothing of ARCH"),
    ("terraform output load_balancer", "terraform output address", "no example has the output address"),
    ("terraform -chdir=deploy/ecs/examples/common output build_role", "terraform -chdir=deploy/ecs/examples/common output deploy_role", "no output deploy_role"),
    ("terraform apply -var running=false", "terraform apply -var tasks=false", "no example has the variable tasks"),
    ("export TF_VAR_address=https://x", "export TF_VAR_name=x", "no example has the variable name"),
    ("terraform apply -target=module.mall.module.secrets", "terraform apply -target=module.mall.module.vault", "no module vault"),
    ("terraform state rm module.mall.module.rds.aws_db_instance.this", "terraform state rm module.mall.module.rds.aws_db_instance.one", "no aws_db_instance.one"),
    ("docker compose run --rm audit", "docker compose run --rm auditor", "none of these services"),
    ("echo $(cargo mall status --json)", "echo $(cargo mall status --yaml)", "knows no --yaml"),
    ("cargo mall down && cargo mall up", "cargo mall down && cargo mall start", "knows no 'start'"),
    ("jq . docs/settings.md", "frobnicate x", "what is 'frobnicate'?"),
]
AWS = [
    ("aws ecs update-service --service x --desired-count 0", "aws ecs update-service --tasks 0", "knows no --tasks"),
    ("aws rds describe-db-instances", "aws rds show-db-instances", "knows no show-db-instances"),
]


class Runbook(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = runbook.Tools()

    def wrong(self, text):
        return runbook.check_page(runbook.ROOT / "docs/runbook/README.md", text, self.tools)

    def hold(self, pairs):
        for good, bad, said in pairs:
            with self.subTest(bad):
                self.assertEqual(self.wrong(f"a\n\n```sh\n{good}\n```\n"), [])
                (number, error), = self.wrong(f"a\n\n```sh\n{bad}\n```\n")
                self.assertEqual((number, said in error), (4, True), error)

    def test_every_kind_of_command_is_looked_at(self):
        self.hold(PAIRS)

    def test_calls_of_aws_are_looked_at(self):
        if self.tools.aws.session is None:
            self.skipTest("no botocore")
        self.hold(AWS)

    def test_a_command_in_a_sentence_may_leave_things_out_but_not_invent(self):
        self.assertEqual(self.wrong("say `mall-deploy release` and `terraform apply ...`"), [])
        self.assertEqual(len(self.wrong("say `mall-deploy deploy`")), 1)

    def test_names_of_the_page_are_followed(self):
        self.assertEqual(self.wrong('`D="deploy/ecs/bin/mall-deploy --environment e"`\n`$D restart stock`'), [])
        self.assertEqual(self.wrong('`D="deploy/ecs/bin/mall-deploy --environment e"`\n`$D restrt stock`')[0][0], 2)

    def test_a_command_of_two_lines_is_one(self):
        self.assertEqual(len(self.wrong("```sh\ncargo mall up \\\n  --nothing\n```")), 1)

    def test_paths_links_headings_and_settings(self):
        self.assertEqual(self.wrong("`deploy/ecs/bin/secrets` [x](../bench.md#reading-it) `mall.orders.batch`"), [])
        for bad in ("`deploy/ecs/bin/secret`", "[x](../benches.md)", "[x](../bench.md#nothing)", "`mall.orders.bunch`"):
            self.assertEqual(len(self.wrong(bad)), 1, bad)

    def test_inputs_of_an_example(self):
        self.assertEqual(self.wrong('```hcl\naddress = "https://x"\n```'), [])
        self.assertEqual(self.wrong('```hcl\naddress = "x"\nhost = "x"\n```')[0][0], 3)

    def test_every_alarm_is_known(self):
        self.assertLess({"books", "errors", "tasks", "gateway-5xx", "mysql-disk", "redis-memory"}, runbook.alarms())


if __name__ == "__main__":
    unittest.main()
