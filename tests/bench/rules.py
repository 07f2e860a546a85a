# SPDX-License-Identifier: GPL-2.0
"""Makes large configurations: N VirtualServices and DestinationRules as people write them."""

NAMESPACES = 100
ROUTES_MOST = 20  # 1 to 20 routes a VirtualService, 10.5 in the mean
FILE_HOSTS = 500  # a file

RULE = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: s{n}
  namespace: n{namespace}
spec:
  host: s{n}
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
    connectionPool:
      tcp:
        maxConnections: 1000
  subsets:
  - name: v1
    labels:
      version: v1
  - name: v2
    labels:
      version: v2
"""

HEAD = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: s{n}
  namespace: n{namespace}
spec:
  hosts:
  - s{n}
  http:
"""

# By turns what tasks of a mesh ask for.
ROUTES = (
    """  - match:
    - uri:
        prefix: /api/v{i}/
    route:
    - destination:
        host: s{n}
        subset: v1
""",
    """  - match:
    - headers:
        end-user:
          exact: user-{i}
    route:
    - destination:
        host: s{n}
        subset: v2
    timeout: {i}s
""",
    """  - match:
    - uri:
        exact: /login/{i}
      method:
        exact: POST
    retries:
      attempts: 3
      perTryTimeout: 2s
    route:
    - destination:
        host: s{n}
        subset: v1
      weight: 90
    - destination:
        host: s{n}
        subset: v2
      weight: 10
""",
    """  - match:
    - uri:
        regex: /items/[0-9]+/{i}
    fault:
      delay:
        fixedDelay: 5s
        percentage:
          value: 0.1
    route:
    - destination:
        host: s{n}
        subset: v2
""",
)

LAST = """  - route:
    - destination:
        host: s{n}
        subset: v1
      weight: {first}
    - destination:
        host: s{n}
        subset: v2
      weight: {second}
"""

SERVICE = """---
apiVersion: v1
kind: Service
metadata:
  name: s{n}
  namespace: n{namespace}
spec:
  clusterIP: 10.{high}.{middle}.{low}
  ports:
  - name: http
    port: 80
    targetPort: 8080
---
apiVersion: v1
kind: Pod
metadata:
  name: s{n}-v1
  namespace: n{namespace}
  labels:
    app: s{n}
    version: v1
status:
  podIP: 10.{pod}.{middle}.{low}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: s{n}-a
  namespace: n{namespace}
  labels:
    kubernetes.io/service-name: s{n}
addressType: IPv4
ports:
- name: http
  port: 8080
endpoints:
- addresses:
  - 10.{pod}.{middle}.{low}
  targetRef:
    kind: Pod
    name: s{n}-v1
    namespace: n{namespace}
"""


def virtual_service(n, first=75):
    """The VirtualService of host `n`: a catch-all behind routes with conditions."""
    text = HEAD.format(n=n, namespace=n % NAMESPACES)
    for i in range(n % ROUTES_MOST):
        text += ROUTES[(n + i) % len(ROUTES)].format(n=n, i=i + 1)
    return text + LAST.format(n=n, first=first, second=100 - first)


def rules(begin, end):
    for n in range(begin, end):
        yield virtual_service(n)
        yield RULE.format(n=n, namespace=n % NAMESPACES)


def services(begin, end):
    for n in range(begin, end):
        yield SERVICE.format(n=n, namespace=n % NAMESPACES, high=96 + (n >> 16), pod=200 + (n >> 16),
                             middle=n >> 8 & 255, low=n & 255)


def write(folder, hosts, *makers):
    """Files of up to FILE_HOSTS hosts each; returns how many bytes they have."""
    size = 0
    for begin in range(0, hosts, FILE_HOSTS):
        end = min(begin + FILE_HOSTS, hosts)
        for make in makers:
            text = "".join(make(begin, end))
            size += len(text)
            with open(f"{folder}/{make.__name__}-{begin}.yaml", "w", encoding="utf-8") as f:
                f.write(text)
    return size
