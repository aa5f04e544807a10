"""`pydocs` and `pycode`: what they are made from, what stays of it, and that it is ever the same."""

import ast
import inspect
import os
import pickle
import signal
import subprocess
import sys
from fcntl import ioctl
from importlib import import_module
from pathlib import Path
from termios import FIONREAD

import psutil
import pytest

from data_pipelines.corpora import corpus_digest, dedup
from data_pipelines.corpora.packages import cleaning, extraction
from data_pipelines.corpora.packages.embedded import PACKAGES, PackagesConfig, PyCode, PyDocs
from data_pipelines.corpora.packages.extraction import extract
from data_pipelines.corpora.packages.sources import (
    SourceFile,
    docstrings,
    parse,
    read_source,
    source_files,
    versions,
    without_docstrings,
)
from data_pipelines.errors import OstinatoError
from data_pipelines.system.children import child
from tests.sweeps.command_line import until

FEW = ("optax", "rich")

SOURCE = '''\
"""Module's."""
# a comment stays
import os


class A:
    """Class's."""

    def only_a_docstring(self):
        """One.

        Two, é.
        """

    async def b(self):
        "B's."; return """not a docstring"""

    if os.name:
        def c(self): "C's."
        try:
            pass
        except OSError:
            def d(self):
                """D's."""
                x = 1  # layout   stays
                return x
'''
PROSE = (
    "The pool is the part of the corpus that is seen again and again, and it is disjoint from the "
    "stream of text that goes by only once. To compare runs, the sequences that stand in the same "
    "places are the same in all of them, so that differences are paired and that noise is small."
)


def test_docstrings_are_those_that_python_itself_shows():
    found = dict(docstrings(parse(SOURCE)))
    namespace = {"__name__": "m"}
    exec(compile(SOURCE, "m.py", "exec"), namespace)
    a = namespace["A"]
    assert found == {
        "": "Module's.",
        "A": inspect.getdoc(a),
        "A.only_a_docstring": inspect.getdoc(a.only_a_docstring),
        "A.b": inspect.getdoc(a.b),
        "A.c": inspect.getdoc(a.c),
        "A.d": "D's.",
    }


def test_code_without_docstrings_is_the_same_program_with_its_comments():
    module = parse(SOURCE)
    bare = without_docstrings(SOURCE, module)
    assert not dict(docstrings(parse(bare)))
    assert '"""not a docstring"""' in bare and "# layout   stays" in bare and "# a comment" in bare
    assert ast.dump(_without(parse(bare))) == ast.dump(_without(module))


@pytest.mark.parametrize("file", source_files(FEW)[::9], ids=lambda file: file.name)
def test_real_files_lose_their_docstrings_and_nothing_else(file):
    source = read_source(file.path)
    bare = parse(without_docstrings(*source))
    assert not dict(docstrings(bare))
    assert ast.dump(_without(bare)) == ast.dump(_without(source.module))


def _without(module):
    """The tree with `pass` for every docstring that is all of a body, and without all others."""
    for node in ast.walk(module):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node) is not None:
                del body[0]
            node.body = [s for s in body if not isinstance(s, ast.Pass)]
    return module


def test_files_that_are_not_python_or_not_utf8_are_passed_over(tmp_path):
    for name, data in {"a.py": b"def (", "b.py": b"x = '\xe9'", "c.py": b"x = 1\0"}.items():
        (tmp_path / name).write_bytes(data)
        assert read_source(tmp_path / name) is None
    assert read_source(tmp_path / "none.py") is None


def test_prose_is_kept_and_doctests_tables_code_and_licences_are_not():
    doc = f"""{PROSE}

    Examples
    --------
    >>> 1 + 1
    2

    ====  ====
    a     b
    ====  ====

    +---+---+
    | a | b |
    +---+---+

    ```python
    x = f(y)[0]
    ```

    x[i, j] = {{(k, 0): [1, 2, 3]}}  # f(g(h[0])) == 3 * (4 - 1)

    Licensed under the Apache License, Version 2.0; see the file LICENSE for its terms.
    """
    assert cleaning.clean_prose(inspect.cleandoc(doc)) == PROSE


@pytest.mark.parametrize(
    "text",
    [
        "Return the name.",
        ">>> f(x)\n1\n" * 100,
        "alpha beta gamma delta " * 20,
        "12 + 34 = 46 " * 50,
    ],
    ids=["short", "doctest", "list of names", "numbers"],
)
def test_what_is_not_english_prose_is_dropped(text):
    assert cleaning.clean_prose(text) is None


def test_spaces_and_line_ends_are_of_one_kind():
    assert cleaning.normalise("a\u00a0b \t\r\n\r\n\r\n\x00c\ud800\ufeff ") == "a b\n\nc"


def test_licence_headers_leave_code_and_generated_files_are_known_by_their_word():
    code = "import os\n\n\n" + "value = os.getcwd()\n" * 20
    licence = "# Copyright 2024 Somebody.\n# Licensed under the Apache License\n\n"
    assert cleaning.clean_code(licence + code) == code.strip()
    assert cleaning.clean_code("# what this is for\n" + code).startswith("# what this is for")
    assert cleaning.is_generated('"""This file is MACHINE GENERATED! Do not edit."""')
    assert not cleaning.is_generated(code)


def test_near_duplicates_are_found_and_others_left():
    texts = [
        PROSE,
        PROSE.replace("small", "little"),
        inspect.getdoc(ast.parse),
        PROSE.upper() + "!",
    ]
    signatures = [dedup.signature(dedup.word_shingles(text)) for text in texts]
    assert list(dedup.first_of_kind(signatures)) == [None, 0, None, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("among_namesakes")
def test_the_outcome_is_the_same_for_any_number_of_processes_and_holds_no_duplicate():
    one, two = extract("prose", FEW, processes=1), extract("prose", FEW, processes=2)
    assert one == two
    texts = [document.text for document in one.documents]
    assert len(set(texts)) == len(texts) > 50
    assert one.documents == sorted(one.documents)
    sizes = [stage["bytes"] for stage in one.stages.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == sum(len(text.encode()) for text in texts)


def test_a_process_that_is_stopped_while_it_tells_what_it_read_loses_nothing_of_it():
    modules = ("argparse", "datetime", "inspect", "subprocess", "typing")
    files = [SourceFile(name, Path(import_module(name).__file__)) for name in modules]
    process = subprocess.Popen(
        child(f"{extraction.__name__}:serve"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},  # as in most containers
    )
    with process.stdin:
        process.stdin.write(pickle.dumps(("code", [files])))
    process.stdin = None  # or communicate would flush it

    def waits_to_be_read() -> bool:
        pending = ioctl(process.stdout, FIONREAD, bytes(4))
        status = psutil.Process(process.pid).status()
        return any(pending) and status == psutil.STATUS_SLEEPING

    told = b""
    for _ in range(10):
        until(waits_to_be_read)
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        told += os.read(process.stdout.fileno(), 2**12)
    (chunk,) = pickle.loads(told + process.communicate()[0])
    assert [document.source for document in chunk.documents] == list(modules)


@pytest.mark.slow
def test_a_script_without_a_guard_can_prepare_a_corpus(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from data_pipelines.corpora.packages.embedded import PyDocs\n"
        "PyDocs.processes = 2\n"
        f"PyDocs('{tmp_path}', {FEW!r}).download_and_prepare()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert PyDocs(tmp_path, FEW).info.splits["train"].num_examples > 50


@pytest.mark.slow
@pytest.mark.parametrize("kind", [PyDocs, PyCode])
def test_a_corpus_records_its_packages_and_a_digest_that_is_reproduced(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(kind, "processes", 1)
    digests = set()
    for place in ("a", "b"):
        builder = kind(tmp_path / place, FEW)
        builder.download_and_prepare()
        opened = kind(tmp_path / place, FEW)
        assert opened.info.metadata["packages"] == versions(FEW)
        digests.add(corpus_digest(opened))
    assert len(digests) == 1


def test_other_packages_or_versions_make_another_corpus(monkeypatch):
    names = {PackagesConfig.of(packages).name for packages in (FEW, FEW[:1], PACKAGES)}
    assert len(names) == 3
    assert PackagesConfig.of(FEW[::-1]).name == PackagesConfig.of(FEW).name
    monkeypatch.setattr("importlib.metadata.Distribution.version", "99")
    assert PackagesConfig.of(FEW).name not in names


def test_the_list_is_of_core_dependencies_and_a_missing_package_is_named():
    assert set(versions(PACKAGES)) == set(PACKAGES)
    with pytest.raises(OstinatoError, match="package no-such-package is not installed"):
        versions(["no-such-package"])
