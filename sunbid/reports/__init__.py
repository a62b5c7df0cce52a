"""What a command found as one HTML file with pictures: no script, no outside reference, readable in years to come."""
