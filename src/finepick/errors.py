"""Every error Finepick raises on purpose.

FinepickError                   .kind .path
├── UsageError                  wrong words; exit code 2
│   └── UnknownEditError        also LookupError; lists the known names
├── SettingsError               .key
├── MissingExtraError           also ImportError; names the extra and the command
├── PathNotFoundError           a path that the user named does not exist
├── NothingReadableError        not one photo could be read
├── PathVanishedError           a named path went away in the middle (an unplugged disk)
├── ImageError                  .path .reason: one photo's trouble; batches turn it into `Skipped`
│   ├── UnsupportedFormatError
│   ├── DamagedImageError
│   ├── ImageTooLargeError
│   └── UnjudgedPhotoError      the picture is sound, but the model gave no usable answer
├── ScorerError
│   ├── UnknownScorerError      also LookupError; lists the known names
│   └── UnreadableAnswerError   .answer: what a language model said instead
├── WeightsError
│   ├── WeightsNotFoundError
│   └── FetchError              a model that cannot be fetched, or not as it should be
├── DatasetError                .path .line: labels that cannot be read as what they claim to be
├── RecipeError                 .path: a recipe of edits that cannot be followed
├── StoreError                  the cache, a project or another database cannot be used
├── SidecarError                an XMP sidecar that must not be touched
└── OutputError                 what was asked for cannot be written

A message says what happened, to what, and what to do.
"""

from __future__ import annotations


class FinepickError(Exception):
    """Base of all; `kind` is the stable word in JSON documents, `path` the file it is about, if any."""

    kind = "error"

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class UsageError(FinepickError):
    kind = "usage"


class UnknownEditError(UsageError, LookupError):
    kind = "unknown_edit"


class SettingsError(FinepickError):
    kind = "settings"

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class MissingExtraError(FinepickError, ImportError):
    kind = "missing_extra"

    def __init__(self, what: str, *, extra: str, path: str | None = None) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'finepick[{extra}]'", path=path)
        self.extra = extra


class PathNotFoundError(FinepickError):
    kind = "path_not_found"


class NothingReadableError(FinepickError):
    kind = "nothing_readable"


class PathVanishedError(FinepickError):
    kind = "path_vanished"


class ImageError(FinepickError):
    """One photo that cannot be used; `reason` is the sentence that `Skipped` carries."""

    kind = "image"

    def __init__(self, reason: str, *, path: str) -> None:
        super().__init__(reason, path=path)
        self.reason = reason


class UnsupportedFormatError(ImageError):
    kind = "unsupported_format"


class DamagedImageError(ImageError):
    kind = "damaged_image"


class ImageTooLargeError(ImageError):
    kind = "image_too_large"


class UnjudgedPhotoError(ImageError):
    kind = "unjudged_photo"


class ScorerError(FinepickError):
    kind = "scorer"


class UnknownScorerError(ScorerError, LookupError):
    kind = "unknown_scorer"


class UnreadableAnswerError(ScorerError):
    """A language model's answer that is not what it was asked for; `answer` as it came."""

    kind = "unreadable_answer"

    def __init__(self, message: str, *, answer: str) -> None:
        super().__init__(message)
        self.answer = answer


class WeightsError(FinepickError):
    kind = "weights"


class WeightsNotFoundError(WeightsError):
    kind = "weights_not_found"


class FetchError(WeightsError):
    kind = "fetch"


class DatasetError(FinepickError):
    """Labels that cannot be used; `line` from 1, None where the whole file is meant."""

    kind = "dataset"

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        super().__init__(message, path=path)
        self.line = line


class RecipeError(FinepickError):
    kind = "recipe"


class StoreError(FinepickError):
    kind = "store"


class SidecarError(FinepickError):
    kind = "sidecar"


class OutputError(FinepickError):
    kind = "output"
