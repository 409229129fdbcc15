"""The version: of the distribution, of the API, and noted in every backup."""

__version__ = "0.1.0"
