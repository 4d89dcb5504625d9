"""Order, fan-out and which worker: the Prefect flows and the `shangxin` command."""
