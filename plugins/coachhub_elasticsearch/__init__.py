"""Elasticsearch for searching coaches: ranked by the engine, on the words that the database's own search folds too."""
