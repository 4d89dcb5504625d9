"""`make bench`: every bench in turn, or those named on the command line."""

import importlib
import sys
from pathlib import Path


def main(wanted: list[str]) -> None:
    """Run bench_<name>.main() of each bench beside this file."""
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    unknown = [name for name in wanted if name not in names]
    if unknown:
        sys.exit(f"no bench is called {', '.join(unknown)}; there are: {', '.join(names)}")
    sys.argv[1:] = []  # a bench that is run by itself reads sizes from there
    for name in wanted or names:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"tests.bench.bench_{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
