"""CoachHub: the library. Everything a program needs to embed it is named here."""

__version__ = "0.1.0"
