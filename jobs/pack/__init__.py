"""Packing: samples to training sequences, and the addresses of their media."""
