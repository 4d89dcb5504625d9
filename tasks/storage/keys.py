"""Which keys a store accepts: the same for every store, so that what fits one fits the other."""

from tasks.errors import StorageError

MAX_COMPONENT_BYTES = 255  # ext4, APFS and NTFS all stop there
MAX_KEY_BYTES = 1024  # S3 stops there
PART = ".part-"  # how a LocalStore names a write in progress; no key may look like one


def check_key(key: str) -> str:
    """The key itself, or StorageError where it could leave the store or cannot be stored everywhere."""
    problem = _problem(key)
    if problem:
        raise StorageError(
            f"key {key[:200]!r}: {problem}. Keys are relative, slash-separated and built by tasks.delivery.keys."
        )
    return key


def check_prefix(prefix: str) -> str:
    """A prefix is the beginning of a key: it may be empty, and may stop in the middle of a component."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix


def _problem(key: str) -> str:
    if not key:
        return "it is empty"
    if key.startswith("/"):
        return "it is absolute"
    if "\\" in key or any(ord(character) < 32 or ord(character) == 127 for character in key):
        return "it holds a backslash or a control character"
    try:
        return _component_problem(key)
    except UnicodeEncodeError:
        return "it is not valid Unicode"


def _component_problem(key: str) -> str:
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    for component in key.split("/"):
        if component in ("", ".", ".."):
            return f"it holds the component {component!r}"
        if component.startswith(PART):
            return f"{PART} is kept for writes in progress"
        if len(component.encode()) > MAX_COMPONENT_BYTES:
            return f"it has a component longer than {MAX_COMPONENT_BYTES} bytes"
    return ""
