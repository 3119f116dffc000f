"""Measurements of speed and memory, each beside what it is compared with; run by `make bench`.

What is compared takes turns, so that whatever else the machine does slows both alike. Only
ratios are worth reporting; nothing here is a test.
"""
