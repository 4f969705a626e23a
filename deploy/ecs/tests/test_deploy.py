"""What a deploy does, step by step, and what it does when a step fails. Run: python3 -m unittest discover deploy/ecs/tests"""

import contextlib
import datetime
import http.server
import io
import json
import os
import pathlib
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from deploying import aws, cli, smoke, tasks  # noqa: E402

ORDER = [["config-server"], ["registry"], ["stock", "users"], ["orders"], ["gateway"]]
PROGRAMS = [program for group in ORDER for program in group]
OWNERS = ["stock", "users", "orders"]
ONCE = ["database-setup", "audit", "empty-redis"]


def image(program, letter):
    return f"repo/{program}@sha256:{letter * 64}"


class Mall(unittest.TestCase):
    """A mall on ECS that a fake command line tells of."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.state = pathlib.Path(self.folder.name) / "state.json"
        os.environ["FAKE_AWS"], os.environ["AWS_PROGRAM"] = str(self.state), str(HERE / "fake_aws.py")
        deploy = {
            "cluster": "mall-test", "address": "http://127.0.0.1:9", "order": ORDER, "tasks": {p: 2 for p in PROGRAMS},
            "families": {p: f"mall-test-{p}" for p in PROGRAMS}, "migrations": {p: f"mall-test-{p}-migrate" for p in OWNERS},
            "once": {name: {"family": f"mall-test-{name}", "security_groups": [f"g-{name}"]} for name in ONCE}, "network": {"subnets": ["s"], "security_groups": ["g"]}, "drops": {},
        }
        families = [f"mall-test-{p}" for p in PROGRAMS] + [f"mall-test-{p}-migrate" for p in OWNERS] + ["mall-test-audit"]
        self.write({
            "scaling": {f"service/mall-test/{p}": None for p in PROGRAMS if p not in ("config-server", "registry")},
            "calls": [], "bad_tasks": [], "bad_revisions": [], "parameters": {"/mall/mall-test/deploy": json.dumps(deploy)},
            "definitions": {
                family: [{
                    "family": family, "taskDefinitionArn": f"arn:task-definition/{family}:1", "revision": 1, "status": "ACTIVE",
                    "containerDefinitions": [{"name": "x", "image": image("x", "0"), "environment": [{"name": "A", "value": "b"}]}],
                }] for family in families
            },
            "services": {
                p: {
                    "serviceName": p, "status": "ACTIVE", "taskDefinition": f"arn:task-definition/mall-test-{p}:1",
                    "desiredCount": 2, "runningCount": 2, "deployments": [],
                } for p in PROGRAMS
            },
        })

    def write(self, state):
        self.state.write_text(json.dumps(state))

    def read(self):
        return json.loads(self.state.read_text())

    def change(self, **values):
        self.write({**self.read(), **values})

    def run_it(self, *words):
        told = io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            code = cli.main(["--environment", "mall-test", *words])
        return code, told.getvalue()

    def images(self, letter):
        path = pathlib.Path(self.folder.name) / f"{letter}.json"
        path.write_text(json.dumps({"images": {p: image(p, letter) for p in [*PROGRAMS, "audit"]}}))
        return str(path)

    def release(self, letter):
        return self.run_it("release", "--no-smoke", "--images", self.images(letter), "--commit", letter)

    def running(self):
        return {p: service["taskDefinition"].rsplit(":", 1)[1] for p, service in self.read()["services"].items()}

    def drop_opens_soon(self):
        state = self.read()
        now = datetime.datetime.now(datetime.timezone.utc)
        deploy = json.loads(state["parameters"]["/mall/mall-test/deploy"])
        deploy["drops"] = {"spring": {
            "opens_at": (now + datetime.timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "closes_at": (now + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ"), "times": 5,
        }}
        state["parameters"]["/mall/mall-test/deploy"] = json.dumps(deploy)
        self.write(state)


class Deploy(Mall):
    """Releases and the way back."""

    def test_migrations_come_first_then_services_in_order(self):
        code, told = self.release("a")
        self.assertEqual(code, 0, told)
        calls = self.read()["calls"]
        ran = [call for call in calls if call.startswith("ecs run-task")]
        updated = [call.split()[-1] for call in calls if call.startswith("ecs update-service")]
        self.assertEqual(len(ran), 3)
        self.assertLess(calls.index(ran[-1]), calls.index("ecs update-service config-server"))
        self.assertEqual(updated, PROGRAMS)
        self.assertEqual(set(self.running().values()), {"2"})
        newest = self.read()["definitions"]["mall-test-orders"][-1]["containerDefinitions"][0]
        self.assertEqual(newest["image"], image("orders", "a"))
        self.assertEqual(newest["environment"], [{"name": "A", "value": "b"}], "all but the image stays")

    def test_a_migration_that_fails_changes_no_service(self):
        self.change(bad_tasks=["stock-migrate"])
        code, told = self.release("a")
        self.assertEqual(code, 1)
        self.assertIn("migration of stock: exit code 1", told)
        self.assertEqual(set(self.running().values()), {"1"})

    def test_a_service_that_is_taken_back_takes_the_others_along(self):
        self.change(bad_revisions=["arn:task-definition/mall-test-orders:2"])
        code, told = self.release("a")
        self.assertEqual(code, 1)
        self.assertIn("orders: ECS took the deployment back", told)
        self.assertEqual(set(self.running().values()), {"1"}, "everything is as before")
        self.assertNotIn("ecs update-service gateway", self.read()["calls"], "the gateway was not touched")
        self.assertNotIn("/mall/mall-test/release/current", self.read()["parameters"])

    def test_a_failed_smoke_test_takes_everything_back(self):
        self.addCleanup(setattr, smoke, "smoke", smoke.smoke)

        def fail(_address):
            raise aws.Failed("smoke test, the catalogue: status 503")

        smoke.smoke = fail
        code, told = self.run_it("release", "--images", self.images("a"))
        self.assertEqual(code, 1)
        self.assertIn("status 503", told)
        self.assertEqual(set(self.running().values()), {"1"})

    def test_back_and_forth(self):
        self.release("a")
        self.release("b")
        self.assertEqual(set(self.running().values()), {"3"})
        code, told = self.run_it("rollback")
        self.assertEqual(code, 0, told)
        self.assertEqual(set(self.running().values()), {"2"})
        updated = [call.split()[-1] for call in self.read()["calls"] if call.startswith("ecs update-service")][-len(PROGRAMS):]
        self.assertEqual((updated[0], updated[-1]), ("gateway", "config-server"), "callers go back before what they call")
        self.assertEqual(json.loads(self.run_it("images")[1])["commit"], "a")
        self.run_it("rollback")
        self.assertEqual(set(self.running().values()), {"3"})

    def test_the_same_release_again_changes_nothing(self):
        self.release("a")
        count = len([call for call in self.read()["calls"] if call.startswith(("ecs update", "ecs register"))])
        code, told = self.release("a")
        self.assertEqual(code, 0, told)
        self.assertEqual(len([c for c in self.read()["calls"] if c.startswith(("ecs update", "ecs register"))]), count)

    def test_the_first_release_starts_tasks(self):
        state = self.read()
        for service in state["services"].values():
            service["desiredCount"] = service["runningCount"] = 0
        self.write(state)
        code, told = self.release("a")
        self.assertEqual(code, 0, told)
        self.assertEqual({service["desiredCount"] for service in self.read()["services"].values()}, {2})

    def test_no_rollback_without_a_release_before(self):
        code, told = self.run_it("rollback")
        self.assertEqual((code, "there is no release before" in told), (1, True))

    def test_a_dry_run_changes_nothing(self):
        before = {**self.read(), "calls": []}
        code, told = self.run_it("--dry-run", "release", "--images", self.images("a"))
        self.assertEqual(code, 0, told)
        self.assertEqual({**self.read(), "calls": []}, before)
        self.assertIn("would call: aws ecs update-service", told)

    def test_a_drop_freezes_deploys(self):
        self.drop_opens_soon()
        code, told = self.release("a")
        self.assertEqual((code, "while a limited edition is open: spring" in told), (1, True), told)
        code, told = self.run_it("release", "--no-smoke", "--during-drop", "--images", self.images("a"))
        self.assertEqual(code, 0, told)

    def test_an_image_by_tag_is_refused(self):
        with self.assertRaises(aws.Failed):
            tasks.by_digest({"orders": "repo/orders:latest"})

    def test_a_task_without_an_exit_code_has_failed(self):
        state = self.read()
        deploy = json.loads(state["parameters"]["/mall/mall-test/deploy"])
        deploy["once"]["database-setup"]["family"] = "silent"
        state["parameters"]["/mall/mall-test/deploy"] = json.dumps(deploy)
        self.write(state)
        code, told = self.run_it("database-setup")
        self.assertEqual((code, "exit code None" in told), (1, True), told)



class Operate(Mall):
    """What an operator does beside deploys."""

    def calls(self, call):
        return [each.split()[-1] for each in self.read()["calls"] if each.startswith(call)]

    def test_what_is_stopped_stays_away_callers_first(self):
        code, told = self.run_it("stop", "stock", "gateway", "users")
        self.assertEqual(code, 0, told)
        self.assertEqual(self.calls("ecs update-service"), ["gateway", "stock", "users"])
        state = self.read()
        self.assertEqual({p: s["desiredCount"] for p, s in state["services"].items() if s["desiredCount"] == 0}, {"gateway": 0, "stock": 0, "users": 0})
        asleep = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True}
        self.assertEqual(state["scaling"]["service/mall-test/stock"], asleep, "scaling must not start it again")
        self.assertIsNone(state["scaling"]["service/mall-test/orders"])
        first = state["calls"].index("application-autoscaling register-scalable-target service/mall-test/stock")
        self.assertLess(first, state["calls"].index("ecs update-service stock"))

    def test_what_was_stopped_comes_back_the_called_first_and_scales(self):
        self.run_it("stop")
        self.write({**self.read(), "calls": []})
        code, told = self.run_it("start")
        self.assertEqual(code, 0, told)
        self.assertEqual(self.calls("ecs update-service"), PROGRAMS)
        state = self.read()
        self.assertEqual({s["desiredCount"] for s in state["services"].values()}, {2})
        self.assertFalse(any(state["scaling"]["service/mall-test/stock"].values()))

    def test_start_leaves_what_runs_alone(self):
        self.assertEqual(self.run_it("start")[0], 0)
        self.assertEqual(self.calls("ecs update-service"), [])

    def test_there_is_no_stopping_what_is_not_there(self):
        code, told = self.run_it("stop", "stocks")
        self.assertEqual((code, "there is no program stocks" in told), (1, True), told)

    def test_the_audit_says_what_it_found(self):
        self.change(logs=["orders 3", "audit: ok"])
        code, told = self.run_it("audit")
        self.assertEqual((code, "audit: ok" in told), (0, True), told)
        self.change(bad_tasks=["audit"], logs=["audit: 1 broken"])
        code, told = self.run_it("audit")
        self.assertEqual((code, "audit: 1 broken" in told, "audit: exit code 1" in told), (1, True, True), told)

    def test_an_audit_whose_log_is_not_there_says_where_it_should_be(self):
        code, told = self.run_it("audit")
        self.assertEqual((code, "/mall/mall-test/audit" in told), (0, True), told)

    def test_redis_is_not_emptied_while_a_drop_is_open(self):
        self.drop_opens_soon()
        self.assertEqual(self.run_it("empty-redis")[0], 1)
        self.assertEqual(self.calls("ecs run-task"), [])
        code, told = self.run_it("empty-redis", "--during-drop")
        self.assertEqual((code, self.calls("ecs run-task")), (0, ["mall-test-empty-redis"]), told)
        self.assertIn("g-empty-redis", json.dumps(self.read()["networks"]), "it reaches Redis by its own group")

    def test_a_release_renews_the_audit(self):
        self.release("a")
        newest = self.read()["definitions"]["mall-test-audit"][-1]["containerDefinitions"][0]
        self.assertEqual(newest["image"], image("audit", "a"))
        self.assertIn("audit", json.loads(self.run_it("images")[1])["images"], "the next environment gets it, too")


class Answers(http.server.BaseHTTPRequestHandler):
    pages = {}

    def do_GET(self):
        status, body = self.pages.get(self.path, (404, b"{}"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Smoke(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Answers.pages = {
            "/actuator/health": (200, b'{"status":"UP"}'),
            "/product/allproduct": (200, b"[]"),
            "/v3/api-docs": (200, b'{"paths":{"/order/orderProduct":{}}}'),
        }

    def smoke(self):
        with contextlib.redirect_stderr(io.StringIO()):
            smoke.smoke(self.address, seconds=0)

    def test_a_mall_that_answers_passes(self):
        self.smoke()

    def test_a_catalogue_that_is_away_fails(self):
        Answers.pages["/product/allproduct"] = (503, b"{}")
        with self.assertRaisesRegex(aws.Failed, "status 503"):
            self.smoke()

    def test_what_is_internal_must_be_closed(self):
        Answers.pages["/actuator/env"] = (200, b"{}")
        with self.assertRaisesRegex(aws.Failed, "to the world"):
            self.smoke()


if __name__ == "__main__":
    unittest.main()
