"""Tables, queries and field encryption."""
