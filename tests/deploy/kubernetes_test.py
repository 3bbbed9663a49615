#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docker/kubernetes says what it must, and its parts agree with each other and with the program."""
import pathlib
import tempfile
import unittest

import yaml

from shipped import DOCKER, GIVE_BACK_S, PROGRAM, RULES, UID, Config, documents, for_each, run

HERE = DOCKER / "kubernetes"
STAGES = {"intake", "scan", "act"}


def by_kind(kind):
    return {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == kind}


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def container_of(workload):
    (container,) = pod_of(workload)["containers"]
    return container


KUSTOMIZATION = yaml.safe_load((HERE / "kustomization.yaml").read_text(encoding="utf-8"))
MANIFESTS = [one for name in KUSTOMIZATION["resources"] for one in documents(HERE / name)]
(SECRET,) = documents(HERE / "secret.example.yaml")
CONFIG = Config(HERE / "orchestrator.cfg")
DEPLOYMENTS = by_kind("Deployment")
WORKLOADS = {**DEPLOYMENTS, **by_kind("Job")}


class Pods(unittest.TestCase):
    def test_are_the_stages_and_the_migration(self):
        self.assertEqual((set(DEPLOYMENTS), set(WORKLOADS)), (STAGES, STAGES | {"migrate"}))

    @for_each(WORKLOADS)
    def test_run_as_nobody_in_particular(self, _, workload):
        pod = pod_of(workload)
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        for user in ("runAsUser", "runAsGroup", "fsGroup"):
            self.assertEqual(pod["securityContext"][user], UID)
        self.assertFalse(pod["automountServiceAccountToken"])
        self.assertFalse({"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod))

    @for_each(WORKLOADS)
    def test_containers_are_confined(self, _, workload):
        context = container_of(workload)["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
        self.assertTrue(context["readOnlyRootFilesystem"] and context["runAsNonRoot"])
        self.assertFalse(context["allowPrivilegeEscalation"] or context["privileged"])

    @for_each(WORKLOADS)
    def test_containers_say_what_they_need(self, _, workload):
        resources = container_of(workload)["resources"]
        self.assertEqual(set(resources["requests"]), {"cpu", "memory"})
        self.assertIn("memory", resources["limits"])

    @for_each(WORKLOADS)
    def test_volumes_are_mounted_and_only_the_state_can_be_written_to(self, _, workload):
        volumes = {volume["name"]: volume for volume in pod_of(workload)["volumes"]}
        mounts = {mount["name"]: mount for mount in container_of(workload)["volumeMounts"]}
        self.assertEqual(set(mounts), set(volumes))
        for name, mount in mounts.items():
            self.assertEqual(mount.get("readOnly", False), name != "state")
            self.assertNotIn("hostPath", volumes[name])

    @for_each(WORKLOADS)
    def test_volumes_hold_the_configuration_and_the_secrets(self, _, workload):
        volumes = {volume["name"]: volume for volume in pod_of(workload)["volumes"]}
        # Others than the group must not read a secret, or the program refuses it.
        self.assertEqual(volumes["secrets"]["secret"],
                         {"secretName": SECRET["metadata"]["name"], "defaultMode": 0o440})
        (generated,) = KUSTOMIZATION["configMapGenerator"]
        self.assertEqual(volumes["config"]["configMap"]["name"], generated["name"])
        self.assertEqual(generated["files"], ["orchestrator.cfg"])

    @for_each(DEPLOYMENTS)
    def test_state_is_made_below_its_mount(self, _, workload):
        (mount,) = [m for m in container_of(workload)["volumeMounts"] if m["name"] == "state"]
        self.assertEqual(str(CONFIG.state_dir().parent), mount["mountPath"])

    @for_each(DEPLOYMENTS)
    def test_probes_ask_the_health_listener(self, _, workload):
        container = container_of(workload)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"),
                            ("readinessProbe", "/readyz")):
            asked = container[probe]["httpGet"]
            self.assertEqual((asked["path"], ports[asked["port"]]), (path, CONFIG.health_port()))

    @for_each(DEPLOYMENTS)
    def test_nobody_is_killed_while_draining(self, _, workload):
        stop = container_of(workload)["lifecycle"].get("preStop", {"sleep": {"seconds": 0}})
        self.assertGreater(pod_of(workload)["terminationGracePeriodSeconds"],
                           CONFIG.drain_s() + GIVE_BACK_S + stop["sleep"]["seconds"])

    @for_each(DEPLOYMENTS)
    def test_each_stage_runs_under_its_name(self, name, workload):
        self.assertEqual(container_of(workload)["args"],
                         ["run", "-c", "/config/orchestrator.cfg", "--stages", name])
        labels = workload["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(labels["app.kubernetes.io/component"], name)
        self.assertEqual(workload["spec"]["selector"]["matchLabels"], labels)
        (spread,) = pod_of(workload)["topologySpreadConstraints"]
        self.assertEqual(spread["labelSelector"]["matchLabels"], labels)

    def test_migration_is_a_command_of_the_program(self):
        words = container_of(WORKLOADS["migrate"])["args"]
        self.assertEqual(words[2:], ["-c", "/config/orchestrator.cfg"])
        self.assertEqual(run(PROGRAM, *words[:2], "--help").returncode, 0)

    def test_images_are_of_one_version(self):
        (image,) = KUSTOMIZATION["images"]
        self.assertEqual({container_of(workload)["image"] for workload in WORKLOADS.values()},
                         {image["name"]})
        self.assertIn(f"orchestrator {image['newTag']},", run(PROGRAM, "version").stdout)


class Around(unittest.TestCase):
    def labels(self, name):
        return DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]

    def test_each_deployment_outlives_an_emptied_node(self):
        budgets = by_kind("PodDisruptionBudget")
        self.assertEqual(set(budgets), STAGES)
        for name, budget in budgets.items():
            self.assertEqual(budget["spec"]["selector"]["matchLabels"], self.labels(name))
            self.assertEqual(budget["spec"]["maxUnavailable"], 1)
            self.assertGreaterEqual(DEPLOYMENTS[name]["spec"]["replicas"], 2)

    def test_each_deployment_grows_with_its_work(self):
        scalers = by_kind("HorizontalPodAutoscaler")
        self.assertEqual(set(scalers), STAGES)
        for name, scaler in scalers.items():
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
            self.assertEqual(scaler["apiVersion"], "autoscaling/v2")
            self.assertEqual(scaler["spec"]["scaleTargetRef"], target)
            self.assertGreaterEqual(scaler["spec"]["minReplicas"], 2)
            self.assertGreater(scaler["spec"]["maxReplicas"], scaler["spec"]["minReplicas"])

    def test_service_leads_to_intake(self):
        (service,) = by_kind("Service").values()
        self.assertEqual(service["spec"]["selector"], self.labels("intake"))
        (port,) = service["spec"]["ports"]
        named = {p["name"]: p["containerPort"] for p in container_of(DEPLOYMENTS["intake"])["ports"]}
        self.assertEqual(named[port["targetPort"]], CONFIG.events_port())

    def test_network_is_closed_but_for_what_is_named(self):
        policies = by_kind("NetworkPolicy")
        everybody = policies["all-pods"]["spec"]
        self.assertEqual(everybody["podSelector"], {})
        self.assertEqual(set(everybody["policyTypes"]), {"Ingress", "Egress"})
        rules = [*everybody["ingress"], *everybody["egress"], *policies["intake"]["spec"]["ingress"]]
        for rule in rules:
            self.assertTrue(rule["ports"] and (rule.get("from") or rule.get("to")), rule)
        opened = {port["port"] for rule in everybody["ingress"] for port in rule["ports"]}
        self.assertEqual(opened, {CONFIG.health_port()})
        called = {port["port"] for rule in everybody["egress"] for port in rule["ports"]}
        self.assertEqual(called, {53, 443, 5432})
        self.assertEqual(policies["intake"]["spec"]["podSelector"]["matchLabels"], self.labels("intake"))
        self.assertEqual(policies["intake"]["spec"]["ingress"][0]["ports"],
                         [{"port": CONFIG.events_port(), "protocol": "TCP"}])

    def test_every_manifest_is_listed_but_the_secret(self):
        present = {path.name for path in HERE.glob("*.yaml")}
        self.assertEqual(present - set(KUSTOMIZATION["resources"]),
                         {"kustomization.yaml", "secret.example.yaml"})
        (namespace,) = by_kind("Namespace")
        self.assertEqual({KUSTOMIZATION["namespace"], SECRET["metadata"]["namespace"]}, {namespace})

class Configuration(unittest.TestCase):
    def test_is_right_up_to_its_surroundings(self):
        with tempfile.TemporaryDirectory() as folder:
            CONFIG.draw_secrets(pathlib.Path(folder))
            checked = CONFIG.check(pathlib.Path(folder))
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn(f'rules = [ "{RULES}" ]', CONFIG.text)

    def test_secrets_as_they_are_mounted_are_taken(self):
        """Through two links, and readable for the group."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "..2026").mkdir()
            CONFIG.draw_secrets(folder / "..2026")
            (folder / "..data").symlink_to("..2026")
            for path in CONFIG.secret_files():
                (folder / "..2026" / path.name).chmod(0o440)
                (folder / path.name).symlink_to(f"..data/{path.name}")
            self.assertEqual(CONFIG.check(folder).returncode, 0)
            (folder / "..2026" / "store-key").chmod(0o444)
            self.assertIn("others get at it", CONFIG.check(folder).stdout)

    def test_each_secret_is_there_and_mounted(self):
        self.assertEqual({path.name for path in CONFIG.secret_files()}, set(SECRET["stringData"]))
        for workload in WORKLOADS.values():
            (mount,) = [m for m in container_of(workload)["volumeMounts"] if m["name"] == "secrets"]
            self.assertEqual({str(path.parent) for path in CONFIG.secret_files()}, {mount["mountPath"]})

    def test_secrets_of_the_example_are_nobodys(self):
        self.assertEqual(set(SECRET["stringData"].values()), {"replace-me"})

if __name__ == "__main__":
    unittest.main()
