"""`python -m flows` is `shangxin`."""

from flows.cli import entry

entry()
