"""A whole installation as plain processes on one machine: `make stack`. For trying, tests and chaos, not for a shop."""
