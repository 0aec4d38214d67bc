"""Chains that are sampled until they have mixed, with settings that fit tables of answers."""
