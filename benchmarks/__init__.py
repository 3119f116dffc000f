"""Measurements of speed, memory and quality, beside what they are compared with; `make bench`.

What is compared in time takes turns, so that whatever else the machine does slows both alike: only
ratios of times are worth reporting. Nothing here is a test.
"""
