# SPDX-License-Identifier: GPL-2.0
"""Kubernetes and Istio objects as YAML texts, no longer than the tests need them."""
import ipaddress

import yaml

NETWORKING = "networking.istio.io/v1"


def text(*objects):
    return yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True)


def deployment(app, version, replicas=1, ports=(8080,), name=None, **annotations):
    """`annotations`: args="--tcp", listen="ipv6", families="ipv4", as scripts/pods takes them."""
    labels = {"app": app, "version": version}
    notes = {"shunt.test/" + key: value for key, value in annotations.items()}
    ports = [{"name": f"p{port}", "containerPort": port} for port in ports]
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name or f"{app}-{version}"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels, "annotations": notes},
                                  "spec": {"containers": [{"name": "server", "ports": ports}]}}}}


def service(name, app, port=80, target=8080, port_name="tcp"):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": app},
                     "ports": [{"name": port_name, "port": port, "targetPort": target}]}}


def entry(name, address, endpoints, port=80, **spec):
    """A ServiceEntry; `endpoints`: (address, port, labels) each."""
    return {"apiVersion": NETWORKING, "kind": "ServiceEntry", "metadata": {"name": name},
            "spec": {"hosts": [name], "addresses": [address],
                     "ports": [{"number": port, "name": "tcp", "protocol": "TCP"}],
                     "location": "MESH_INTERNAL", "resolution": "STATIC",
                     "endpoints": [{"address": at, "ports": {"tcp": target}, "labels": labels}
                                   for at, target, labels in endpoints], **spec}}


def rule(host, subsets, policy=None):
    """A DestinationRule; `subsets`: names that stand for the label version, or for the subset's
    policy as well: {"v1": None, "v2": {...}}."""
    listed = []
    for name in subsets:
        own = subsets[name] if isinstance(subsets, dict) else None
        listed.append({"name": name, "labels": {"version": name},
                       **({"trafficPolicy": own} if own else {})})
    return {"apiVersion": NETWORKING, "kind": "DestinationRule", "metadata": {"name": host},
            "spec": {"host": host, **({"trafficPolicy": policy} if policy else {}),
                     "subsets": listed}}


def split(host, weights, port=None, protocol="tcp"):
    """A VirtualService with one route; `weights`: {subset: weight}."""
    more = {"port": {"number": port}} if port else {}
    route = [{"destination": {"host": host, "subset": subset, **more}, "weight": weight}
             for subset, weight in weights.items()]
    return {"apiVersion": NETWORKING, "kind": "VirtualService", "metadata": {"name": host},
            "spec": {"hosts": [host], protocol: [{"route": route}]}}


def limit(connections):
    return {"connectionPool": {"tcp": {"maxConnections": connections}}}


def balance(simple):
    return {"loadBalancer": {"simple": simple}}


def find(mesh, host, port=80):
    """The addresses of a host that is in force, IPv4 first, as a client takes them; None: no host."""
    for one in mesh.json("services")["services"]:
        if one["host"] == host or one["host"].split(".")[0] == host:
            at = sorted(map(ipaddress.ip_address, one["addresses"]), key=lambda a: a.version)
            return [f"[{a}]:{port}" if a.version == 6 else f"{a}:{port}" for a in at]
    return None


def targets(mesh, host, port=80):
    found = find(mesh, host, port)
    assert found, f"{host} is no service"
    return found
