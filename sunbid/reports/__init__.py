"""Reports of commands, each one HTML file with pictures: no script, no outside reference, readable in years to come."""
