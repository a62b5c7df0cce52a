"""Warnings 预警: raised from findings, shown to supervisors, handled by them."""
