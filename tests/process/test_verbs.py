# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of ``aiot`` that talk to a broker, as scripts and shells use them."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from pyaiot.cli import completion
from pyaiot.client import Client
from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.process.feeders import feeding
from tests.process.processes import Host


async def test_exit_codes_tell_a_script_what_became_of_it(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    _, guarded = await host.broker("--require-token")
    nobody = lasting_port("localhost")
    for words, broker, code, said in (
        (("ls",), f"localhost:{port}", 0, "No node is there."),
        (("get", "coap/1"), f"localhost:{port}", 1, "aiot: there is no such node"),
        (("set", "coap/1", "led", "1"), f"localhost:{port}", 1, "aiot: there is no such node"),
        (("call", "nobody", "x"), f"localhost:{port}", 1, "aiot: there is no such entity"),
        (
            ("ls",),
            f"localhost:{nobody}",
            3,
            "nothing listens there: start it (aiot-broker, aiot up), or",
        ),
        (("ls",), f"localhost:{guarded}", 4, "--token or AIOT_TOKEN"),
        (("ls", "--token", "wrong"), f"localhost:{guarded}", 4, "token"),
        (("ls",), "ftp://x", 78, "--broker: 'ftp://x' is no address of a broker"),
        (("ls", "--type"), f"localhost:{port}", 78, "expected one argument"),
        (("get",), f"localhost:{port}", 78, "NODE"),
        (("get", "coap/1", "--read"), f"localhost:{port}", 78, "--read: of which resource?"),
        (("ls", "--gone"), f"localhost:{port}", 0, "No node went."),
        (("ls", "--gone", "--type", "x"), f"localhost:{port}", 78, "it takes no filter"),
        (("dismiss", "coap/1"), f"localhost:{port}", 1, "aiot: no node went that is called so"),
        (("dismiss", "--all"), f"localhost:{port}", 0, "No node went."),
        (("dismiss",), f"localhost:{port}", 78, "say which nodes, or --all"),
        (("call", "x", "y", "1", "a=2"), f"localhost:{port}", 78, "all as NAME=VALUE"),
    ):
        done = await host.run("aiot", *words, environment={"AIOT_BROKER": broker})
        assert (done.code, len((done.out + done.err).splitlines())) == (code, 1), (words, done)
        assert said in done.out + done.err, (words, done)


async def test_programs_get_json(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    async with feeding(keys, "coap", port, devices=2, per_s=100) as feeder:
        await feeder.acknowledged(40)

        async def told(*words: str) -> list[dict[str, object]]:
            done = await host.run("aiot", *words, "--json", environment={"AIOT_BROKER": f"localhost:{port}"})
            return [json.loads(line) for line in (done.out or done.err).splitlines()]

        nodes = await told("ls", "coap/n0")
        assert [(node["uid"], node["state"]) for node in nodes] == [("coap/n0", "online")]
        (reading,) = await told("get", "coap/n1", "count0")
        assert isinstance(reading["value"], int)
        (written,) = await told("set", "coap/n0", "mode", "5")
        assert (written["data"], written["value"]) == (5, 5)
        assert [each["kind"] for each in await told("entities")] == ["device", "device"]
        feeder.stop_feeding()
        feeder.leave("n0")
        while not (gone := await told("ls", "--gone")):
            pass
        assert [(node["uid"], node["state"], node["why"]) for node in gone] == [("coap/n0", "gone", "closed")]
        done = await host.run("aiot", "ls", "--gone", environment={"AIOT_BROKER": f"localhost:{port}"})
        assert "closed its connection" in done.out
        assert await told("dismiss", "--all") == [{"dismissed": "coap/n0"}]
        assert await told("ls", "--gone") == []
        assert await told("get", "coap/9") == [{"error": {"code": "unknown", "message": "there is no such node"}}]


@pytest.mark.needs("bash")
async def test_a_shell_completes_verbs_options_and_what_is_there(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    host.environment["AIOT_BROKER"] = f"localhost:{port}"
    async with feeding(keys, "coap", port, devices=2, per_s=100) as feeder:
        await feeder.acknowledged(40)

        async def completed(line: str) -> list[str]:
            words = " ".join(f"'{word}'" for word in line.split(" "))
            script = (
                f'eval "$(aiot completion bash)"; COMP_WORDS=({words}); COMP_CWORD=$(({len(line.split(" "))} - 1)); '
                '_aiot; printf "%s\\n" "${COMPREPLY[@]}"'
            )
            shell = await host.start_program("bash", "-c", script, name="bash")
            assert await shell.ended() == 0, shell.text
            return shell.lines

        assert await completed("aiot en") == ["entities"]
        assert await completed("aiot get --r") == ["--read"]
        assert await completed("aiot up --dem") == ["--demo"]
        assert await completed("aiot set coap/n") == ["coap/n0", "coap/n1"]
        assert await completed("aiot set coap/n0 count") == ["count0", "count1", "count2", "count3"]


#: Names of methods that a shell, or a terminal, would obey.
EVIL = ["$(touch obeyed)", "`touch obeyed`", "a;touch obeyed", "two words", "*", "~", "--broker", "'", "é"]


async def test_only_names_that_are_plain_in_any_shell_are_completed(
    host: Host, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = await host.broker()
    monkeypatch.setenv("AIOT_BROKER", f"localhost:{port}")
    async with Client(f"localhost:{port}") as client:
        for name in [*EVIL, "do-it", "do_it.2:b/c"]:
            client.method(name)(lambda: None)
        await client.register("evil")
        complete = partial(asyncio.to_thread, completion.complete)
        assert await complete(["aiot", "call", "evil", ""], 3) == ["do-it", "do_it.2:b/c"]
        assert await complete(["aiot", "call", "evil", "$"], 3) == []
        assert await complete(["aiot", "call", "ev"], 2) == ["evil"]


@pytest.mark.needs("bash")
async def test_bash_is_given_nothing_that_it_would_obey(host: Host) -> None:
    """Whatever ``aiot completion words`` says, as a broker of another age might have it."""
    (host.home / "said").write_text("\n".join([*EVIL, "coap/n0"]) + "\n", encoding="utf-8")
    (host.home / "evil").write_text(completion.SCRIPTS["bash"], encoding="utf-8")
    script = (
        "aiot() { cat said; }; . ./evil; COMP_WORDS=(aiot ''); COMP_CWORD=1; _aiot; "
        'for word in "${COMPREPLY[@]}"; do eval "printf \'%s\\n\' $word"; done; ls obeyed'
    )
    shell = await host.start_program("bash", "-c", script, name="bash")
    await shell.ended()
    assert shell.lines[: len(EVIL) + 1] == [*EVIL, "coap/n0"]
    assert "cannot access 'obeyed'" in shell.text


@pytest.mark.needs("bash")
async def test_pipes_disks_and_encodings_of_a_shell_are_no_reason_for_a_traceback(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    host.environment["AIOT_BROKER"] = f"localhost:{port}"
    async with Client(f"localhost:{port}") as client:
        await client.register("sign")
        await client.publish("21°\x9b", "t")
        for line, code, said in (
            ("aiot ls | true", 0, ""),
            ("aiot ls >/dev/full", 1, "aiot: standard output: No space left on device"),
            ("aiot ls >&-", 0, ""),
            ("PYTHONIOENCODING=ascii aiot get peer/sign t", 0, r"21\xb0\ufffd"),
            (
                "PYTHONIOENCODING=ascii aiot get peer/sign t --json | grep -o value.*,.a",
                0,
                r'value":"21\u00b0\u009b","a',
            ),
            (r"printf '\xff\n' | aiot publish t - --id bytes", 0, ""),
            (r"aiot get $'\xff'", 78, r"aiot: the command line has a word that is not UTF-8: '\udcff'"),
        ):
            shell = await host.start_program("bash", "-o", "pipefail", "-c", line, name=line)
            assert (await shell.ended(), shell.text) == (code, said), line


async def test_no_device_is_waited_for_longer_than_the_broker_does(host: Host, keys: Keys) -> None:
    _, port = await host.broker()
    async with Client(f"localhost:{port}") as client:
        client.method("t")(lambda: 5)
        await client.register("sign")
        environment = {"AIOT_BROKER": f"localhost:{port}"}
        done = await host.run("aiot", "get", "peer/sign", "t", "--read", "--timeout", "20", environment=environment)
        assert (done.code, done.out.strip()) == (0, "5"), done
