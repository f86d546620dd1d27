"""What the package promises about itself: names, weight, start-up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import finepick
from finepick.workflows.models import list_models_here

HEAVY = ("torch", "scipy", "onnxruntime", "sqlalchemy", "lxml", "rich", "typer", "PIL", "pyarrow")


def test_every_public_name_is_there_and_listed_once() -> None:
    assert finepick.__all__ == sorted(set(finepick.__all__))
    for name in finepick.__all__:
        assert getattr(finepick, name) is not None
    assert set(finepick.__all__) <= set(dir(finepick))


def test_importing_the_package_loads_nothing_heavy() -> None:
    listing = f"import sys, finepick; print([name for name in {HEAVY} if name in sys.modules])"

    assert _python(listing) == "[]"


def test_picking_on_the_command_line_never_loads_what_belongs_to_extras() -> None:
    listing = (
        "import sys, finepick; finepick.pick; finepick.best_of; finepick.load_scorer('measured');"
        "print([name for name in ('torch', 'pyarrow', 'rawpy', 'pandas') if name in sys.modules])"
    )

    assert _python(listing) == "[]"


def test_picking_on_the_command_line_loads_no_other_verbs_work(shoot: Path) -> None:
    """What edits, annotates, refines or serves would cost every run its start-up."""
    rooms = ("chat", "edits", "preferences", "project", "refinement", "training", "web")
    code = (
        "import sys\nfrom finepick.cli import main\n"
        f"sys.argv = ['finepick', 'pick', {str(shoot)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print([name for name in {rooms} if 'finepick.' + name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_importing_takes_less_than_a_third_of_a_second_beyond_python_itself() -> None:
    ours = min(_seconds("import finepick") for _ in range(5))
    floor = min(_seconds("pass") for _ in range(5))

    assert ours - floor < 0.3


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    assert not hasattr(finepick, "no_such_thing")


def test_every_scorer_in_the_catalogue_says_who_it_is() -> None:
    for entry in list_models_here():
        if entry.is_here:
            info = finepick.load_scorer(entry.name).info
            assert info.name == entry.name
            assert len(info.fingerprint) == 64


def _python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    _python(code)
    return time.perf_counter() - begun
