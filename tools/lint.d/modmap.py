# SPDX-License-Identifier: Apache-2.0
"""Draws docs/modules.md from the includes, so that the map cannot go stale."""

import re

import layers
from tree import Finding

PATH = "docs/modules.md"


def _without_detours(graph):
    """The graph without edges that a longer way implies."""
    short = {}
    for module, used in graph.items():
        implied = set().union(*[layers.reachable(graph, other) for other in used])
        short[module] = used - implied
    return short


def _purpose(tree, module):
    """The first sentence of the module's page."""
    path = f"src/{module}/README.md"
    if path not in tree.paths:
        return ""
    body = re.sub(r"^#.*$", "", tree.text(path), flags=re.M).strip()
    first = " ".join(body.split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", first)[0].replace("|", "\\|")


def draw(tree):
    graph = {m: used for m, used in layers.edges(tree).items() if m in layers.levels()}
    by_level = {}
    for module in graph:
        by_level.setdefault(layers.levels()[module], []).append(module)
    out = ["# Modules", "",
           "Drawn by `tools/lint --fix` from the includes; `make lint` fails when it is stale.",
           "A module includes lower levels only. Arrows that a longer way implies are left out.", "",
           "```mermaid", "flowchart BT"]
    for level in sorted(by_level):
        out += [f"  subgraph level{level}[level {level}]"]
        out += [f"    {module}" for module in sorted(by_level[level])] + ["  end"]
    for module, used in sorted(_without_detours(graph).items()):
        out += [f"  {module} --> {other}" for other in sorted(used)]
    out += ["```", "", "| level | module | includes | purpose |", "|---|---|---|---|"]
    for level in sorted(by_level):
        for module in sorted(by_level[level]):
            used = ", ".join(f"`{m}`" for m in sorted(graph[module]))
            out.append(f"| {level} | `{module}` | {used} | {_purpose(tree, module)} |")
    return "\n".join(out) + "\n"


def check(tree):
    if not any(p.startswith("src/") for p in tree.paths):
        return []
    if PATH not in tree.paths or tree.text(PATH) != draw(tree):
        return [Finding(PATH, 0, "module-map", "is stale: run `tools/lint --fix`")]
    return []


def fix(tree):
    (tree.root / PATH).parent.mkdir(exist_ok=True)
    (tree.root / PATH).write_text(draw(tree))
