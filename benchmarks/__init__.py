# SPDX-License-Identifier: BSD-3-Clause
"""What this project costs, measured beside something known: ``python -m benchmarks [--quick] [name …]``.

Machines differ and are shared, so most figures are ratios: ours and the yardstick take turns (A B A B …) in
the same run, and the median counts. Cost is the CPU time of the server's process, which runs alone in it; load comes
from other processes, over loopback. Nothing here judges: a missed target is marked, and the exit code is 0.

``figures`` is the table; ``processes`` starts servers, ends them by pid and reads what they used; ``websocket``,
``mqtt`` and ``link`` are raw peers, cheap enough not to be the bottleneck; ``crowd`` is many of them in a process;
``chromium`` is a page in a browser, ``page_broker`` what it watches; ``servers`` and ``bare_page.html`` are the
yardsticks, ``sink`` is a broker that only counts; ``load`` is what devices say. Each ``bench_…`` measures one promise.
"""
