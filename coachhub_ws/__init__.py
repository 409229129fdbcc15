"""The chat shell: WebSockets in front of one service of the core. It carries, counts and tells; it decides no right."""
