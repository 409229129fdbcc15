"""The REST shell: Falcon under gunicorn. It translates, and decides nothing that a service decides."""
