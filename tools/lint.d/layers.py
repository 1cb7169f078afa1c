# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: levels.txt for modules, includes.txt for foreign headers."""

import re
from functools import lru_cache
from pathlib import Path

from tree import Finding

HERE = Path(__file__).resolve().parent
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# Everything that may end in the agent's program, itself included.
AGENT_MODULES = {"core", "wire", "runtime", "net", "identity", "link", "content", "methods",
                 "member", "orders", "settings", "discovery", "agent"}


@lru_cache
def levels():
    """{module: level} from levels.txt."""
    table = {}
    for line in (HERE / "levels.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        for module in words[1:]:
            table[module] = int(words[0])
    return table


@lru_cache
def foreign():
    """[(header prefix, [who may include it])] from includes.txt."""
    rows = []
    for line in (HERE / "includes.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            rows.append((words[0], words[1:]))
    return rows


def includes(text):
    """[(line, header, is quoted)]"""
    return [(text.count("\n", 0, m.start()) + 1, m.group(2), m.group(1) == '"')
            for m in _INCLUDE.finditer(text)]


def module_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "src" else None


def _own_header(path, line, header, levels_):
    """What is wrong with including one of our headers from `path`; None: nothing."""
    module, other = module_of(path), header.split("/")[0]
    if other not in levels_ or other == module:
        return None
    if "/detail/" in header:
        return Finding(path, line, "private", f'"{header}" is private to {other}')
    if module is None:
        return None  # tests/, bench/: above all levels
    if module not in levels_:
        return Finding(path, line, "level", f"{module} has no level in tools/lint.d/levels.txt")
    if levels_[other] >= levels_[module]:
        way = "sideways" if levels_[other] == levels_[module] else "upward"
        return Finding(path, line, "level", f"{way}: {module} (level {levels_[module]}) includes "
                       f"{other} (level {levels_[other]}); ask for an interface in ports.h instead")
    return None


def _allowed(path, allowed):
    module = module_of(path)
    return any(who == module or (who.endswith(".cc") and path.endswith(".cc") and who[:-3] == module)
               or (who.endswith("/") and path.startswith(who)) for who in allowed)


def _foreign_header(path, line, header):
    for prefix, allowed in foreign():
        if header.startswith(prefix) and not _allowed(path, allowed):
            return Finding(path, line, "foreign-header",
                           f"<{header}> may be included by {', '.join(allowed)} only")
    return None


def _sources(tree):
    return [p for p in tree.sources(".h", ".cc") if p.split("/")[0] in ("src", "tests", "bench")]


def _file_cycles(tree):
    """Cycles of includes between the files of a module (levels rule out the rest)."""
    graph = {}
    for path in _sources(tree):
        graph[path] = [(line, "src/" + header) for line, header, _ in includes(tree.text(path))
                       if "src/" + header in tree.paths]
    done, findings = set(), []

    def visit(path, trail):
        if path in done:
            return
        for line, target in graph.get(path, []):
            if target in trail or target == path:
                findings.append(Finding(path, line, "cycle", "include cycle: " + " > ".join(
                    [*trail[trail.index(target) if target in trail else len(trail):], path, target])))
            else:
                visit(target, [*trail, path])
        done.add(path)

    for path in graph:
        visit(path, [])
    return findings


def edges(tree, with_tests=False):
    """{module: {modules that it includes}}"""
    graph = {}
    for path in _sources(tree):
        module = module_of(path)
        if module is None or ("/tests/" in path and not with_tests):
            continue
        used = graph.setdefault(module, set())
        for _, header, _ in includes(tree.text(path)):
            other = header.split("/")[0]
            if other in levels() and other != module and "/" in header:
                used.add(other)
    return graph


def reachable(graph, start):
    seen, todo = set(), [start]
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def cmake_edges(tree):
    """{module: {modules that it links}} from muster_module(... DEPS ...)."""
    graph = {}
    for path in tree.paths:
        if re.fullmatch(r"src/\w+/CMakeLists\.txt", path):
            for call in re.finditer(r"muster_module\(([^)]*)\)", tree.text(path)):
                words = call.group(1).split()
                after = words[words.index("DEPS") + 1:] if "DEPS" in words else []
                stop = [i for i, w in enumerate(after) if w in ("LIBS", "TEST_DEPS", "ASIO")]
                graph[words[0]] = set(after[:stop[0]] if stop else after)
    return graph


def _links(tree):
    findings = []
    linked = cmake_edges(tree)
    for module, deps in linked.items():
        path = f"src/{module}/CMakeLists.txt"
        for other in sorted(deps):
            if module in levels() and levels().get(other, 99) >= levels()[module]:
                findings.append(Finding(path, 0, "level", f"{module} links {other}, which is not "
                                        "on a lower level"))
    for name, graph in (("links", linked), ("includes", edges(tree))):
        for extra in sorted(reachable(graph, "agent") - AGENT_MODULES):
            findings.append(Finding("src/agent/CMakeLists.txt", 0, "agent", f"the agent {name} "
                                    f"{extra}, which is not on its allow-list"))
    return findings


def check(tree):
    findings = []
    for path in _sources(tree):
        for line, header, quoted in includes(tree.text(path)):
            wrong = _own_header(path, line, header, levels()) or _foreign_header(path, line, header)
            if wrong:
                findings.append(wrong)
            elif quoted and header.startswith(".."):
                findings.append(Finding(path, line, "level", f'"{header}": write the path from src/'))
    return findings + _file_cycles(tree) + _links(tree)
