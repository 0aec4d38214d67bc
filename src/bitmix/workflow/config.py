"""Checking a configuration against its schema, and filling in the defaults."""

import copy
import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

# A few aliases (*name) in YAML can make a list of billions of items, or one that contains itself.
_MOST_ITEMS = 100_000
_MOST_SHOWN = 20  # problems
# The types of JSON in the words of a person who writes YAML.
TYPE_NAMES = {
    "array": "a list, [a, b]",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a group of keys",
    "string": "text",
}
LIMITS = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above"}


class ConfigError(ValueError):
    """The configuration does not follow its schema."""


def resolve(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `config` with every default of `schema` filled in.

    Parameters
    ----------
    config : mapping
        The configuration, as read from YAML.
    schema : mapping
        Its JSON schema (draft 2020-12). Defaults inside objects are found through `properties` and
        `additionalProperties` only.

    Raises
    ------
    ConfigError
        If `config` does not follow `schema`. The message names the wrong keys, at most 20, and the
        allowed values.
    """
    _check_items(config)
    errors = Draft202012Validator(schema).iter_errors(config)
    problems = [problem for error in errors for problem in _problems(error)]
    if problems:
        shown, more = problems[:_MOST_SHOWN], len(problems) - _MOST_SHOWN
        others = [f"  and {more} more"] if more > 0 else []
        raise ConfigError("\n".join(["the configuration cannot be used:", *shown, *others]))
    return _with_defaults(config, schema)


def _check_items(config: Any) -> None:
    """Raise ConfigError if a configuration is too large to be read item by item, or has no text."""
    waiting, items = [config], 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping | list):
            children = [*item, *item.values()] if isinstance(item, Mapping) else item
            items += len(children)
            waiting += children
        elif isinstance(item, str) and not _is_text(item):
            raise ConfigError(f"the configuration has text that no file or name can have: {item!r}")
        if items > _MOST_ITEMS:
            raise ConfigError(
                f"the configuration has more than {_MOST_ITEMS:,} items, perhaps by aliases "
                "(*name); write it without them"
            )


def _is_text(text: str) -> bool:
    """Return whether a text can be an argument of a program."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def check_yaml(file: str | Path) -> None:
    """Raise ConfigError with the line if a file is no YAML, or asks for objects of Python."""
    try:
        yaml.safe_load(Path(file).read_bytes())
    except OSError:
        return  # Snakemake says so, or needs no such file
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {mark.line + 1}" if mark else ""
        reason = " ".join(str(problem or error).split())
        raise ConfigError(f"{file}{line}: {reason}; correct the YAML there") from None
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{file}: {error}; correct the YAML there") from None


def retype(value: Any) -> Any:
    """Return `value` with the numbers, booleans and nulls in it that are text, such as "5".

    Snakemake does not convert the values inside `--config runs="{...}"`: they stay text.
    """
    if isinstance(value, Mapping):
        return {key: retype(item) for key, item in value.items()}
    if isinstance(value, list):
        return [retype(item) for item in value]
    return _scalar(value) if isinstance(value, str) else value


def _scalar(text: str) -> Any:
    """Return the number, boolean or None that a text says in YAML, or the text."""
    try:
        found = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError):
        return text
    return found if found is None or isinstance(found, bool | int | float) else text


def _problems(error: ValidationError) -> Iterator[str]:
    """Yield a line for each error at one place of the configuration."""
    where, found, rule = ".".join(map(str, error.absolute_path)), error.instance, error.schema
    if error.validator == "additionalProperties":
        for key in found.keys() - rule["properties"].keys():
            path = f"{where}.{key}" if where else key
            yield f"  {path}: unknown key{_suggestion(key, rule['properties'])}"
    elif error.validator == "required":
        missing = next(key for key in rule["required"] if key not in found)
        yield f"  {missing}: missing; {rule['properties'][missing]['description']}"
    else:
        yield f"  {where}: {_complaint(error)} ({rule['description']})"


def _complaint(error: ValidationError) -> str:
    """Describe the value that a key should have, and the value that it has."""
    found, limit = error.instance, error.validator_value
    match error.validator:
        case "type":
            names = [limit] if isinstance(limit, str) else limit
            expected = " or ".join(TYPE_NAMES[name] for name in names)
            return f"must be {expected}, but is {found!r}"
        case "enum":
            return f"{found!r} is not known{_suggestion(found, limit)}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            return f"must be {LIMITS[error.validator]} {limit}, but is {found}"
        case "pattern":
            return f"{found!r} is not allowed"
        case "anyOf":
            return f"must be {' or '.join(map(_allowed, limit))}, but is {found!r}"
        case "contains":
            return f"must include {limit['const']}, but is {found!r}"
        case _:
            return error.message


def _allowed(rule: Mapping[str, Any]) -> str:
    """Describe one of the values that a key may have."""
    if "const" in rule:
        return rule["const"]
    limits = [f" of {words} {rule[limit]}" for limit, words in LIMITS.items() if limit in rule]
    return TYPE_NAMES[rule["type"]] + "".join(limits)


def _suggestion(word: object, allowed: Mapping[str, Any] | list[str]) -> str:
    """Suggest the nearest of the allowed words, and list all of them."""
    near = difflib.get_close_matches(str(word), list(map(str, allowed)), n=1)
    meant = f", did you mean {near[0]}?" if near else ";"
    return f"{meant} allowed: {', '.join(map(str, allowed))}"


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a copy of `value` in which every key that is absent has its default."""
    if not isinstance(value, Mapping):
        return copy.deepcopy(value)
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    defaults = {
        key: _with_defaults(rule["default"], rule)
        for key, rule in properties.items()
        if "default" in rule and key not in value
    }
    given = {key: _with_defaults(item, properties.get(key, others)) for key, item in value.items()}
    return {**defaults, **given}
