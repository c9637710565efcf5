# SPDX-License-Identifier: BSD-3-Clause
"""``aiot-generate-keys``: makes keys, and admits or removes gateways and clients, as with SSH.

Private keys are never printed. A client's token is printed once, when it is made.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from pyaiot import keys as keyfile
from pyaiot import lifecycle
from pyaiot.cli import output
from pyaiot.cli.credentials import tell_after_change
from pyaiot.key_files import hand_out, load_or_new, load_whole, own_files, split
from pyaiot.key_parts import GATEWAYS, protocol_of
from pyaiot.keys import ROLES, ClientToken, KeyFileError, Keys, new_private_key
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.settings import CommonSettings
from pyaiot.wire.names import PEER_GATEWAY, is_name
from pyaiot.wire.signing import PrivateKey, PublicKey

#: Gateways that get a key of their own when the keys of a host are first made.
LOCAL_GATEWAYS = tuple(GATEWAYS)
#: The key file of one user.
USUAL = "~/.pyaiot/keys"

DESCRIPTION = """\
Make the keys of this host, or change whom its broker admits.

Without an option: a key for the broker and one for each local gateway, in a
file that only you can read."""

EPILOG = """\
a gateway on another host:
  there    aiot-generate-keys --gateway greenhouse  prints its key
  broker   aiot-generate-keys --authorize greenhouse KEY
  broker   aiot-generate-keys --list                shows its own key
  there    aiot-generate-keys --trust-broker KEY
A broker that runs takes over every change within a second."""


_KEY_LIKE_AN_OPTION = re.compile(r"-[A-Za-z0-9_-]{42}")


def main() -> int:
    """Entry point of the command."""
    return lifecycle.main(lambda: output.written(lambda: run(sys.argv[1:])), service=False)


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    options = _parse(arguments)
    path = Path(os.path.expanduser(options.key_file))
    if options.list:
        print(describe(load_whole(path)), end="")
        return 0
    if options.gateway is not None:
        _make_gateway(path, _gateway(options.gateway), options.force)
    elif options.trust_broker is not None:
        _trust_broker(path, _public(options.trust_broker))
    else:
        with keyfile.FILE.changing(path):
            _change(path, options)
    whom = (options.authorize, options.revoke, options.client, options.revoke_client)
    changes = (*whom, options.gateway, options.trust_broker, options.force or None)
    if any(each is not None for each in changes):  # else they are the first ones, and nobody has a copy
        tell_after_change(path, "aiot-broker" if any(each is not None for each in whom) else "aiot.target")
    return 0


def _change(path: Path, options: argparse.Namespace) -> None:
    if options.authorize is not None:
        name, text = options.authorize
        _authorize(path, _gateway(name), _public(text))
    elif options.revoke is not None:
        _revoke(path, options.revoke)
    elif options.client is not None:
        _make_client(path, _name(options.client), options.role)
    elif options.revoke_client is not None:
        _revoke_client(path, options.revoke_client)
    elif options.split:
        _split(path)
    elif options.if_missing and keyfile.fingerprint(path) is not None:
        missing = _add_missing(path)
        print(f"{path} is there: " + (f"keys were added for {', '.join(missing)}" if missing else "nothing is missing"))
    else:
        make_all(path, force=options.force)
        print("Key generation done:")
        print(describe(load_whole(path)), end="")
        private = ", ".join(map(str, (path, *own_files(path).values())))
        print(f"The private keys are in {private}. Nobody needs to see them.")


def make_all(path: Path, *, force: bool) -> Keys:
    """Make and store the keys of a host that runs a broker and gateways; raises KeyFileError if there are some.

    Returned is what ``path`` has then: all but the keys of gateways that have a file of their own.
    """
    own = own_files(path)
    exists = [path] if keyfile.fingerprint(path) is not None else []
    exists += [each for each in own.values() if load_or_new(each).gateways]
    if exists and not force:
        raise KeyFileError(
            f"{exists[0]} exists already: new keys would lock out every gateway that was authorized; "
            "say --force if that is meant"
        )
    broker = new_private_key()
    gateways = {name: new_private_key() for name in LOCAL_GATEWAYS}
    authorized = {name: key.public for name, key in gateways.items()}
    for protocol, file in own.items():
        with keyfile.FILE.changing(file):
            key = gateways.pop(protocol)
            keyfile.store(file, Keys(gateways={protocol: key}, trusted_broker=broker.public))
    keys = Keys(broker=broker, gateways=gateways, trusted_broker=broker.public, authorized=authorized)
    keyfile.store(path, keys)
    return keys


def add_missing(path: Path) -> list[str]:
    """Make keys for those local gateways that a host with a broker has never had; their names. Raises KeyFileError."""
    with keyfile.FILE.changing(path):
        return _add_missing(path)


def _add_missing(path: Path) -> list[str]:
    keys = keyfile.load(path)
    if keys.broker is None or keys.trusted_broker != keys.broker.public:
        return []
    hand_out(path)
    there = {*load_whole(path).gateways, *keys.authorized}
    missing = [name for name in LOCAL_GATEWAYS if name not in there]
    own = own_files(path)
    for name in missing:
        key = new_private_key()
        keys.authorized[name] = key.public
        if name in own:
            _store_gateway(own[name], name, key, keys.broker.public)
        else:
            keys.gateways[name] = key
    if missing:
        keyfile.store(path, keys)
    return missing


def describe(keys: Keys) -> str:
    """Names and public keys, one a line."""
    lines = [f"broker      {keys.broker.public}" if keys.broker else "broker      no key here"]
    if keys.trusted_broker is not None:
        lines.append(f"trusts      {keys.trusted_broker}")
    lines += [f"gateway     {key.public}  {name}" for name, key in sorted(keys.gateways.items())]
    lines += [f"authorized  {key}  {name}" for name, key in sorted(keys.authorized.items())]
    lines += [f"client      {token.role:<43}  {name}" for name, token in sorted(keys.clients.items())]
    return "".join(f"{line}\n" for line in lines)


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot-generate-keys",
        usage="%(prog)s [-h] [--key-file FILE] [--force] [another option]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    default = os.environ.get("AIOT_KEY_FILE") or str(CommonSettings.key_file)
    parser.add_argument(
        "--key-file", default=default, metavar="FILE", help="default: AIOT_KEY_FILE, or else ~/.pyaiot/keys"
    )
    parser.add_argument("--force", action="store_true", help="replace keys that exist")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--if-missing", action="store_true", help="make only what is not there yet; as often as you like")
    what.add_argument("--split", action="store_true", help="leave to each gateway's own file what is its own")
    what.add_argument("--gateway", metavar="NAME", help="make a key for one gateway and print its public part")
    what.add_argument("--authorize", nargs=2, metavar=("NAME", "KEY"), help="let the broker admit this gateway")
    what.add_argument("--revoke", metavar="NAME", help="no longer admit this gateway; ends its session")
    what.add_argument("--trust-broker", metavar="KEY", help="the broker that gateways of this host believe")
    what.add_argument("--client", metavar="NAME", help="make a token for a program or a person and print it")
    what.add_argument("--revoke-client", metavar="NAME", help="a token is no longer good")
    what.add_argument("--list", action="store_true", help="show names and public keys")
    parser.add_argument(
        "--role",
        choices=ROLES,
        default="viewer",
        help="what a --client may do: read, write too, or all",
    )
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    # A public key may begin with "-", which argparse takes for an option.
    spelled = [f" {each}" if _KEY_LIKE_AN_OPTION.fullmatch(each) else each for each in arguments]
    return make_parser().parse_args(spelled)


def _make_gateway(path: Path, name: str, force: bool) -> None:
    file = _file_for(path, name)
    with keyfile.FILE.changing(file):
        keys = load_or_new(file)
        if name in keys.gateways and not force:
            raise KeyFileError(f"gateway {name!r} has a key already; say --force to replace it")
        keys.gateways[name] = new_private_key()
        keyfile.store(file, keys)
    print(keys.gateways[name].public)
    print(f"Now, at the broker:  aiot-generate-keys --authorize {name} {keys.gateways[name].public}", file=sys.stderr)
    if keys.trusted_broker is None:
        here = "aiot-generate-keys" + ("" if _is_usual(path) else f" --key-file {shlex.quote(str(path))}")
        print(f"and here:            {here} --trust-broker <the broker's public key>", file=sys.stderr)


def _file_for(path: Path, name: str) -> Path:
    """Where the key of the gateway ``name`` belongs. Raises KeyFileError: it could be in any of several."""
    own = own_files(path)
    if not own or protocol_of(name):
        return own.get(protocol_of(name), path)
    files = ", ".join(map(str, own.values()))
    raise KeyFileError(f"gateways here have key files of their own: say whose {name} is, by --key-file ({files})")


def _store_gateway(file: Path, name: str, key: PrivateKey, broker: PublicKey) -> None:
    with keyfile.FILE.changing(file):
        keys = load_or_new(file)
        keys.gateways[name] = key
        keys.trusted_broker = broker
        keyfile.store(file, keys)


def _trust_broker(path: Path, public: PublicKey) -> None:
    own = list(own_files(path).values())
    for file in [path, *own] if not own or keyfile.fingerprint(path) is not None else own:
        with keyfile.FILE.changing(file):
            keys = load_or_new(file)
            keys.trusted_broker = public
            keyfile.store(file, keys)
    print(f"The gateways of this host now trust the broker {public}.")


def _split(path: Path) -> None:
    own = own_files(path)
    if not own:
        raise KeyFileError(
            f"no gateway has a folder for a key file of its own beside {path}: aiot install-units makes them"
        )
    names = split(path)
    said = f"the keys of {', '.join(names)} were taken out of it" if names else "no gateway's key was in it"
    print(f"{path} is the broker's alone: {said}.")


def _authorize(path: Path, name: str, public: PublicKey) -> None:
    keys = keyfile.load(path)
    keys.authorized[name] = public
    keyfile.store(path, keys)
    print(f"The broker admits gateway {name} with the key {public}.")


def _revoke(path: Path, name: str) -> None:
    keys = keyfile.load(path)
    if keys.authorized.pop(name, None) is None:
        raise KeyFileError(f"no gateway {name!r} is authorized; --list shows who is")
    keyfile.store(path, keys)
    print(f"The broker no longer admits gateway {name}.")


def _make_client(path: Path, name: str, role: keyfile.Role) -> None:
    keys = keyfile.load(path)
    if name in keys.clients:
        raise KeyFileError(f"client {name!r} has a token already; --revoke-client {name} first")
    token = secrets.token_urlsafe(32)
    keys.clients[name] = ClientToken(role, keyfile.token_digest(token))
    keyfile.store(path, keys)
    print(token)
    print(f"This is the only time that the token of {name} ({role}) is shown.", file=sys.stderr)


def _revoke_client(path: Path, name: str) -> None:
    keys = keyfile.load(path)
    if keys.clients.pop(name, None) is None:
        raise KeyFileError(f"no client {name!r} has a token; --list shows who has")
    keyfile.store(path, keys)
    print(f"The token of {name} is no longer good.")


def _is_usual(path: Path) -> bool:
    return path == Path(os.path.expanduser(USUAL))


def _name(text: str) -> str:
    if not is_name(text):
        raise ConfigurationError("a name has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
    return text


def _gateway(text: str) -> str:
    if text == PEER_GATEWAY:
        raise ConfigurationError(
            f"no gateway may be called {text}: that stands for programs that register at the broker"
        )
    return _name(text)


def _public(text: str) -> PublicKey:
    try:
        return PublicKey.from_text(text.strip())
    except ValueError:
        raise ConfigurationError("that is not a public key: it has 43 characters, as --list shows them") from None
