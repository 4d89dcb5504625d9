"""What an operator sees from outside: metrics, structured logs, traces. The only place that knows how they are made.

All of it is off until a setting asks for it; then the marks that verbs carry (`traced`, `counts_picture`,
`counts_failure`) begin to say something. Nouns carry none. Names of metrics and labels are read by
infra/grafana/dashboard.json and infra/prometheus/alerts.yaml; a test holds the three together.
"""

import contextvars
import datetime as dt
import functools
import inspect
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import orjson
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tasks.delivery.ledger import JobResult, LeasedJob, Ledger
from tasks.errors import ConfigurationError, LedgerError
from tasks.settings import Settings
from tasks.storage.base import ObjectStore, StoredObject

P = ParamSpec("P")
R = TypeVar("R")

PORTS = 32  # tried one after another: an agent and its renderers share a host
LEDGER_SECONDS = 15.0  # between two counts of the ledger, however often somebody scrapes
NOTHING: Mapping[str, str] = MappingProxyType({})
CONTEXT: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("telemetry", default=NOTHING)
TALKATIVE = ("botocore", "boto3", "urllib3", "s3transfer", "httpx", "httpcore")  # whole requests, signed
PARAMETERS = {"run_id": "run", "number": "shard"}  # what a verb's parameters are called in logs and traces

REGISTRY = CollectorRegistry()
PICTURES = Counter("shangxin_pictures", "Takes made and judged, by verdict.", ["verdict"], registry=REGISTRY)
FAILURES = Counter("shangxin_failures", "Jobs that could not be rendered.", registry=REGISTRY)
TAKES = Counter("shangxin_takes", "Takes that were not approved, by cause.", ["cause"], registry=REGISTRY)
STAGES = Counter("shangxin_stage_seconds", "Seconds of work, by stage.", ["stage"], registry=REGISTRY)
BUCKETS = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
SECONDS = Histogram("shangxin_picture_seconds", "From text to stored master.", buckets=BUCKETS, registry=REGISTRY)
STORED = Counter("shangxin_stored_bytes", "Bytes put into the store, by folder.", ["kind"], registry=REGISTRY)
COST = Counter("shangxin_cost", "Spent on rendering, in the currency of the settings.", registry=REGISTRY)
DROPS = Counter("shangxin_inbox_drops", "Catalogues from the inbox, by how they ended.", ["state"], registry=REGISTRY)


class _Running:
    """What this process has started."""

    lock = threading.Lock()
    done = False
    port = 0
    tracer: Any = None


def start_telemetry(settings: Settings, ledger: Callable[[], Ledger]) -> None:
    """Start what the settings ask for, once a process. `ledger` is opened only when somebody scrapes."""
    with _Running.lock:
        if _Running.done:
            return
        _Running.done = True
        if settings.log_format == "json":
            log_as_json(settings.log_level)
        if settings.metrics_port:
            REGISTRY.register(_LedgerFigures(ledger))
            REGISTRY.register(_CardMemory())
            _Running.port = serve_metrics(settings.metrics_host, settings.metrics_port)
        if settings.traces:
            _Running.tracer = open_tracer(settings.traces)


def serve_metrics(host: str, first_port: int) -> int:
    """Serve /metrics on the first free of some ports; which one. ConfigurationError where none is free."""
    for port in range(first_port, first_port + PORTS):
        with suppress(OSError):
            start_http_server(port, addr=host, registry=REGISTRY)
            return port
    raise ConfigurationError(f"no port of {first_port}..{first_port + PORTS - 1} is free on {host} for metrics.")


class _LedgerFigures(Collector):
    """Queue depth and agents, as the ledger has them. A database that does not answer leaves them out."""

    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger, self._counted = ledger, 0.0
        self._families: tuple[GaugeMetricFamily, ...] = ()
        self._lock = threading.Lock()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() - self._counted > LEDGER_SECONDS or not self._counted:
                with suppress(LedgerError):
                    self._families = tuple(self._read())
                self._counted = time.monotonic()
            yield from self._families

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # registering must not open the ledger

    def _read(self) -> Iterator[GaugeMetricFamily]:
        ledger = self._ledger()
        jobs = GaugeMetricFamily("shangxin_jobs", "Jobs in the ledger, by state.", labels=["state"])
        for state, number in {"ready": 0, "leased": 0, "dead": 0, **ledger.states()}.items():
            jobs.add_metric([state], number)
        yield jobs
        waiting = ledger.verdicts().get("review", 0)
        yield GaugeMetricFamily("shangxin_waiting_for_people", "Pictures that wait for a decision.", value=waiting)
        agents = len(ledger.agents(seen_within_seconds=120))
        yield GaugeMetricFamily("shangxin_agents", "Renderers heard of within two minutes.", value=agents)


class _CardMemory(Collector):
    """Memory of this process's card; nothing where nothing has been loaded onto one."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
            return
        memory = GaugeMetricFamily("shangxin_gpu_memory_bytes", "Memory of the card.", labels=["device", "kind"])
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            kinds = {"allocated": torch.cuda.memory_allocated(number), "used": total - free, "total": total}
            for kind, value in kinds.items():
                memory.add_metric([str(number), kind], float(value))
        yield memory


class MeteredStore:
    """Another store, with the bytes counted that were put into it."""

    def __init__(self, store: ObjectStore) -> None:
        self.inner, self.uri = store, store.uri

    def put(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        return _metered(self.inner.put(key, data, content_type=content_type))

    def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        return _metered(self.inner.put_file(key, path, content_type=content_type))

    def get(self, key: str) -> bytes:
        return self.inner.get(key)

    def exists(self, key: str) -> bool:
        return self.inner.exists(key)

    def head(self, key: str) -> StoredObject | None:
        return self.inner.head(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return self.inner.keys(prefix)

    def delete(self, key: str) -> None:
        self.inner.delete(key)


def _metered(stored: StoredObject) -> StoredObject:
    STORED.labels(stored.key.partition("/")[0]).inc(stored.bytes)
    return stored


def traced(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a verb: a span of that name, and its run, shard and job in every log line from within."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def marked(*args: P.args, **kwargs: P.kwargs) -> R:
            fields = _fields(signature.bind_partial(*args, **kwargs).arguments)
            with bound(**fields), span(name, fields):
                return function(*args, **kwargs)

        return marked

    return mark


def counts_picture(function: Callable[P, JobResult]) -> Callable[P, JobResult]:
    """Marks what makes one take: verdict, causes, seconds and cost are counted from what it returns."""

    @functools.wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> JobResult:
        result = function(*args, **kwargs)
        count_picture(result)
        return result

    return counted


def counts_failure(function: Callable[P, R]) -> Callable[P, R]:
    """Marks what sets a job aside."""

    @functools.wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        FAILURES.inc()
        return function(*args, **kwargs)

    return counted


def count_picture(result: JobResult) -> None:
    PICTURES.labels(result.verdict.status).inc()
    if result.verdict.status != "approved":
        for cause in {finding.cause or finding.check for finding in result.verdict.failures}:
            TAKES.labels(cause).inc()
    for stage, seconds in result.timings.items():
        STAGES.labels(stage).inc(max(0.0, seconds))
    SECONDS.observe(sum(result.timings.values()))
    COST.inc(max(0.0, result.cost))


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """These fields in every log line of this thread until the context ends."""
    token = CONTEXT.set({**CONTEXT.get(), **fields})
    try:
        yield
    finally:
        CONTEXT.reset(token)


def span(name: str, fields: Mapping[str, str]) -> AbstractContextManager[Any]:
    """A span of the trace, where traces are on."""
    if _Running.tracer is None:
        return nullcontext()
    attributes = {f"shangxin.{key}": value for key, value in fields.items()}
    opened: AbstractContextManager[Any] = _Running.tracer.start_as_current_span(name, attributes=attributes)
    return opened


def open_tracer(endpoint: str) -> Any:
    """A tracer that sends spans to an OTLP/HTTP collector. ConfigurationError without the `traces` extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError("SHANGXIN_TRACES needs OpenTelemetry. Run pip install 'shangxin[traces]'.") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "shangxin"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    return provider.get_tracer("shangxin")


def log_as_json(level: str) -> None:
    """One JSON object a line on standard error, Prefect's own lines included."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("prefect").setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """Time, level, logger and message; run, shard and job where they are known; Prefect's run by name."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **CONTEXT.get(),
        }
        for name in ("flow_run_name", "task_run_name"):
            if getattr(record, name, None):
                line[name] = getattr(record, name)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _fields(arguments: Mapping[str, Any]) -> dict[str, str]:
    fields = {PARAMETERS[name]: str(value) for name, value in arguments.items() if name in PARAMETERS}
    run_id = getattr(arguments.get("self"), "run_id", "")
    if run_id:
        fields["run"] = str(run_id)
    lease = arguments.get("lease")
    if isinstance(lease, LeasedJob):
        fields |= {"job": lease.job_id, "sku": lease.sku}
    return fields
