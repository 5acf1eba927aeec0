"""The tests: they talk to this computer only, and leave nothing behind."""
