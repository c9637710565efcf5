/** Why a call has no result: what the other side answered, or what became of the connection. */
export class RpcError extends Error {
    /**
     * An error of the broker's table.
     * @param {string} kind
     * @param {string} message
     */
    static of(kind: string, message: string): RpcError;
    /** @param {string} why */
    static invalidRequest(why: string): RpcError;
    /** @param {string} name */
    static methodNotFound(name: string): RpcError;
    /** @param {string} why */
    static invalidParams(why: string): RpcError;
    static parseError(): RpcError;
    static internal(): RpcError;
    /**
     * @param {number} code as in JSON-RPC 2.0, section 5.1, or of the broker's table
     * @param {string} message a sentence
     * @param {unknown} [data] what else is told; undefined where nothing is
     */
    constructor(code: number, message: string, data?: unknown);
    code: number;
    /** The message as it stands on the wire. */
    told: string;
    data: unknown;
    /** The name in the broker's table, such as `offline`; null for errors that are not in it. */
    get kind(): string | null;
}
