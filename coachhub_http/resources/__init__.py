"""A module per room of the domain: each responder parses, calls a service, renders."""
