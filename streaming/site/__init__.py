"""The public site: pages rendered here, their templates and scripts, and the API they use."""
