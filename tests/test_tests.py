"""What holds of the tests themselves."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = sorted(HERE.rglob("*.py"))

UNITS = {
    *("BLOCK", "BOX_UNIT", "CONTRAST", "IGNORE", "IGNORED", "LABELS", "LEFT", "MINUS"),
    *("NONE", "NOT_A_DIGIT", "OTHERS", "OWN", "PAGE", "RIGHT", "SHEET_S", "WRITING"),
}
"""Numbers that tests share with the code because they make what it reads: units, labels, lengths of rows."""


def names(path):
    return str(path.relative_to(HERE))


def constants(module):
    """The names of a module's numbers, and of its tuples of numbers."""
    path = HERE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            leaves = [leaf for leaf in ast.walk(node.value) if isinstance(leaf, ast.Constant)]
            if leaves and all(isinstance(leaf.value, int | float) for leaf in leaves):
                found |= {name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)}
    return {name for name in found if name.isupper()}


@pytest.mark.parametrize("path", TESTS, ids=names)
def test_no_test_takes_the_number_that_it_pins_from_the_code(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken, modules = set(), {}
    for node in ast.walk(tree):
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0]
        if ours in {"edge", "training", "convert"}:
            imported = {alias.name for alias in node.names}
            taken |= imported & constants(node.module)
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken |= {node.attr} & constants(modules.get(node.value.id, "edge"))
    assert taken <= UNITS


@pytest.mark.parametrize("path", TESTS, ids=names)
def test_no_test_shares_its_random_numbers_with_another(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shared = [
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).rpartition(".")[2] in {"default_rng", "Random", "RandomState"}
    ]
    # The functions of the modules themselves draw from one generator for all.
    shared += [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in {"random", "np.random"}
        and node.attr in {"seed", "random", "randint", "rand", "randn", "choice", "choices", "shuffle"}
        and "import random" in path.read_text(encoding="utf-8")
    ]
    assert not shared
