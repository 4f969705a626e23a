"""What a change touches."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

PATH = pathlib.Path(__file__).resolve().parent.parent / "affected"
LOADER = importlib.machinery.SourceFileLoader("affected", str(PATH))
affected = importlib.util.module_from_spec(importlib.util.spec_from_loader("affected", LOADER))
LOADER.exec_module(affected)


def package(folder, name, *needs):
    return {
        "manifest_path": f"/r/{folder}/Cargo.toml", "name": name,
        "dependencies": [{"name": each, "path": "x", "kind": None} for each in needs],
    }


class Affected(unittest.TestCase):
    def setUp(self):
        services = [package(f"services/{p}", f"mall-{p}", "mall-service") for p in ("users", "products", "carts", "payments", "stock")]
        self.folders, self.whole = affected.crates(pathlib.Path("/r"), {"packages": [
            *services, package("services/orders", "mall-orders", "mall-service", "mall-carts-api"),
            package("services/carts/api", "mall-carts-api"), package("gateway", "mall-gateway", "mall-service"),
            package("registry", "mall-registry"), package("config-server", "mall-config-server"), package("shared/service", "mall-service"),
            package("audit", "mall-audit"),
        ]})

    def ask(self, *paths):
        return affected.affected(list(paths), self.folders, self.whole)

    def test_a_service_touches_itself(self):
        self.assertEqual(self.ask("services/stock/src/lib.rs")["programs"], ["stock"])

    def test_an_api_touches_its_callers(self):
        self.assertEqual(self.ask("services/carts/api/src/lib.rs")["programs"], ["orders"])

    def test_a_shared_crate_touches_all_that_need_it(self):
        self.assertEqual(len(self.ask("shared/service/src/boot.rs")["programs"]), 7)

    def test_the_lock_file_touches_everything(self):
        self.assertEqual(self.ask("Cargo.lock")["programs"], affected.PROGRAMS)

    def test_the_store_touches_who_serves_it(self):
        self.assertEqual(self.ask("config-repo/application.yml")["programs"], ["config-server"])

    def test_documents_touch_nothing(self):
        self.assertEqual(self.ask("README.md"), {"programs": [], "rust": False, "infra": False})

    def test_infra_is_told(self):
        self.assertTrue(self.ask("deploy/ecs/modules/rds/main.tf")["infra"])


if __name__ == "__main__":
    unittest.main()
