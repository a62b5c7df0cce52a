"""The intake server: `POST /records`, `WS /records`, schema, health, metrics."""
