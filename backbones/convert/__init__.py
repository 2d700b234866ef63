"""Weights of released code, to and from the networks of this project."""
