"""The front door: command line, settings, process supervisor and demonstration market."""
