"""Running a network: what it is to the engine, how it is trained, how it is applied.

This is the only package that may touch a backend of Keras. It is imported when a network
is first needed, since loading Keras takes seconds.
"""
