"""The error tree.

ShangxinError                 message: where, what was found, what was expected, the way out
├── ConfigurationError        settings, brief or command line (exit code 2)
├── CatalogError              the catalogue as a whole cannot be used (exit code 2)
│   ├── CellError             one cell of one row is unusable; becomes a line of bad_rows.csv
│   └── ImageError            one product picture is unusable; becomes a line of bad_rows.csv
├── TemplateError             a scene, prompt, placement or brand file is wrong (exit code 2)
├── ModelError                weights are missing, half there or not what they claim to be (exit code 2)
│   └── CardTooSmall          the set fits no tier of this card's memory
├── DriftError                the golden set came out differently; the night was not spent (exit code 1)
├── RenderError               one job could not be rendered; the others go on
├── CompositionError          one rendition could not be made; the others go on
│   └── LabelError            a file's labels cannot be written or read
├── StorageError              the store refused
│   └── StorageUnavailable    the store did not answer or cut the transfer: worth another try
├── OrchestrationError        Prefect's server died or refused in the middle of a run
└── LedgerError               the ledger refused
    ├── LedgerUnavailable     the database did not answer or was busy: worth another try
    ├── StaleLease            somebody else holds the job now: drop the work
    └── StaleDecision         somebody else has decided since the page was opened: look again
"""


class ShangxinError(Exception):
    """Base of every error this project raises on purpose; its text is meant for the person who reads it."""

    exit_code = 2


class ConfigurationError(ShangxinError):
    """A setting, a brief or an option cannot be used."""


class CatalogError(ShangxinError):
    """The catalogue as a whole cannot be read."""


class CellError(CatalogError):
    """One cell of one row is unusable."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(f"{column}: {reason} (found {value!r})")
        self.column, self.value, self.reason = column, value, reason


class ImageError(CatalogError):
    """One product picture is unusable."""


class TemplateError(ShangxinError):
    """A file under templates/ is wrong."""


class ModelError(ShangxinError):
    """Model weights are missing, incomplete or not what they claim to be."""


class CardTooSmall(ModelError):
    """The model set fits no tier of this card's memory; another card may hold it."""


class DriftError(ShangxinError):
    """The golden set came out differently from the last accepted night."""

    exit_code = 1


class RenderError(ShangxinError):
    """One job could not be rendered."""

    exit_code = 1


class CompositionError(ShangxinError):
    """One rendition could not be made."""

    exit_code = 1


class LabelError(CompositionError):
    """A file's labels cannot be written or read: its container or its XMP is damaged, or too large."""


class StorageError(ShangxinError):
    """The store refused."""

    exit_code = 1


class StorageUnavailable(StorageError):
    """The store did not answer, or cut the transfer: another try may help."""


class OrchestrationError(ShangxinError):
    """Prefect's server died or refused in the middle of a run; what is done stays done."""

    exit_code = 1


class LedgerError(ShangxinError):
    """The ledger refused."""

    exit_code = 1


class LedgerUnavailable(LedgerError):
    """The database did not answer, or was busy for too long: another try may help."""


class StaleLease(LedgerError):
    """The job belongs to another owner or attempt by now."""


class StaleDecision(LedgerError):
    """The picture is no longer as the person saw it who decided."""
