// SPDX-License-Identifier: BSD-3-Clause
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 120_000 } });
