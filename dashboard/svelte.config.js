// SPDX-License-Identifier: BSD-3-Clause
export default { compilerOptions: { runes: true } };
