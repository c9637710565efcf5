# SPDX-License-Identifier: BSD-3-Clause
"""Carries out the steps of the Dockerfile without Docker: on overlays over this machine, in namespaces of their own.

This machine stands for the base image. Nothing of it is changed: what a step writes is in the overlay. Needs root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.containers.dockerfile import ROOT, Instruction, context, stages
from tests.patience import PATIENCE_S

BASE_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How pip finds packages is a matter of the machine.
_OF_PIP = re.compile(r"PIP_\w+|\w+_proxy|\w+_PROXY|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")
BUILD_S = 300.0


def can() -> bool:
    """Whether this process may make namespaces and overlays."""
    if os.getuid() != 0:
        return False
    made = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True)
    return made.returncode == 0


@dataclass
class Image:
    """A stage: what it has written, and what it says of itself."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    _holder: subprocess.Popen[bytes] | None = None

    @property
    def files(self) -> Path:
        """The overlay's upper folder."""
        return self.folder / "upper"

    def path(self, inside: str) -> Path:
        return self.files / inside.lstrip("/")

    def begin(self) -> None:
        """A base image has ``python`` and ``pip``, and everybody may read them."""
        for name in ("upper", "work", "root", "tmp"):
            (self.folder / name).mkdir(parents=True)
        programs = self.path("usr/local/bin")
        programs.mkdir(parents=True)
        python = os.path.realpath(sys.executable)
        for name, command in (("python", python), ("pip", f"{sys.executable} -m pip")):
            (programs / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (programs / name).chmod(0o755)
        self.environment = {"PATH": BASE_PATH, "HOME": "/root"}
        closed = [str(each) for each in Path(python).parents if not each.stat().st_mode & 0o001]
        if closed:
            self.run(["chmod", "o+x", *closed])

    def run(self, command: Sequence[str], **environment: str) -> None:
        """A step, as root, with the network of the machine."""
        mounts = [self._mount("rw"), f"mount --bind {self.folder}/tmp {self.folder}/root/tmp"]
        if Path(sys.prefix).is_relative_to("/tmp"):
            (self.folder / sys.prefix.lstrip("/")).mkdir(parents=True, exist_ok=True)
            mounts.append(f"mount --bind {sys.prefix} {self.folder}/root{sys.prefix}")
        words = self.in_root(command, {**self.environment, **environment}, user="0:0", steps=mounts)
        done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_S)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def hold(self) -> None:
        """From here on nobody writes to it: it is mounted once, for all containers."""
        script = f"{self._mount('ro')} && echo mounted && exec sleep infinity"
        self._holder = holding("mounted", "--mount", "--propagation=private", "sh", "-c", script)

    def release(self) -> None:
        """The opposite."""
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait(PATIENCE_S)

    def _mount(self, how: str) -> str:
        layers = f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work"
        mount = f"mount -t overlay overlay -o {layers} {self.folder}/root"
        return f"{mount} && mount -o remount,{how} {self.folder}/root"

    def in_container(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        mounts: Sequence[tuple[Path, str, bool]],
        tmpfs: Sequence[str],
        net: Network,
    ) -> list[str]:
        """The command line that runs ``command`` as Docker does.

        ``mounts``: folder, where, whether to be read only; ``tmpfs`` as compose files say it.
        """
        assert self._holder is not None
        steps = []
        for target, _, options in (each.partition(":") for each in tmpfs):
            steps.append(f"mount -t tmpfs -o {options},mode=1777,noexec,nosuid,nodev tmpfs {self.folder}/root{target}")
        for source, target, read_only in mounts:
            steps.append(f"mount --bind {source} {self.folder}/root{target}")
            if read_only:
                steps.append(f"mount -o remount,bind,ro {self.folder}/root{target}")
        words = self.in_root(command, {**self.environment, **environment}, user=self.user, steps=steps)
        # Its own first process, as in a container: no signal ends it but those that it has a handler for.
        alone = [words[0], "--pid", "--fork", "--kill-child", *words[1:]]
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", *net.enter[1:], *alone]

    def in_root(
        self, command: Sequence[str], environment: Mapping[str, str], *, user: str, steps: Sequence[str]
    ) -> list[str]:
        """The command line that runs ``command`` there, after ``steps``."""
        root = self.folder / "root"
        steps = [
            *steps,
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
        ]
        uid, gid = user.split(":")
        walls = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"] if uid != "0" else []
        words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *walls]
        words += ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        words += ["sh", "-c", f"cd {shlex.quote(self.workdir)} && exec {shlex.join(command)}"]
        script = " && ".join([*steps, f"exec chroot {root} {shlex.join(words)}"])
        return ["unshare", "--mount", "--propagation=private", "sh", "-c", script]


def build(folder: Path) -> Image:
    """The last stage of the Dockerfile."""
    made: dict[str, Image] = {}
    image = Image(folder)
    for number, steps in enumerate(stages((ROOT / "Dockerfile").read_text())):
        image = Image(folder / f"stage-{number}")
        image.begin()
        for step in steps:
            _take(image, step, made)
    return image


def _take(image: Image, step: Instruction, made: dict[str, Image]) -> None:
    match step.name:
        case "FROM":
            _, *name = step.value.split(" AS ")
            made.update(dict.fromkeys(name, image))
        case "WORKDIR":
            image.workdir = step.value
            image.path(step.value).mkdir(parents=True, exist_ok=True)
        case "COPY" if step.flags:
            (source,) = (flag.removeprefix("--from=") for flag in step.flags)
            origin, target = step.words
            shutil.copytree(made[source].path(origin), image.path(target), symlinks=True)
        case "COPY":
            _copy(image, step.words)
        case "RUN":
            pip = {name: value for name, value in os.environ.items() if _OF_PIP.fullmatch(name)}
            image.run(["sh", "-c", step.value], **pip)
        case "ENV":
            for name, value in step.assignments.items():
                image.environment[name] = value.replace("$PATH", image.environment["PATH"])
        case "USER":
            image.user = step.value
        case "CMD":
            image.command = step.words
        case "LABEL" | "VOLUME" | "EXPOSE" | "STOPSIGNAL" | "HEALTHCHECK" | "ENTRYPOINT":
            pass
        case other:
            raise AssertionError(f"the Dockerfile has a step that is not carried out here: {other}")


def _copy(image: Image, words: Sequence[str]) -> None:
    *sources, target = words
    to = image.path(os.path.join(image.workdir, target))
    for source in sources:
        for path in context():
            if path.parts[: len(Path(source).parts)] == Path(source).parts:
                # A folder's contents are copied, a file under its name.
                inside = path.relative_to(source) if str(path) != source else Path(path.name)
                (to / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, to / inside)


def holding(says: str, *command: str) -> subprocess.Popen[bytes]:
    """A process that keeps namespaces, once it has said that they are ready."""
    holder = subprocess.Popen(["unshare", *command], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline().decode().strip() == says
    return holder


class Network:
    """A network of their own, in which the services of a compose file find each other by name."""

    def __init__(self) -> None:
        script = "ip link set lo up && echo up && exec sleep infinity"
        self._holder = holding("up", "--net", "sh", "-c", script)
        self.enter = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    def connect(self, other: Network, own: str, others: str) -> None:
        """A cable to another network, with an address at either end."""
        self._ip("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(other._holder.pid))
        for network, address in ((self, own), (other, others)):
            network._ip("address", "add", f"{address}/24", "dev", "cable")
            network._ip("link", "set", "cable", "up")

    def _ip(self, *arguments: str) -> None:
        subprocess.run([*self.enter, "ip", *arguments], check=True, timeout=PATIENCE_S)

    def close(self) -> None:
        """It ends with the last process in it."""
        self._holder.kill()
        self._holder.wait(PATIENCE_S)
