"""The clock process: tick jobs that call the services."""
