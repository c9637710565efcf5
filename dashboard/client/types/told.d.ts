/**
 * The parameters of `nodes.changed` (PROTOCOL.md, section 3.5); null where they are none. What is no change, or one of
 * a kind that is not known here, is left out. Pure, and never throws.
 * @param {any} params
 * @returns {Changed | null}
 */
export function readChanged(params: any): Changed | null;
/**
 * The parameters of `entities.published`; null where they are none.
 * @param {any} params
 * @returns {Published | null}
 */
export function readPublished(params: any): Published | null;
/**
 * The parameters of `entities.registered` and `entities.left`; null where they are none.
 * @param {any} params
 * @param {boolean} left
 * @returns {Registered | null}
 */
export function readRegistered(params: any, left: boolean): Registered | null;
export type Told = import("./view.js").Told;
/**
 * a bookmark of the broker's, to be given back as it is
 */
export type Version = string | number;
export type Changed = {
    watch: number;
    version: Version;
    changes: Told[];
    synced: boolean;
};
export type Published = {
    id: string;
    topic?: string;
    content: any;
    skipped?: number;
};
/**
 * `left`: it is gone
 */
export type Registered = {
    id: string;
    type?: string;
    kind?: string;
    left: boolean;
};
