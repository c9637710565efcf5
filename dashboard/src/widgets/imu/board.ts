// SPDX-License-Identifier: BSD-3-Clause
import { Box, Mesh, Program, Transform, type OGLRenderingContext } from "ogl";

/** What the parts of the board are coloured with: names of app.css. */
export const TONES = ["accent", "slate", "amber", "rose", "green", "blue", "line-strong"] as const;
export type Tone = (typeof TONES)[number];

/** One box: its size along the board's x, y, z, and where its middle is. */
interface Part {
  readonly tone: Tone | "chip";
  readonly size: readonly [number, number, number];
  readonly at: readonly [number, number, number];
}

const THICK = 0.09;
const AXIS = 0.055;
/** Chips are black, by day and by night. */
const CHIP = [0.09, 0.11, 0.14] as const;

/** A small circuit board with its plug at the near end, and arms along its axes: red x, green y, blue z. */
const PARTS: readonly Part[] = [
  { tone: "accent", size: [1.1, 1.7, THICK], at: [0, 0, 0] },
  { tone: "slate", size: [0.42, 0.34, 0.16], at: [0, -0.82, 0.12] },
  { tone: "chip", size: [0.44, 0.44, 0.1], at: [0, 0.1, 0.09] },
  { tone: "amber", size: [0.1, 0.1, 0.07], at: [0.38, -0.6, 0.07] },
  { tone: "line-strong", size: [0.08, 1.3, 0.05], at: [-0.46, 0.05, 0.06] },
  { tone: "line-strong", size: [0.08, 1.3, 0.05], at: [0.46, 0.05, 0.06] },
  { tone: "rose", size: [0.7, AXIS, AXIS], at: [0.9, 0, 0] },
  { tone: "green", size: [AXIS, 0.6, AXIS], at: [0, 1.15, 0] },
  { tone: "blue", size: [AXIS, AXIS, 0.75], at: [0, 0.1, 0.5] },
];

const VERTEX = `
attribute vec3 position;
attribute vec3 normal;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform mat3 normalMatrix;
varying vec3 vNormal;
void main() {
  vNormal = normalize(normalMatrix * normal);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

// Lit from above the reader's left shoulder; nothing is ever black.
const FRAGMENT = `
precision mediump float;
uniform vec3 uColour;
varying vec3 vNormal;
void main() {
  float light = max(dot(normalize(vNormal), normalize(vec3(-0.35, 0.75, 0.6))), 0.0);
  gl_FragColor = vec4(uColour * (0.55 + 0.5 * light), 1.0);
}`;

/** The board, to be put into a scene; one program a tone. */
export class Board {
  readonly body = new Transform();
  readonly #programs = new Map<Part["tone"], Program>();

  constructor(gl: OGLRenderingContext) {
    for (const { tone, size, at } of PARTS) {
      const program = this.#programs.get(tone) ?? new Program(gl, { vertex: VERTEX, fragment: FRAGMENT, uniforms: { uColour: { value: [0, 0, 0] } } });
      this.#programs.set(tone, program);
      const mesh = new Mesh(gl, { geometry: new Box(gl, { width: size[0], height: size[1], depth: size[2] }), program, frustumCulled: false });
      mesh.position.set(at[0], at[1], at[2]);
      mesh.setParent(this.body);
    }
  }

  paint(colours: ReadonlyMap<Tone, readonly [number, number, number]>): void {
    for (const [tone, program] of this.#programs) {
      program.uniforms["uColour"] = { value: [...(tone === "chip" ? CHIP : (colours.get(tone) ?? CHIP))] };
    }
  }
}
