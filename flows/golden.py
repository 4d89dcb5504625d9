"""The drift watch as a deployment: the golden pictures before the night, compared with the last accepted ones."""

from prefect import flow

from tasks.drifting import watch
from tasks.errors import ConfigurationError
from tasks.runs import new_run_id
from tasks.workplace import open_workplace


@flow(name="drift", persist_result=False)
def watch_golden(model: str = "kolors-nano", accept: bool = False) -> str:
    """质量漂移 Render the golden pictures here and compare; the run fails where something jumped.

    Args:
        model: 模型 Which model set.
        accept: 接受 Take tonight's pictures as the ones to compare with.
    """
    watched = watch(open_workplace(), model, new_run_id(), accept=accept)
    if watched.jumps and not accept:
        raise ConfigurationError(f"漂移 drift: {watched}. If it is meant, run again with accept.")
    return str(watched)
