"""Errors that are the user's to mend: shown as one paragraph, without a traceback."""


class HarnessError(Exception):
    """A fault outside this program: a file, a key or a setting.

    The message is one paragraph that names the file or key, what was found, what was expected and what to do.
    The command line prints it and exits with 2.
    """

    def __init__(self, where: object, found: str, expected: str, remedy: str) -> None:
        self.where, self.found, self.expected, self.remedy = str(where), found, expected, remedy
        super().__init__(f"{where}: found {found}; expected {expected}. {remedy}")

    def __reduce__(self) -> tuple[type["HarnessError"], tuple[str, str, str, str]]:
        """Survive the way out of a worker process, with all four parts."""
        return type(self), (self.where, self.found, self.expected, self.remedy)
