"""Use cases: one module each, named after what happens."""
