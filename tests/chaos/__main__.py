"""`make chaos`, or `python -m tests.chaos [rounds] [--seed N] [--model M] [--outage SECONDS] [--only harm,harm]`.

Each round is a campaign on a whole installation of real processes, with a few harms at random moments. Its end is
compared with that of the same campaign in one undisturbed process: the same job ids, the same checksums, nothing twice,
nothing missing. Every fifth round has a poisoned job as well: it must be set aside, and everything else be made.
`--model sleep-20ms` is quicker and spends no time on pictures; `--outage 600` is the server gone for ten minutes.
"""

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from flows.environment import keep_prefect_at

HOME = Path(tempfile.mkdtemp(prefix="shangxin-chaos-"))
HOME.chmod(0o755)  # PostgreSQL is another user
keep_prefect_at(HOME / "client")  # before anything imports Prefect

from flows.embedded import connected  # noqa: E402
from tasks.errors import LedgerError  # noqa: E402
from tests.chaos.comparing import differences  # noqa: E402
from tests.chaos.harms import HARMS, NAMED, Harm, Night, choose, poisoning, right_clocks  # noqa: E402
from tests.chaos.installation import Installation, run_of, wait_until  # noqa: E402

PATIENCE_SECONDS = 600.0  # of a machine with other things to do
POISON_EVERY = 5
SPREAD_SECONDS = 4.0  # within which all harms begin


class Round(NamedTuple):
    """One round's line of the table."""

    number: int
    harms: tuple[str, ...]
    wrong: str
    seconds: float
    jobs: int
    deaths: int  # jobs in hand that were taken from the dead or the silent


def play(installation: Installation, number: int, given: argparse.Namespace) -> Round:
    """One round. The dice are this round's own: it comes out the same whichever rounds were before."""
    dice, started = Random(f"{given.seed}-{number}"), time.monotonic()
    run_id, brief = run_of(number), installation.brief(number)
    expected = installation.undisturbed(brief, run_id)
    poisoned = dice.choice(sorted(expected.lines)) if number % POISON_EVERY == 0 else ""
    harms = _named(given.only) or choose(dice, given.harms, poisoned=bool(poisoned))
    say(f"round {number}: {len(expected.lines)} jobs, undisturbed in {time.monotonic() - started:.0f} s")
    wait = partial(wait_until, seconds=PATIENCE_SECONDS + given.outage, meanwhile=partial(revive, installation))
    night = Night(installation, run_id, brief, dice, given.outage, threading.Lock())
    try:
        with poisoning(night, poisoned):
            installation.start(brief, run_id)
            wait(lambda: installation.under_way(run_id), "the first picture")
            do_all(harms, night)
            wait(lambda: installation.over(run_id), "the end of the run")
            wait(lambda: not installation.leaders(run_id), "the end of who led it")
        wrong = "; ".join(differences(installation.place, run_id, expected, poisoned))
    except TimeoutError as error:
        wrong = str(error)
    right_clocks(installation.stack)
    deaths = sum(record.failures for record in installation.place.ledger.results(run_id))
    names = tuple(harm.__name__ for harm in harms) + (("poison",) if poisoned else ())
    return Round(number, names, wrong, time.monotonic() - started, len(expected.lines), deaths)


def revive(installation: Installation) -> None:
    """As containers are: what ended by itself comes back."""
    for name in installation.stack.revive():
        say(f"    {name} ended by itself and was started again")


def do_all(harms: list[Harm], night: Night) -> None:
    """Each at a moment of its own within the first seconds of rendering, beside the others."""

    def do(harm: Harm, night: Night) -> None:
        time.sleep(night.dice.uniform(0, SPREAD_SECONDS))
        late = "" if is_rendering(night) else " (when all was rendered)"
        say(f"    {harm(night)}{late}")

    with ThreadPoolExecutor(max(1, len(harms))) as pool:
        nights = [night._replace(dice=Random(night.dice.random())) for _ in harms]
        doing = [pool.submit(copy_context().run, do, harm, own) for harm, own in zip(harms, nights, strict=True)]
    for done in doing:
        done.result()


def is_rendering(night: Night) -> bool:
    """Something of the run is still to be rendered; True where the database is away."""
    try:
        return night.installation.place.ledger.counts(night.run_id).unfinished > 0
    except LedgerError:
        return True


def print_table(rounds: list[Round]) -> None:
    """A line a round, and how often each harm was done."""
    say(f"\n{'round':>5}  {'s':>4}  {'jobs':>4}  {'deaths':>6}  {'end':<14} harms")
    for each in rounds:
        figures = f"{each.number:>5}  {each.seconds:>4.0f}  {each.jobs:>4}  {each.deaths:>6}"
        say(f"{figures}  {'DIFFERS' if each.wrong else 'as undisturbed':<14} {', '.join(each.harms)}")
    done = Counter(name for each in rounds for name in each.harms)
    say(f"harms done: {', '.join(f'{name} {number}' for name, number in sorted(done.items()))}")
    wrong = sum(bool(each.wrong) for each in rounds)
    say(f"{len(rounds)} rounds, {sum(each.jobs for each in rounds)} jobs, {wrong} rounds differ")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _named(names: str) -> list[Harm]:
    return [NAMED[name] for name in names.split(",") if name]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Random harm to real processes, round after round.")
    parser.add_argument("rounds", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--first", type=int, default=1, help="number of the first round; every fifth is poisoned")
    parser.add_argument("--only", default="", help="harms by name, comma-separated: " + ", ".join(sorted(NAMED)))
    parser.add_argument("--products", type=int, default=6, help="a round has two jobs a product")
    parser.add_argument("--harms", type=int, default=3)
    parser.add_argument("--model", default="kolors-nano")
    parser.add_argument("--outage", type=float, default=0, help="seconds that Prefect's server stays away; 0: a few")
    return parser.parse_args()


def main() -> int:
    """Rounds until one fails; 1 with the seed that brings it back, else 0."""
    given = _arguments()
    say(f"seed {given.seed}, {given.model}, {len(HARMS)} kinds of harm, in {HOME}")
    installation, rounds = Installation(HOME, products=given.products, model=given.model), list[Round]()
    with installation.stack as stack, connected(stack.api):
        for number in range(given.first, given.first + given.rounds):
            rounds.append(play(installation, number, given))
            say(f"    {rounds[-1].wrong or 'as undisturbed'} ({rounds[-1].seconds:.0f} s)")
            if rounds[-1].wrong:
                break
    print_table(rounds)
    if rounds and rounds[-1].wrong:
        again = f"1 --seed {given.seed} --first {rounds[-1].number} --model {given.model} --products {given.products}"
        say(f'logs: {HOME}/stack; the same again: make chaos ARGS="{again} --harms {given.harms}"')
        return 1
    shutil.rmtree(HOME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
