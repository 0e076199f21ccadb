"""Pairs of answers that a person compares blind, and what the choices say."""
