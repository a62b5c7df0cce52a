"""Leads 线索: warnings put together in batches, checked, handed on, answered and closed."""
