"""What all workers of these tests load, loaded once: only the process that they are forked from imports this."""

import os

# As in the workers' own environment: whoever loads torch first decides.
os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}

import celery.bin.worker

import engine.image.loader
import engine.service

__all__ = ["celery", "engine"]
