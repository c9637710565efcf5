// SPDX-License-Identifier: BSD-3-Clause
import { Camera, Renderer, Transform } from "ogl";
import type { Quaternion } from "./attitude.ts";
import { Board, type Tone } from "./board.ts";

/** A stage that nobody draws on goes after this time. */
const IDLE_MS = 20_000;
/** A browser that took the stage away so often gets no other. */
const MAX_LOST = 3;
/** As the renderer asks for them: a canvas gives one context only. */
const ATTRIBUTES = { alpha: true, depth: true, stencil: false, antialias: true, premultipliedAlpha: true, preserveDrawingBuffer: false } as const;

export type Colours = ReadonlyMap<Tone, readonly [number, number, number]>;

/** The one place where bodies are drawn: browsers allow few WebGL contexts, so that all widgets share this one. */
class Stage {
  readonly #renderer: Renderer;
  readonly #scene = new Transform();
  readonly #camera: Camera;
  readonly #board: Board;

  constructor(canvas: HTMLCanvasElement) {
    this.#renderer = new Renderer({ canvas, ...ATTRIBUTES, dpr: 1, width: 1, height: 1 });
    const { gl } = this.#renderer;
    gl.clearColor(0, 0, 0, 0);
    this.#camera = new Camera(gl, { fov: 32, near: 0.1, far: 20 });
    // z is up, the reader sits at the plug's end and looks down a little.
    this.#camera.up.set(0, 0, 1);
    this.#camera.position.set(0.9, -4.1, 2.6);
    this.#camera.lookAt([0, 0.05, 0.1]);
    this.#board = new Board(gl);
    this.#board.body.setParent(this.#scene);
  }

  draw(target: HTMLCanvasElement, attitude: Quaternion, colours: Colours): void {
    const { width, height } = target;
    const context = target.getContext("2d");
    if (context === null || width === 0 || height === 0) return;
    if (this.#renderer.width !== width || this.#renderer.height !== height) {
      this.#renderer.setSize(width, height);
      this.#camera.perspective({ aspect: width / height });
    }
    this.#board.paint(colours);
    this.#board.body.quaternion.set(...attitude);
    this.#renderer.render({ scene: this.#scene, camera: this.#camera });
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#renderer.gl.canvas, 0, 0);
  }

  end(): void {
    this.#renderer.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

let stage: Stage | null = null;
let idle: ReturnType<typeof setTimeout> | undefined;
let lost = 0;

/** Draws the body onto a canvas of any size; false where this browser has no WebGL. */
export function drawBody(target: HTMLCanvasElement, attitude: Quaternion, colours: Colours): boolean {
  stage ??= opened();
  if (stage === null) return false;
  stage.draw(target, attitude, colours);
  clearTimeout(idle);
  idle = setTimeout(close, IDLE_MS);
  return true;
}

function opened(): Stage | null {
  if (lost >= MAX_LOST) return null;
  const canvas = document.createElement("canvas");
  if ((canvas.getContext("webgl2", ATTRIBUTES) ?? canvas.getContext("webgl", ATTRIBUTES)) === null) {
    lost = MAX_LOST;
    return null;
  }
  const made = new Stage(canvas);
  canvas.addEventListener("webglcontextlost", () => {
    // Ended by us, or taken by the browser: then the next sample opens another.
    if (stage !== made) return;
    stage = null;
    lost += 1;
  });
  return made;
}

function close(): void {
  const ended = stage;
  stage = null;
  ended?.end();
}
