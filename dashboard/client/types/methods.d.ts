/**
 * The parameters of a call by position. Throws an RpcError, -32602, where they are not those that were declared.
 * @param {import("./messages.js").Params} params
 * @param {readonly Parameter[] | null} declared
 * @returns {unknown[]}
 */
export function positional(params: import("./messages.js").Params, declared: readonly Parameter[] | null): unknown[];
/**
 * what it returns, or what its promise does, is the result
 */
export type Method = (...parameters: any[]) => unknown;
export type Parameter = {
    name: string;
    type?: string;
    description?: string;
    required?: boolean;
};
/**
 * `params` is null where it takes whatever comes: parameters by name are one object then
 */
export type Offer = {
    call: Method;
    params: readonly Parameter[] | null;
};
