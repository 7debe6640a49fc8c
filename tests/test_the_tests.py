"""Every test can fail: it asserts something, itself or by a function of the tests that it calls."""

import ast
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

TESTS = Path(__file__).parent
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("*.py"))}
FAILS = {"raises", "warns", "fail", "check_call", "check_output"}
"""calls of pytest and subprocess that raise where what was expected does not happen"""


def functions() -> Iterator[Tuple[Path, ast.FunctionDef]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def called(node: ast.AST) -> Set[str]:
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return {getattr(func, "attr", getattr(func, "id", "")) for func in calls}


def functions_that_can_fail() -> Set[str]:
    """The names of functions that assert, or call one that does."""
    able = set(FAILS)
    calls: Dict[str, Set[str]] = {}
    for _, node in functions():
        calls.setdefault(node.name, set()).update(called(node))
        if any(isinstance(part, (ast.Assert, ast.Raise)) for part in ast.walk(node)):
            able.add(node.name)
    more = able
    while more:
        more = {name for name, others in calls.items() if name not in able and others & able}
        able |= more
    return able


def test_every_test_asserts_something() -> None:
    able = functions_that_can_fail()
    tests = [(path.name, node.name) for path, node in functions() if node.name.startswith("test_")]
    assert len(tests) > 1000
    assert [(file, name) for file, name in tests if name not in able] == []


def test_no_two_tests_of_a_file_have_one_name() -> None:
    """The second would take the place of the first, which then never runs."""
    doubled: List[str] = []
    for path, tree in TREES.items():
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        doubled += [f"{path.name}: {name}" for name in sorted(set(names)) if names.count(name) > 1]
    assert doubled == []


def test_no_text_is_replaced_by_itself() -> None:
    same = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "replace" and len(node.args) >= 2:
                if ast.dump(node.args[0]) == ast.dump(node.args[1]):
                    same.append((path.name, node.lineno))
    assert same == []
