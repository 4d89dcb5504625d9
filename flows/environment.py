"""Prefect's own environment, set before Prefect is first imported: its home beside our output, telemetry off.

The one place that writes environment variables. Prefect reads them at import time and creates its home then, so
asking later would leave files in the user's ~/.prefect.
"""

import logging
import os
import sys
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.settings import Settings

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    # an error is told once and in plain words, by the command line; Prefect would print its traceback beforehand
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    # nothing of ours is ever pickled: JSON is also what may leave this machine
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # the recorder writes one task run at a time by default; batches of 100 are 2.6x as fast
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    # a run on a laptop has no schedules, no late runs and no automations
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}


CHATTY = ("torchao", "torch.utils._pytree")  # libraries that warn of what no user can act upon


def hush_libraries() -> None:
    """What model libraries remark on while they are imported does not belong on a user's terminal."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)


def prefect_home(settings: Settings) -> Path:
    """Where the embedded Prefect keeps its database and log: beside the output."""
    return settings.out / ".prefect"


def names_server() -> bool:
    """Whether PREFECT_API_URL names a server to work with: then none is embedded."""
    return bool(os.environ.get("PREFECT_API_URL"))


def keep_prefect_at(home: Path) -> None:
    """Give this process (and the server it starts) a Prefect home of its own. Call before Prefect is imported."""
    if "prefect" in sys.modules:
        raise RuntimeError("Prefect is already imported, so its home can no longer be chosen")
    home.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]  # a developer's profile or API address must not leak into an embedded run
    os.environ.update(QUIET)
    os.environ["PREFECT_HOME"] = str(home.resolve())
    os.environ["PREFECT_PROFILES_PATH"] = str(home.resolve() / "profiles.toml")


SERVER = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # the least that Prefect takes; automations tell the dead by it
    "PREFECT_WORKER_ENABLE_CANCELLATION": "true",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "15",
}


def join_prefect() -> str:
    """Work with the server of PREFECT_API_URL; its address. ConfigurationError where none is named.

    What the environment says already stays: a profile, an auth string, another pace.
    """
    address = os.environ.get("PREFECT_API_URL", "")
    if not address:
        raise ConfigurationError(
            "PREFECT_API_URL is not set; expected a Prefect server's address such as http://127.0.0.1:4200/api. "
            "`make stack` starts one here."
        )
    for name, value in SERVER.items():
        os.environ.setdefault(name, value)
    return address
