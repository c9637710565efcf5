// SPDX-License-Identifier: BSD-3-Clause
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const CLIENT = join(ROOT, "client");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pyaiot-client-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the package", () => {
  it("has the types that are in its code", { timeout: 120_000 }, () => {
    execFileSync(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", join(ROOT, "tsconfig.client.json"), "--outDir", folder]);
    const read = (where: string): Record<string, string> =>
      Object.fromEntries(readdirSync(where).map((name) => [name, readFileSync(join(where, name), "utf8")]));
    expect(read(join(CLIENT, "types")), "run npm run types").toEqual(read(folder));
  });

  it("is packed whole, and needs nothing else", { timeout: 120_000 }, () => {
    const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: CLIENT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })) as [{ files: { path: string }[] }];
    const packed = files.map(({ path }) => path);
    const sources = readdirSync(CLIENT).filter((name) => name.endsWith(".js"));
    expect(packed).toEqual(expect.arrayContaining([...sources, "LICENSE", "README.md", "package.json", "types/index.d.ts"]));
    for (const name of sources) {
      for (const [, from] of readFileSync(join(CLIENT, name), "utf8").matchAll(/^(?:import|export) .*from "(.*)"/gm)) expect(sources).toContain(from?.replace("./", ""));
    }
  });
});
