"""Fuzz one target with atheris, or with hypothesis where atheris is not installed.

``python -m tests.fuzz.coverage_guided TARGET SECONDS``; what makes a target fail is printed and
kept in ``.fuzz/``, and belongs into a test.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEPT = Path(".fuzz")


def with_atheris(name: str, limit_s: int) -> None:
    """Run libFuzzer on a target, with the package's own branches as its guide."""
    import atheris

    with atheris.instrument_imports(include=["glm_magic"]):
        from tests.fuzz.targets import TARGETS, seeds
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, data in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(data)
    KEPT.mkdir(exist_ok=True)
    options = [f"-max_total_time={limit_s}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=8192"]
    where = [f"-artifact_prefix={KEPT}/{name}-", str(corpus)]
    atheris.Setup([sys.argv[0], *options, *where], TARGETS[name])
    atheris.Fuzz()


def with_hypothesis(name: str, limit_s: int) -> None:
    """Spoil good input at random for as long."""
    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.targets import TARGETS
    from tests.fuzz.test_any_input import spoilt

    until = time.monotonic() + limit_s

    @given(spoilt(name))
    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    def spoil(data: bytes) -> None:
        TARGETS[name](data)

    while time.monotonic() < until:
        spoil()


def main() -> int:
    """Fuzz one target, or each for its share of the time."""
    name, limit_s = (sys.argv[1:] + ["all", "540"][len(sys.argv) - 1 :])[:2]
    if name == "all":
        from tests.fuzz.targets import TARGETS

        share = str(max(1, int(limit_s) // len(TARGETS)))
        command = [sys.executable, "-m", "tests.fuzz.coverage_guided"]
        return max(
            subprocess.run([*command, each, share], check=False).returncode for each in TARGETS
        )
    try:
        import atheris  # noqa: F401
    except ImportError:
        with_hypothesis(name, int(limit_s))
    else:
        with_atheris(name, int(limit_s))
    return 0


if __name__ == "__main__":
    sys.exit(main())
