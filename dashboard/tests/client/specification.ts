// SPDX-License-Identifier: BSD-3-Clause
import { Peer } from "../../client/index.js";

/** The methods that the examples of JSON-RPC 2.0, section 7, speak of. `foobar` and `foo.get` are none. */
export function offerExamples(peer: Peer): Peer {
  return peer
    .method("subtract", (minuend: number, subtrahend: number) => minuend - subtrahend, ["minuend", "subtrahend"])
    .method("sum", (...numbers: number[]) => numbers.reduce((total, number) => total + number, 0))
    .method("get_data", () => ["hello", 5])
    .method("update", () => undefined)
    .method("notify_hello", () => undefined)
    .method("notify_sum", () => undefined);
}

const PARSE_ERROR = '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}';
const INVALID = '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}';
const NOT_FOUND = '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}';

/** The examples as they stand there: what is sent, and what comes back (null: nothing). */
export const EXAMPLES: readonly (readonly [string, string | null])[] = [
  ['{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', '{"jsonrpc": "2.0", "result": 19, "id": 1}'],
  ['{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', '{"jsonrpc": "2.0", "result": -19, "id": 2}'],
  [
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    '{"jsonrpc": "2.0", "result": 19, "id": 3}',
  ],
  [
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    '{"jsonrpc": "2.0", "result": 19, "id": 4}',
  ],
  ['{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', null],
  ['{"jsonrpc": "2.0", "method": "foobar"}', null],
  ['{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', NOT_FOUND],
  ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE_ERROR],
  ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID],
  [
    `[
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method"
    ]`,
    PARSE_ERROR,
  ],
  ["[]", INVALID],
  ["[1]", `[${INVALID}]`],
  ["[1,2,3]", `[${INVALID}, ${INVALID}, ${INVALID}]`],
  [
    `[
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`,
    `[
      {"jsonrpc": "2.0", "result": 7, "id": "1"},
      {"jsonrpc": "2.0", "result": 19, "id": "2"},
      {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
      {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
      {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]`,
  ],
  [
    `[
      {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`,
    null,
  ],
];

interface Answer {
  error?: { code: number; message: string; data?: unknown };
}

/** The answer as the specification shows it: `data` may be in an error besides (section 5.1). */
export function withoutData(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(withoutData);
  const { error, ...more } = answer as Answer;
  return error === undefined ? answer : { ...more, error: { code: error.code, message: error.message } };
}
