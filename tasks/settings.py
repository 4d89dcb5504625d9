"""Where it runs: settings from SHANGXIN_* variables and .env. Nothing here changes a pixel."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[1]


class BucketSettings(BaseModel, frozen=True, extra="forbid"):
    """What one bucket has of its own; what is empty is as for the others."""

    endpoint: str = ""
    region: str = ""
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class Settings(BaseSettings):
    """Set any of these as SHANGXIN_<NAME> in the environment or in .env."""

    model_config = SettingsConfigDict(env_prefix="SHANGXIN_", env_file=".env", extra="ignore", frozen=True)

    out: Path = Field(default=Path("out"), description="Folder for ledger, Prefect home and the default store.")
    store: str = Field(default="", description="Local folder or s3://bucket/prefix; empty: <out>.")
    database: str = Field(default="", description="SQLAlchemy URL of the ledger; empty: SQLite in <out>/ledger.db.")
    templates: Path = Field(default=PROJECT / "templates", description="Scenes, prompts, placements, brands.")
    models_dir: Path | None = Field(
        default=None, description="Folder with model sets; empty: the built-in draft model, or the Hub cache."
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps.")
    s3_endpoint: str = Field(default="", description="Endpoint of an S3-compatible store; empty: AWS.")
    s3_region: str = Field(default="us-east-1")
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = Field(
        default="", description="Server-side encryption of what is written; empty: the bucket's default."
    )
    s3_kms_key: str = Field(default="", description="KMS key of aws:kms; empty: the bucket's or the account's.")
    s3_storage_class: str = Field(default="", description="STANDARD_IA, INTELLIGENT_TIERING ...; empty: STANDARD.")
    s3_tags: dict[str, str] = Field(default_factory=dict, description='Tags of every object, as {"team": "shop"}.')
    s3_buckets: dict[str, BucketSettings] = Field(
        default_factory=dict,
        description='Buckets that differ, as {"inbox": {"endpoint": "...", "access_key": "..."}}.',
    )
    inbox: str = Field(default="", description="Where catalogues are dropped: s3://bucket/prefix or a folder.")
    inbox_queue: str = Field(default="", description="URL of the SQS queue with the inbox's events; empty: listing.")
    inbox_queue_endpoint: str = Field(default="", description="Endpoint of an SQS-compatible service; empty: AWS.")
    inbox_settle_seconds: float = Field(default=3, ge=0, description="A drop that changes within these is not whole.")
    inbox_look_seconds: float = Field(default=60, gt=0, description="Between two listings of the inbox.")
    inbox_tries: int = Field(default=5, ge=1, description="Interrupted tries after which a drop is set aside.")
    metrics_port: int = Field(default=0, ge=0, le=65503, description="Serves /metrics on it or the next free; 0: not.")
    metrics_host: str = Field(default="127.0.0.1", description="Where /metrics listens; 0.0.0.0 in a container.")
    log_format: Literal["text", "json"] = Field(default="text", description="json: one object a line on stderr.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    traces: str = Field(default="", description="OTLP/HTTP collector such as http://otel:4318; empty: none.")
    keep_runs: int = Field(default=30, ge=1, description="Housekeeping: the latest runs stay, however old.")
    catalog_roots: tuple[str, ...] = Field(
        default=(),
        description='Folders and s3:// prefixes for catalogues, pictures and copy files, as ["/data", "s3://shop/"]; '
        "empty: any on a command line, catalogs/ and any bucket for runs of deployments.",
    )
    gpu_hour_cost: float = Field(default=2.5, ge=0, description="Price of one GPU hour, for the cost figures.")
    currency: str = "USD"
    content_producer: str = Field(
        default="", description="Business code or name in the TC260 label; empty: the brand's creator."
    )
    c2pa_certificate: Path | None = Field(
        default=None, description="PEM chain, own certificate first: signs pictures with generated pixels (C2PA)."
    )
    c2pa_key: Path | None = Field(default=None, description="PEM private key of that certificate; never shown.")
    c2pa_algorithm: str = Field(default="es256", description="es256, es384, es512, ps256, ps384, ps512 or ed25519.")
    c2pa_timestamp_url: str = Field(default="", description="Time-stamping authority; empty: no time stamp.")
    rule_months: int = Field(default=6, ge=1, description="Age at which a placement's rules count as stale.")
    timezone: str = Field(default="Asia/Shanghai", description="Of the times in reports.")
    cpu_threads: int = Field(default=1, ge=1, description="Of one renderer on a CPU; more than the idle cores hurts.")
    shard_size: int = Field(default=96, ge=1, le=1024)
    turn_seconds: float = Field(default=300, gt=0, description="Of one run on an agent, before its queue is next.")
    lease_seconds: int = Field(default=120, ge=5)
    max_attempts: int = Field(default=4, ge=1, description="Deaths after which a job is set aside.")
    max_image_mb: float = Field(default=40, gt=0)
    max_image_side: int = Field(default=12000, ge=64)
    review_token: SecretStr | None = Field(
        default=None, description="What `shangxin review --host` asks visitors for; empty: one is made up and printed."
    )
    review_url: str = Field(
        default="http://127.0.0.1:8420", description="Where people reach the approval page; Prefect's runs link to it."
    )
    prefect_start_seconds: int = Field(default=180, ge=20)
    dispatch: Literal["here", "agents"] = Field(
        default="here", description="Who renders: this process, or the agents of the work pool."
    )
    work_pool: str = Field(default="gpu", description="Prefect's work pool of the agents.")
    keep_days: int = Field(default=30, ge=1, description="Housekeeping: how long Prefect's runs and old takes stay.")
    notify_url: SecretStr | None = Field(
        default=None,
        description="Webhook of a WeCom, DingTalk, Feishu or Slack robot, told of failed runs; see `deploy`.",
    )
    store_url: str = Field(
        default="", description="Where people reach the store's keys by https; empty: the approval page."
    )

    @property
    def store_uri(self) -> str:
        return self.store or str(self.out)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{(self.out / 'ledger.db').resolve()}"


class _InForce:
    settings: Settings | None = None


def get_settings() -> Settings:
    """The settings in force: those handed to `use_settings`, else the environment's, read once."""
    if _InForce.settings is None:
        _InForce.settings = Settings()
    return _InForce.settings


def use_settings(settings: Settings | None) -> None:
    """Put other settings in force for this process (the command line's options, a test's folder)."""
    _InForce.settings = settings
