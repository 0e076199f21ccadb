"""Keys and tokens of services, found with the patterns of detect-secrets.

Its detectors of random-looking strings are left out: they call document ids and hashes secrets. Its patterns are used
without its detectors, which say what a secret is but not where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

SHORTEST = 20  # characters without a space
_MORE_KEYS = re.compile(
    r"(?<![\w-])(?:AIza[\w-]{35}|hf_[A-Za-z]{30,40}|sk-(?:ant-|proj-)?[\w-]{32,200}|\d{8,10}:[\w-]{35}|"
    r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,8000}\.[\w-]{0,2000})(?![\w-])",
    re.ASCII,
)
_IN_A_URL = re.compile(r"://[^\s:/?#\[\]@]{1,100}:([^\s:/?#\[\]@]{1,200})@")  # bounded: linear time in long text
# As in detect-secrets, whose own pattern takes quadratic time in a text with many "//".
_NPM = re.compile(r"//\S{1,300}/:_authToken=\s{0,5}(?:npm_\w{1,200}|[A-Fa-f0-9-]{36})")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL
)


def find_keys(text: str) -> Iterator[tuple[int, int]]:
    """The spans of keys in a text; they may overlap."""
    if "PRIVATE KEY" in text:
        yield from (found.span() for found in _PRIVATE_KEY.finditer(text))
    if "://" not in text and max(map(len, text.split()), default=0) < SHORTEST:
        return
    yield from (found.span() for found in _MORE_KEYS.finditer(text))
    yield from (found.span() for found in _NPM.finditer(text))
    yield from (found.span(1) for found in _IN_A_URL.finditer(text))
    yield from (found.span() for pattern in _patterns() for found in pattern.finditer(text))


@lru_cache(maxsize=1)
def _patterns() -> Sequence[re.Pattern[str]]:
    from detect_secrets.plugins.artifactory import ArtifactoryDetector
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

    detectors = (
        ArtifactoryDetector, AWSKeyDetector, AzureStorageKeyDetector, DiscordBotTokenDetector,
        GitHubTokenDetector, GitLabTokenDetector, MailchimpDetector, OpenAIDetector, PypiTokenDetector,
        SendGridDetector, SlackDetector, SquareOAuthDetector, StripeDetector, TwilioKeyDetector,
    )  # fmt: skip
    return [pattern for detector in detectors for pattern in detector.denylist]
