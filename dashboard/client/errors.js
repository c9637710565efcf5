// SPDX-License-Identifier: BSD-3-Clause

/** Numbers of the errors that the broker names (PROTOCOL.md, section 3.5). */
const CODES = new Map([
  ["forbidden", -32001],
  ["unknown", -32002],
  ["offline", -32003],
  ["refused", -32004],
  ["timeout", -32005],
  ["busy", -32006],
  ["expired", -32007],
  ["failed", -32008],
  ["unsupported", -32009],
  ["taken", -32010],
  ["left", -32011],
]);

/** Why a call has no result: what the other side answered, or what became of the connection. */
export class RpcError extends Error {
  /**
   * @param {number} code as in JSON-RPC 2.0, section 5.1, or of the broker's table
   * @param {string} message a sentence
   * @param {unknown} [data] what else is told; undefined where nothing is
   */
  constructor(code, message, data) {
    const why = reasonIn(data);
    super(why === null ? message : `${message}: ${why}`);
    this.name = "RpcError";
    this.code = code;
    /** The message as it stands on the wire. */
    this.told = message;
    this.data = data;
  }

  /** The name in the broker's table, such as `offline`; null for errors that are not in it. */
  get kind() {
    const kind = /** @type {{ code?: unknown } | null | undefined} */ (this.data)?.code;
    return typeof kind === "string" ? kind : null;
  }

  /**
   * An error of the broker's table.
   * @param {string} kind
   * @param {string} message
   */
  static of(kind, message) {
    return new RpcError(CODES.get(kind) ?? -32000, message, { code: kind });
  }

  /** @param {string} why */
  static invalidRequest(why) {
    return new RpcError(-32600, "Invalid Request", { reason: why });
  }

  /** @param {string} name */
  static methodNotFound(name) {
    return new RpcError(-32601, "Method not found", { reason: `there is no ${name.slice(0, 64)}` });
  }

  /** @param {string} why */
  static invalidParams(why) {
    return new RpcError(-32602, "Invalid params", { reason: why });
  }

  static parseError() {
    return new RpcError(-32700, "Parse error");
  }

  static internal() {
    return new RpcError(-32603, "Internal error");
  }
}

/** @param {unknown} data */
function reasonIn(data) {
  const reason = /** @type {{ reason?: unknown } | null | undefined} */ (data)?.reason;
  return typeof reason === "string" ? reason : null;
}
