"""Validate crates with roc-validator; it has an environment of its own, see the Makefile.

    .venv/crate/bin/python validate.py FOLDER

prints what is wrong. The contexts come from a file, so that nothing is fetched.
"""

import json
import sys
from pathlib import Path

import requests
from rocrate_validator.models import Severity
from rocrate_validator.services import ValidationSettings, validate
from rocrate_validator.utils.http import HttpRequester

# The terms that our crates use, as in the contexts on the web.
CONTEXTS = json.loads(Path(__file__).with_name("contexts.json").read_text())


def get(_, url, **__):
    response = requests.Response()
    response.status_code = 200 if url in CONTEXTS else 404
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps(CONTEXTS.get(url)).encode()
    return response


HttpRequester.get = HttpRequester.head = get
result = validate(
    ValidationSettings(
        rocrate_uri=sys.argv[1],
        profile_identifier="provenance-run-crate-0.5",
        requirement_severity=Severity.REQUIRED,
        abort_on_first=False,
    )
)
issues = result.get_issues()
print(f"{len(result.executed_checks)} checks, {len(issues)} errors")
for issue in issues:
    print(issue.check.identifier, issue.message)
