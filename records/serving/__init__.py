"""Parts of every server process: limits on requests, problem details, workers, the shared key and private files."""
