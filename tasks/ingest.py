"""Read a catalogue into products, plan its jobs and enter them into the ledger."""
