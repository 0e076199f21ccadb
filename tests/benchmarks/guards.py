"""Whether each guard has a test that fails without it.

In a copy of the checkout, one guard after the other is taken out, and its tests run. With the guard, they pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_COPIED = ("advisor", "eval", "strategies", "tests", "examples", "docs", ".streamlit", ".ci")


@dataclass(frozen=True, slots=True)
class Guard:
    """`text` in `file` is what keeps harm off, `without` is the same without it, and `tests` are given to pytest."""

    name: str
    file: str
    text: str
    without: str
    tests: str


_MODEL_FILES = "tests/strategies/test_model_files.py"
_OWN_ORIGIN = "tests/pages/test_own_origin.py"
_COMMANDS = "tests/advisor/test_command_line.py"
_DOOR = "tests/pages/test_door.py"
_TEAM = "tests/pages/test_team.py"
_BROWSER_TEAM = "tests/pages/test_browser_team.py"
_PASSWORDS = "tests/advisor/test_passwords.py"
_PERSONAL = "tests/advisor/test_personal.py"
_SERVING = "tests/advisor/test_serving.py"
_CHECKED = "        self._check_own(run_id)\n"

GUARDS = (
    Guard(
        "Python code of a model's folder never runs",
        "strategies/engine/weights.py",
        "trust_remote_code=False, **options",
        "**options",
        "tests/strategies/test_weights.py -k python_code",
    ),
    Guard(
        "weights are safetensors",
        "strategies/engine/weights.py",
        'options["use_safetensors"] = True',
        "pass",
        f"{_MODEL_FILES} -k pickled_weights_are_never_read",
    ),
    Guard(
        "a search model's weights are safetensors",
        "strategies/search/loading.py",
        'model_kwargs={"use_safetensors": True}',
        "model_kwargs={}",
        f"{_MODEL_FILES} -k pickled_weights_are_never_read",
    ),
    Guard(
        "an adapter leads to no other model",
        "strategies/model_files.py",
        "if file.name == _ADAPTER:",
        "if False:",
        f"{_MODEL_FILES} -k adapter",
    ),
    Guard(
        "a config leads nowhere else",
        "strategies/model_files.py",
        "if wanted := next(_asked_elsewhere(file.name, described), None):",
        "if wanted := None:",
        f"{_MODEL_FILES} -k nowhere_else",
    ),
    Guard(
        "of the hub, only data is fetched",
        "strategies/model_files.py",
        "revision=commit, allow_patterns=list(FETCHED)))",
        "revision=commit))",
        f"{_MODEL_FILES} -k only_data_is_fetched",
    ),
    Guard(
        "the hub's commit is pinned",
        "strategies/model_files.py",
        "    if commit is None:\n        seen",
        "    if False:\n        seen",
        f"{_MODEL_FILES} -k only_data_is_fetched",
    ),
    Guard(
        "links among documents aren't followed",
        "advisor/command_line/uploads.py",
        "if file.is_file() and not file.is_symlink()]",
        "if file.is_file()]",
        f"{_COMMANDS} -k links_among_documents",
    ),
    Guard(
        "a terminal obeys nothing in the output",
        "advisor/command_line/terminal.py",
        'return _OBEYED.sub("", text)',
        "return text",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in the JSON of a report",
        "advisor/render/json_file.py",
        "indent=2, allow_nan=False)",
        "indent=2, allow_nan=False, ensure_ascii=False)",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in the JSON of check and decide",
        "advisor/as_json.py",
        "indent=indent, allow_nan=False)",
        "indent=indent, allow_nan=False, ensure_ascii=False)",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in an error",
        "advisor/command_line/terminal.py",
        'sign if sign.isprintable() else " "',
        "sign",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "no cell begins with a full-width sign",
        "eval/reading/text_marks.py",
        "=+\\-@＝＋－＠﹢﹣﹦﹫",
        "=+\\-@",
        "tests/eval/test_text_marks.py",
    ),
    Guard(
        "no cell of another locale begins with a sign",
        "eval/reading/text_marks.py",
        '_ENDS = r";|\\t\\r\\n"',
        '_ENDS = r"\\r\\n"',
        "tests/eval/test_text_marks.py",
    ),
    Guard(
        "only the owner enters the home folder",
        "advisor/storage/files.py",
        "home.chmod(0o700)",
        "pass",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "only the owner reads the database",
        "advisor/storage/files.py",
        "file.chmod(0o600)",
        "pass",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "only the owner reads new files",
        "advisor/storage/files.py",
        "_umask.append(os.umask(_OTHERS))",
        "_umask.append(0o022)",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "$ is no mathematics in a report",
        "advisor/render/markdown.py",
        "<>|#~&$])",
        "<>|#~&])",
        "tests/advisor/test_report.py -k markdown",
    ),
    Guard(
        "nor on a page",
        "advisor/pages/marks.py",
        'r"([!-/:-@\\[-`{-~])"',
        'r"([!-#%-/:-@\\[-`{-~])"',
        "tests/pages/test_labels.py",
    ),
    Guard(
        "no other site frames a page",
        "advisor/pages/own_origin.py",
        '[*message.get("headers", ()), *_HEADERS]',
        'list(message.get("headers", ()))',
        f"{_OWN_ORIGIN} -k frames",
    ),
    Guard(
        "no other site opens a session",
        "advisor/pages/own_origin.py",
        'scope["type"] == "websocket" and not is_own(scope)',
        "False",
        f"{_OWN_ORIGIN} -k session",
    ),
    Guard(
        "nobody is asked for this machine's address",
        ".streamlit/config.toml",
        'serverAddress = "127.0.0.1"',
        "",
        f"{_OWN_ORIGIN} -k for_this_machine",
    ),
    Guard(
        "pip checks hashes",
        "Makefile",
        "--no-deps --require-hashes -r hashed.txt",
        "--no-deps -r hashed.txt",
        "tests/test_installing.py -k pip_checks",
    ),
    Guard(
        "versions are audited",
        "tests/audit.py",
        "int(vulnerable > 0)",
        "0",
        "tests/test_installing.py -k audited",
    ),
    Guard(
        "without log-in, no other machine is answered",
        "advisor/pages/door.py",
        "return None if _came_from_here(scope) else _refused(REFUSAL, 403)",
        "return None",
        f"{_DOOR} -k no_other_machine",
    ),
    Guard(
        "without log-in, no server for others starts",
        "advisor/pages/way_in.py",
        "if way is None and not is_on_this_machine(",
        "if False and not is_on_this_machine(",
        f"{_DOOR} -k server_for_others",
    ),
    Guard(
        "unclear settings let nobody in",
        "advisor/pages/provider.py",
        "    except (OSError, ValueError) as wrong:\n",
        "    except (OSError, ValueError) as wrong:\n        return {}\n",
        f"{_DOOR} -k damaged",
    ),
    Guard(
        "log-ins aren't signed with a short secret",
        "advisor/pages/provider.py",
        'if len(str(auth.get("cookie_secret", ""))) < _SHORTEST_SECRET:',
        "if False:",
        f"{_DOOR} -k isnt_set_up",
    ),
    Guard(
        "nobody says from outside who they are",
        "advisor/pages/door.py",
        " if one[0].lower() != VISIT_HEADER]",
        "]",
        f"{_DOOR} -k from_outside",
    ),
    Guard(
        "nothing is served before a log-in",
        "advisor/pages/door.py",
        "        if is_here:\n",
        "        if True:\n",
        f"{_DOOR} -k without_a_cookie",
    ),
    Guard(
        "no script runs before a log-in",
        "streamlit_app.py",
        "        if not has_entered():\n            return\n",
        "        has_entered()\n",
        f"{_TEAM} -k there_is_no_page",
    ),
    Guard(
        "no other site logs people in",
        "advisor/pages/door.py",
        "if not is_own(scope):",
        "if False:",
        f"{_DOOR} -k another_site",
    ),
    Guard(
        "passwords aren't guessed",
        "advisor/pages/door.py",
        "and not wrong_tries.begin(key_of(name)):",
        "and wrong_tries.begin(key_of(name)) is None:",
        f"{_DOOR} -k has_to_wait",
    ),
    Guard(
        "a log-in leads to no other site",
        "advisor/pages/door.py",
        'not wanted.startswith(("//", LOG_IN)) and "\\\\" not in wanted',
        "True",
        f"{_DOOR} -k no_other_site",
    ),
    Guard(
        "no script reads the cookie",
        "advisor/pages/door.py",
        "httponly=True",
        "httponly=False",
        f"{_DOOR} -k right_password",
    ),
    Guard(
        "the provider's strangers upload nothing",
        "advisor/pages/door.py",
        "is_known = not path.startswith(_FOR_KNOWN) or _is_known_to_provider(scope)",
        "is_known = True",
        f"{_DOOR} -k uploads_files",
    ),
    Guard(
        "nor do those who may not enter",
        "advisor/pages/door.py",
        "isinstance(claims, dict) and bool(person_of(claims))",
        "isinstance(claims, dict)",
        f"{_DOOR} -k uploads_files",
    ),
    Guard(
        "nor do they read the counts of the server",
        "advisor/pages/door.py",
        '"/_stcore/metrics", ',
        "",
        f"{_DOOR} -k uploads_files",
    ),
    Guard(
        "a server of a team never opens",
        "advisor/pages/way_in.py",
        "elif home in _homes_with_log_in:",
        "elif False:",
        f"{_DOOR} -k disappears",
    ),
    Guard(
        "a link that leads nowhere is a password file",
        "advisor/pages/way_in.py",
        "password_file(home_at()).lstat()",
        "password_file(home_at()).stat()",
        f"{_DOOR} -k leads_nowhere",
    ),
    Guard(
        "a table that nothing reads lets nobody in",
        "advisor/pages/provider.py",
        "    _check_names(found)\n    if",
        "    if",
        f"{_DOOR} -k misspelt",
    ),
    Guard(
        "nor do addresses under [auth]",
        "advisor/pages/provider.py",
        'if "email" in name.casefold()',
        "if False",
        f"{_DOOR} -k misspelt",
    ),
    Guard(
        "nor does a [team] with another setting",
        "advisor/pages/provider.py",
        'if set(team) != {"emails"}:',
        'if "emails" not in team:',
        f"{_DOOR} -k misspelt",
    ),
    Guard(
        "nor does an empty address",
        "advisor/pages/provider.py",
        "or not _WELCOME.fullmatch(one):",
        "or False:",
        f"{_DOOR} -k misspelt",
    ),
    Guard(
        "who is taken out of the team is out at once",
        "advisor/pages/provider.py",
        "(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)",
        "()",
        f"{_DOOR} -k taken_out",
    ),
    Guard(
        "also if the file is as old and as long as before",
        "advisor/pages/provider.py",
        "found.st_ctime_ns, ",
        "",
        f"{_DOOR} -k taken_out",
    ),
    Guard(
        "Streamlit signs with the secret of the file",
        "advisor/pages/provider.py",
        "    st.secrets._reset()",
        "    pass",
        f"{_DOOR} -k another_secret",
    ),
    Guard(
        "letters that look alike make another address",
        "advisor/pages/provider.py",
        "sign.lower() if sign.isascii() else sign",
        "sign.casefold()",
        f"{_TEAM} -k welcome",
    ),
    Guard(
        "cookies of other programs lock nobody out",
        "advisor/pages/door.py",
        "cookies = HTTPConnection(scope).cookies",
        'from http.cookies import SimpleCookie as S\n    cookies = {name: one.value for name, one in S(b"; ".join('
        'v for k, v in scope["headers"] if k == b"cookie").decode("latin-1")).items()}',
        f"{_DOOR} -k lock_nobody_out",
    ),
    Guard(
        "no other host leaves a cookie of its own",
        "advisor/pages/door.py",
        "    if _is_encrypted(scope):\n        return",
        "    if False:\n        return",
        f"{_DOOR} -k other_host",
    ),
    Guard(
        "long names fill no memory",
        "advisor/pages/door.py",
        "if len(name) <= LONGEST_NAME and not",
        "if not",
        f"{_DOOR} -k too_long_fill",
    ),
    Guard(
        "one sender keeps nobody from logging in",
        "advisor/pages/door.py",
        " or self._senders[sender] >= _MOST_FROM_ONE:",
        ":",
        f"{_DOOR} -k one_sender",
    ),
    Guard(
        "nobody is asked where they come from",
        "advisor/pages/door.py",
        'any(name.lower() == b"x-forwarded-for"',
        'any(name.lower() == b"none"',
        f"{_DOOR} -k one_sender",
    ),
    Guard(
        "a log-in arrives in time",
        "advisor/pages/door.py",
        "with move_on_after(_MOST_SECONDS):",
        "if True:",
        f"{_DOOR} -k too_slowly",
    ),
    Guard(
        "one person ends no other visit",
        "advisor/pages/visits.py",
        "*own[: -_MOST_OF_ONE + 1], ",
        "",
        f"{_DOOR} -k many_log_ins",
    ),
    Guard(
        "nor does a hash that is computed again",
        "advisor/pages/door.py",
        "    visits.renew(account, renewed)\n",
        "",
        f"{_DOOR} -k computed_again",
    ),
    Guard(
        "a visit ends with its password",
        "advisor/pages/visits.py",
        "return now if now == visit.account else None",
        "return visit.account",
        f"{_DOOR} -k at_once",
    ),
    Guard(
        "a visit ends after a day",
        "advisor/pages/visits.py",
        "if visit is None or visit.until <= self._now():",
        "if visit is None:",
        f"{_DOOR} -k after_a_day",
    ),
    Guard(
        "a token isn't kept",
        "advisor/pages/visits.py",
        "return hashlib.sha256(token.encode()).hexdigest()",
        "return token",
        f"{_DOOR} -k opens_nothing",
    ),
    Guard(
        "time doesn't tell who has an account",
        "advisor/storage/passwords.py",
        "        _hasher.verify(account.hash if account else stand_in, password)\n",
        "        if account is None:\n            return None\n        _hasher.verify(account.hash, password)\n",
        f"{_PASSWORDS} -k by_the_time",
    ),
    Guard(
        "nor does a hash with other letters",
        "advisor/storage/passwords.py",
        "        with suppress(VerificationError):\n            _hasher.verify(stand_in, password)\n",
        "",
        f"{_PASSWORDS} -k by_the_time",
    ),
    Guard(
        "an empty name is nobody's",
        "advisor/storage/passwords.py",
        '        if not _NAME.fullmatch(name):\n            raise BadInput(f"Line',
        '        if False:\n            raise BadInput(f"Line',
        f"{_PASSWORDS} -k line_without_a_name",
    ),
    Guard(
        "a weak hash is computed again",
        "advisor/storage/passwords.py",
        "if not _hasher.check_needs_rehash(account.hash):",
        "if True:",
        f"{_PASSWORDS} -k weak_hash",
    ),
    Guard(
        "others can't open the password file",
        "advisor/storage/passwords.py",
        "if mode & _FOR_OTHERS:",
        "if False:",
        f"{_PASSWORDS} -k others_can_open",
    ),
    Guard(
        "no password is shown",
        "advisor/command_line/passwords.py",
        'warnings.catch_warnings(action="error"',
        'warnings.catch_warnings(action="ignore"',
        f"{_PASSWORDS} -k would_be_shown",
    ),
    Guard(
        "the provider must have let somebody in",
        "advisor/pages/claims.py",
        'claims.get("is_logged_in") is not True or ',
        "",
        f"{_TEAM} -k didnt_say",
    ),
    Guard(
        "a log-in by a provider ends after a day",
        "advisor/pages/claims.py",
        "now - SECONDS_OF_A_VISIT <= since <= ",
        "since <= ",
        f"{_TEAM} -k didnt_say",
    ),
    Guard(
        "no log-in is from the future",
        "advisor/pages/claims.py",
        "<= since <= now + _SECONDS_AHEAD",
        "<= since",
        f"{_TEAM} -k didnt_say",
    ),
    Guard(
        "no two accounts have one key",
        "advisor/pages/claims.py",
        'quote(str(one), _UNQUOTED, errors="surrogatepass")',
        "str(one)",
        f"{_TEAM} -k one_key",
    ),
    Guard(
        "no display name looks like an address",
        "advisor/pages/claims.py",
        'sign.isprintable() and sign not in "()"',
        "sign.isprintable()",
        f"{_TEAM} -k anybody_can_choose",
    ),
    Guard(
        "nor turns the direction of one",
        "advisor/pages/claims.py",
        'sign.isprintable() and sign not in "()"',
        'sign not in "()"',
        f"{_TEAM} -k anybody_can_choose",
    ),
    Guard(
        "nobody skips the timing of others",
        "advisor/pages/running.py",
        "is_alone = frame.store().person is None",
        "is_alone = True",
        f"{_TEAM} -k skips_the_timing",
    ),
    Guard(
        "only who is welcome enters",
        "advisor/pages/claims.py",
        "if not is_verified or not provider.welcomes(email):",
        "if not is_verified:",
        f"{_TEAM} -k welcome",
    ),
    Guard(
        "anybody can claim an address",
        "advisor/pages/claims.py",
        "if not is_verified or not provider.welcomes(email):",
        "if not provider.welcomes(email):",
        f"{_TEAM} -k welcome",
    ),
    Guard(
        "a browser forgets the person before",
        "advisor/pages/who.py",
        "st.session_state.clear()  # what another person left in this browser",
        "pass",
        f"{_TEAM} -k left_in_a_browser",
    ),
    Guard(
        "a person finds their own runs",
        "advisor/storage/personal.py",
        "\"(owner = ? OR is_shared = 1 OR origin = 'sample')\"",
        '"(owner = ? OR 1)"',
        f"{_PERSONAL} -k never_there",
    ),
    Guard(
        "and their own uploads",
        "advisor/storage/personal.py",
        'return "owner = ?", ',
        'return "(owner = ? OR 1)", ',
        f"{_PERSONAL} -k stays_private",
    ),
    Guard(
        "the folder of a hidden run is hidden",
        "advisor/storage/personal.py",
        "        self._check_seen(run_id)\n        return super().run_folder(run_id)\n",
        "        return super().run_folder(run_id)\n",
        f"{_PERSONAL} -k never_there",
    ),
    *(
        Guard(
            f"only the owner may {name}",
            "advisor/storage/personal.py",
            f"{_CHECKED}        {call}\n",
            f"        {call}\n",
            f"{_PERSONAL}::test_only_its_owner_changes_a_run[sqlite-{name}]",
        )
        for name, call in (
            ("cancel", "super().cancel(run_id)"),
            ("retry", "super().retry_step(run_id, *strategies)"),
            ("continue", "super().continue_run(run_id, limit)"),
            ("describe", "super().describe_run(run_id, given_name, note, tags)"),
            ("share", "super().share_run(run_id, is_shared)"),
            ("delete", "super().delete_run(run_id)"),
            ("try", "return super().own_run_folder(run_id)"),
        )
    ),
    Guard(
        "only the owner downloads what was trained",
        "advisor/render/fitted_zip.py",
        "return store.own_run_folder(run.id) / (",
        "return store.run_folder(run.id) / (",
        f"{_PERSONAL}::test_only_its_owner_changes_a_run[sqlite-download]",
    ),
    Guard(
        "two people who upload the same file share nothing",
        "advisor/storage/upload.py",
        "*([self.owner.encode()] if self.owner else [])",
        "*[]",
        f"{_PERSONAL} -k same_file",
    ),
    Guard(
        "a run takes over nothing of another person's",
        "advisor/storage/store.py",
        "if plan.follows and self.owns(plan.follows) else None",
        "if plan.follows else None",
        f"{_PERSONAL} -k follows_and_tunes",
    ),
    Guard(
        "nor of what another person measured",
        "advisor/runs/reuse.py",
        " and run.owner == owner",
        "",
        "tests/advisor/test_reuse.py -k another_person",
    ),
    Guard(
        "a packed run doesn't say whose it was",
        "advisor/storage/packed.py",
        "if dataset_id != dataset.id or plan.cluster:",
        "if plan.cluster:",
        f"{_PERSONAL} -k packed",
    ),
    Guard(
        "nor at which cluster it computed",
        "advisor/storage/packed.py",
        "if dataset_id != dataset.id or plan.cluster:",
        "if dataset_id != dataset.id:",
        "tests/advisor/test_packed.py -k address",
    ),
    Guard(
        "a packed run leads to no cluster",
        "advisor/storage/packed.py",
        "_id_of(dataset, dataset_files) and not plan.cluster",
        "_id_of(dataset, dataset_files)",
        "tests/advisor/test_packed.py -k at_a_cluster",
    ),
    Guard(
        "visitors name no cluster",
        "advisor/pages/compare.py",
        "cluster = chosen_cluster(was.cluster)",
        "cluster = was.cluster",
        "tests/pages/test_choices.py -k names_a_cluster",
    ),
    Guard(
        "nobody pays for others",
        "strategies/served/keys.py",
        "owner = _whose if whose is None else whose",
        "owner = _whose",
        "tests/advisor/test_typed_keys.py -k kept_apart",
    ),
    Guard(
        "nor with a key that a child still has",
        "advisor/runs/trying.py",
        "if run.owner != self._asking:",
        "if False:",
        "tests/advisor/test_trying.py -k nobody_else",
    ),
    Guard(
        "the rows of others aren't compared with one's own",
        "advisor/pages/data.py",
        "if not frame.store().owns(run.id):",
        "if False:",
        f"{_TEAM} -k rows_of_another",
    ),
    Guard(
        "nor with each other",
        "advisor/pages/run_comparison.py",
        "if all_own(shown):",
        "if True:",
        f"{_TEAM} -k rows_of_another",
    ),
    Guard(
        "a queue names no hidden run",
        "advisor/pages/sharing.py",
        "return run.title if run.id in seen else ANOTHER",
        "return run.title",
        f"{_TEAM} -k queue_names",
    ),
    Guard(
        "readers of a shared run don't get what its owner clicked and marked",
        "advisor/storage/personal.py",
        "report.for_others()",
        "report",
        f"{_TEAM} -k clicked_and_marked",
    ),
    Guard(
        "nor in a file",
        "advisor/pages/downloads.py",
        'if name == "report.json" and not store.owns(run.id):',
        "if False:",
        f"{_TEAM} -k clicked_and_marked",
    ),
    Guard(
        "an open page takes no clicks of a removed name",
        "advisor/pages/own_clicks.py",
        "lambda: frame.store().own_run_folder(run.id),",
        "partial(lambda folder: folder, frame.store().own_run_folder(run.id)),",
        f"{_TEAM} -k takes_no_clicks",
    ),
    Guard(
        "a trained model of somebody else can't be named",
        "advisor/runs/experiment.py",
        "is_relative_to(store.home.resolve())",
        "is_relative_to(store.home.resolve() / 'nowhere')",
        f"{_TEAM} -k trained_cant_be_named",
    ),
    Guard(
        "a container runs without root",
        "Dockerfile",
        "USER 10001:10001\n",
        "",
        "tests/test_container.py -k without_root",
    ),
    Guard(
        "a served strategy answers who has the key",
        "advisor/serving/app.py",
        " or not hmac.compare_digest(given.strip().encode(), self.key.encode())",
        "",
        f"{_SERVING} -k key_is_needed_where",
    ),
    Guard(
        "no web page asks a served strategy under its own name",
        "advisor/serving/app.py",
        "if not _is_local(host):",
        "if False:",
        f"{_SERVING} -k name_of_this_machine",
    ),
    Guard(
        "nor with a form",
        "advisor/serving/app.py",
        'if content_type.partition(";")[0].strip().lower() != "application/json":',
        "if False:",
        f"{_SERVING} -k forms_that_are_not_there",
    ),
    Guard(
        "only this machine's addresses need no key",
        "advisor/serving/limits.py",
        "return ipaddress.ip_address(self.host).is_loopback",
        "return True",
        f"{_SERVING} -k beyond_this_machine",
    ),
    Guard(
        "an empty key doesn't open a served strategy",
        "advisor/command_line/serving.py",
        'if key == "":',
        "if False:",
        f"{_SERVING} -k empty_key",
    ),
    Guard(
        "a large request isn't read to its end",
        "advisor/serving/app.py",
        "            if len(body) > most:\n",
        "            if False:\n",
        f"{_SERVING} -k without_its_length",
    ),
    Guard(
        "requests don't pile up",
        "advisor/serving/waiting_line.py",
        "if len(self._waiting) >= self._most_waiting:",
        "if False:",
        f"{_SERVING} -k too_many",
    ),
    Guard(
        "a client learns nothing of what failed inside",
        "advisor/serving/waiting_line.py",
        "            return [failed()]\n",
        "            return [wrong]\n",
        f"{_SERVING} -k broken",
    ),
    Guard(
        "a packed run holds nothing that pack doesn't write",
        "advisor/storage/packed_content.py",
        "all(is_packed(name, plan, manifest.documents_name is not None) for name in manifest.files)",
        "True",
        "tests/advisor/test_packed.py -k forged",
    ),
    Guard(
        "times of a packed run are in a calendar",
        "advisor/storage/packed_content.py",
        "return _SOONEST <= seconds < _LATEST",
        "return True",
        "tests/advisor/test_packed.py -k forged",
    ),
    Guard(
        "nothing in the folder of a run from elsewhere answers",
        "advisor/runs/trying.py",
        "    if not run.is_own:\n        raise BadInput(NOTHING_SAVED)",
        "    pass",
        "tests/advisor/test_command_line_tries.py -k elsewhere",
    ),
    Guard(
        "rows go to no server that nobody named",
        "strategies/served/connections.py",
        "follow_redirects=False,",
        "follow_redirects=True,",
        "tests/strategies/test_sent_on.py -k nobody_named",
    ),
    Guard(
        "the key of a service goes out encrypted",
        "strategies/served/keys.py",
        'if split.scheme != "https" or split.port not in (None, 443):',
        "if False:",
        "tests/strategies/test_served_address.py -k encrypted",
    ),
    Guard(
        "no two hosts share a variable",
        "strategies/served/keys.py",
        """ else "__" * len(signs[0])""",
        """ else "_\"""",
        "tests/strategies/test_served_address.py -k share_a_variable",
    ),
    Guard(
        "silent connections keep nobody out",
        "advisor/serving/server.py",
        "        http=Punctual,\n",
        "",
        f"{_SERVING} -k silent",
    ),
)


def run(full: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for name in _COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy2(path, copy / path.name)
        return [_tried(copy, guard) for guard in GUARDS]


def _tried(copy: Path, guard: Guard) -> dict[str, Any]:
    """Raises RuntimeError if the guard isn't where it was."""
    path = copy / guard.file
    whole = path.read_text()
    if whole.count(guard.text) != 1:
        raise RuntimeError(f"{guard.name}: {guard.file} contains {whole.count(guard.text)} times {guard.text!r}")
    with_it = _passes(copy, guard.tests)
    path.write_text(whole.replace(guard.text, guard.without))
    without_it = _passes(copy, guard.tests)
    path.write_text(whole)
    return {"guard": guard.name, "with it": with_it, "without it": without_it}


def _passes(copy: Path, tests: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return {0: "passes", 1: "fails"}.get(done.returncode, f"pytest ends with {done.returncode}")
