"""Code lines per layer, and the lines of the tests: ``python -m benchmarks.lines``.

Code lines are those of .py files without blank lines, comments and docstrings, and of .css, .js and .j2 files and code
cells of notebooks without blank lines.
"""

from __future__ import annotations

import ast
import io
import json
import subprocess
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}


def code_lines(source: str) -> int:
    r"""Code lines of Python source.

    >>> code_lines('def f():\n    "Says why."\n\n    return 1  # one\n')
    2
    """
    documented, lines = set(), set()
    for node in ast.walk(ast.parse(source)):
        for statement in node.body if isinstance(getattr(node, "body", None), list) else ():
            if isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str):
                documented.update(range(statement.lineno, statement.end_lineno + 1))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def lines_of(path: Path) -> int:
    """Code lines of a file of any kind that counts."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return code_lines(text)
    if path.suffix == ".ipynb":
        cells = ("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        text = "\n".join(cells)
    return sum(bool(line.strip()) for line in text.splitlines())


def layer_of(path: Path) -> str | None:
    """The layer that a file belongs to; None for what does not count."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "notebooks" and path.suffix == ".ipynb":
        return "notebooks"
    if parts[:2] != ("src", "analysis") or path.suffix not in {".py", ".css", ".js", ".j2"}:
        return None
    return parts[2] if len(parts) > 3 else "(top)"


def main() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    lines, files, tests = Counter(), Counter(), 0
    for path in (path for name in listed.splitlines() if (path := ROOT / name).is_file()):
        if layer := layer_of(path):
            lines[layer] += lines_of(path)
            files[layer] += 1
        elif path.suffix == ".py" and path.relative_to(ROOT).parts[0] == "tests":
            tests += len(path.read_text(encoding="utf-8").splitlines())
    for layer, count in lines.most_common():
        print(f"{layer:12} {count:7,} lines in {files[layer]:3} files")
    print(f"{'all code':12} {lines.total():7,} lines in {files.total():3} files; tests {tests:,} lines")


if __name__ == "__main__":
    main()
